"""The pieces of work."""

from __future__ import annotations

import pytest
from bench.works import Work


@pytest.mark.parametrize(
    ("work", "tasks", "title"),
    [
        (Work("chain", 40, times=10), 400, "chain of 40 no-op tasks, 10 times in a row"),
        (Work("fanout", 1000), 1002, "fan-out 1 → 1,000 → 1 no-op tasks"),
        (Work("shell", 500, at_once=16), 500, "500 shell steps `true`, 16 at once"),
    ],
)
def test_work_says_how_many_tasks_it_has(work: Work, tasks: int, title: str) -> None:
    assert work.tasks == tasks
    assert work.title == title
