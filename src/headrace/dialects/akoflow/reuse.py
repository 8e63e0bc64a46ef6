"""What a rerun takes over, and whether that is still there."""

from __future__ import annotations

import os
from collections.abc import Mapping

from headrace.dialects.akoflow import views
from headrace.dialects.akoflow.directories import LISTS, PRIVATE
from headrace.engine.execution import Execution
from headrace.engine.plans import Planned
from headrace.errors import Problem

GONE = "directory_gone"


def what_is_gone(execution: Execution, plan: Mapping[str, Planned], now: float) -> Problem | None:
    """Return a problem when a directory of an activity that is not run again is not there any more.

    What is there is marked by its time as needed, so that nothing removes it meanwhile.
    """
    needed = dict.fromkeys(
        each.directory
        for each in views.activities(execution)
        if each.command is not None and each.state == "succeeded" and plan[each.task.name].mode == "reuse"
    )
    for directory in filter(None, needed):
        if not os.path.isdir(directory):  # noqa: PTH112 - there may be thousands
            message = (
                f"The directory '{directory}' of workflow {execution.number} is gone, so nothing of it can "
                "be reused; run it again from the start."
            )
            return Problem(path="/from", code=GONE, message=message)
    home = execution.inputs.get(PRIVATE)
    for needed_too in () if home is None else (home, f"{home}{LISTS}"):
        if os.path.isdir(needed_too):  # noqa: PTH112
            os.utime(needed_too, (now, now))
    return None
