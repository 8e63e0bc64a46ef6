"""Plans of reruns: successes are used again, unless the files that they left were changed since.

Files are moved again, for those who run again work on what lies there now.
"""

from __future__ import annotations

from headrace.dialects.akoflow.reuse import what_is_gone
from headrace.dialects.akoflow.routes.histories import sources_of
from headrace.dialects.akoflow.staging import STAGING
from headrace.engine.execution import Execution
from headrace.engine.plans import Planned, Reason
from headrace.engine.rerun import StartFrom, plan_rerun
from headrace.errors import InvalidInput
from headrace.orchestrator.services import Services
from headrace.provenance.comparing import changed_since

_CHANGED = Reason("files_changed", "A file that it made or changed is not what the run left.")
_MOVED_AGAIN = Reason("moves_files", "It moves files for what runs again.")


async def plan_again(execution: Execution, start_from: StartFrom, services: Services) -> dict[str, Planned]:
    """Return the plan of a rerun.

    Raises `TransitionRefused`, `NotFound`, and `InvalidInput` when a directory is gone as a whole: a rerun
    says so, rather than begin in half of one.
    """
    plan = plan_rerun(execution, start_from)
    if (gone := what_is_gone(execution, plan, services.clock.now())) is not None:
        raise InvalidInput([gone], gone.message)
    return _moving_files(execution, await _without_changed(execution, plan, services))


async def _without_changed(
    execution: Execution, plan: dict[str, Planned], services: Services
) -> dict[str, Planned]:
    """Return the plan in which activities run again whose files were changed."""
    reused = {name for name, planned in plan.items() if planned.mode == "reuse"}
    if not reused:
        return plan
    sources = [source async for source in sources_of(execution, services)]
    numbers = [source.execution.number for source in reversed(sources)]
    found = await changed_since(services.store.provenance, numbers)
    changed = {
        name
        for source in sources
        for name in source.activities & reused
        if (source.execution.number, name) in found
    }
    if not changed:
        return plan
    again = [name for name, planned in plan.items() if planned.mode == "run"]
    wider = plan_rerun(execution, [*again, *changed])
    return {
        name: plan[name]
        if plan[name].mode != "reuse"
        else Planned(mode="run", reason=_CHANGED)
        if name in changed
        else planned
        for name, planned in wider.items()
    }


def _moving_files(execution: Execution, plan: dict[str, Planned]) -> dict[str, Planned]:
    """Return the plan in which volumes come in, and files come to each activity that runs again."""
    return {
        name: Planned(mode="run", reason=_MOVED_AGAIN)
        if planned.mode == "reuse" and _moves_files(execution, plan, name)
        else planned
        for name, planned in plan.items()
    }


def _moves_files(execution: Execution, plan: dict[str, Planned], name: str) -> bool:
    node = execution.graph.nodes[name]
    match node.task.annotations.get(STAGING):
        case "in":
            return True
        case "bring":
            return any(plan[target].mode == "run" for target in node.targets)
        case _:
            return False
