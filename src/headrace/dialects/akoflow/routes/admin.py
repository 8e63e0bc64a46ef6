"""Leads from the addresses of the AkoFlow pages to the matching ones of our user interface.

Open to everybody, because a browser that follows an old bookmark has no token yet: nothing is looked up.
"""

from __future__ import annotations

import re

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from headrace.dialects.akoflow.render import UI
from headrace.dialects.akoflow.routes.operations import Operation

_PREFIX = "/akoflow-admin"
_WORKFLOW = re.compile(r"workflows?/([1-9][0-9]{0,18})(/.*)?", re.ASCII)


class AdminRoutes:
    """Old addresses."""

    def operations(self) -> list[Operation]:
        """Return the table of these routes."""
        return [
            Operation("GET", _PREFIX, "public", self.lead, 302),
            Operation("GET", f"{_PREFIX}/{{page:path}}", "public", self.lead, 302),
        ]

    async def lead(self, request: Request) -> Response:
        """Lead to the user interface."""
        found = _WORKFLOW.fullmatch(request.path_params.get("page", ""))
        return RedirectResponse(UI if found is None else f"{UI}/{found[1]}", 302)
