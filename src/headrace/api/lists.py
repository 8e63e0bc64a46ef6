"""Parameters that all lists share."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query

Limit = Annotated[int, Query(ge=1, le=1000, description="How many items a page has.")]
Cursor = Annotated[str | None, Query(max_length=256, description="`next_cursor` of the page before.")]
