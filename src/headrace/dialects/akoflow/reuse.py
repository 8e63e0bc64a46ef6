"""What a rerun takes over, and whether that is still there."""

from __future__ import annotations

import os
from collections.abc import Mapping

from headrace.dialects.akoflow import views
from headrace.dialects.akoflow.directories import LISTS, PRIVATE
from headrace.dialects.akoflow.staging import STAGING
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
    is_listed = home is None or os.path.isdir(f"{home}{LISTS}")  # noqa: PTH112
    if not is_listed and _needs_lists(execution, plan):
        message = (
            f"What the volumes of workflow {execution.number} had is not known any more, so nothing of it "
            "can be reused; run it again from the start, which begins with what they have now."
        )
        return Problem(path="/from", code=GONE, message=message)
    for needed_too in () if home is None else (home, f"{home}{LISTS}"):
        if os.path.isdir(needed_too):  # noqa: PTH112
            os.utime(needed_too, (now, now))
    return None


def _needs_lists(execution: Execution, plan: Mapping[str, Planned]) -> bool:
    """Tell whether results are used that stand beside volumes that were brought in."""
    kinds = {name: node.task.annotations.get(STAGING) for name, node in execution.graph.nodes.items()}
    is_used = any(planned.mode == "reuse" and kinds[name] is None for name, planned in plan.items())
    return is_used and any(
        kinds[name] == "in" and any(each.state == "succeeded" for each in planned.recordings)
        for name, planned in plan.items()
    )
