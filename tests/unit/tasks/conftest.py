from __future__ import annotations

import pytest

from headrace.tasks import core, text, web, web_text
from headrace.tasks.library import Library, types_of


@pytest.fixture(scope="session")
def library() -> Library:
    return Library(each for module in (core, text, web, web_text) for each in types_of(module))
