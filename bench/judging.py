"""How long the judgement of a document takes on its way in, before anything is stored or run."""

from __future__ import annotations

import gc
import json
import statistics
import time
from collections.abc import Callable

from bench.figures import MILLISECONDS, Judgement
from headrace.app import GARBAGE_THRESHOLDS
from headrace.dialects.dataflow.dialect import DataflowDialect
from headrace.tasks.library import Library

LINKS = 3
"""Earlier tasks that a task waits for and whose outputs it reads."""


def judge(tasks: int, repetitions: int, tell: Callable[[str], None]) -> Judgement:
    """Return the processor time in which a Data Flow document of so many tasks is read and found right."""
    tell(f"Judging a document of {tasks:,} tasks.")
    source, library, dialect = _document(tasks), Library.installed(), DataflowDialect()
    gc.freeze()
    gc.set_threshold(*GARBAGE_THRESHOLDS)  # as in a server
    spent = []
    for _ in range(1 + 4 * repetitions):
        began = time.process_time()
        parsed = dialect.parse(source, library, max_tasks=tasks)
        spent.append((time.process_time() - began) * MILLISECONDS)
        assert parsed.definition is not None, parsed.problems[0]
    return Judgement(tasks=tasks, size=len(source), cpu=statistics.median(spent[1:]))


def _document(tasks: int) -> bytes:
    """Return a document in which every task reads what earlier ones put out."""

    def text(index: int) -> str:
        read = [
            f"{{{{tasks.t{each}.outputs.truncated_text}}}}" for each in range(max(0, index - LINKS), index)
        ]
        return " and ".join(["{{inputs.text}}", *read])

    document = {
        "title": f"{tasks} tasks",
        "inputs": [{"name": "text", "type": "text"}],
        "tasks": [
            {
                "name": f"t{index}",
                "type": "text.truncate",
                "inputs": {"text": text(index), "length": 100},
                "depends_on": [f"t{each}" for each in range(max(0, index - LINKS), index)],
            }
            for index in range(tasks)
        ],
        "outputs": [{"name": "text", "value": f"{{{{tasks.t{tasks - 1}.outputs.truncated_text}}}}"}],
    }
    return json.dumps(document).encode()
