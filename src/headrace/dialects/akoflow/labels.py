"""What a run remembers beside its definition, so that a restarted server finds it again."""

from __future__ import annotations

import json
from typing import Any

from headrace.definition.model import WorkflowDefinition

WEBHOOK, RERUN_OF, WARNINGS = "webhook", "rerun_of", "warnings"
"""Labels: it has webhooks; id of the run that it repeats; what was odd about its document, as JSON."""

OWN_LABELS = frozenset({WEBHOOK, RERUN_OF, WARNINGS})
"""Names of labels that nobody else may set."""


def labels_of(definition: WorkflowDefinition, warnings: list[dict[str, Any]] | None = None) -> dict[str, str]:
    """Return the labels of a run."""
    labels = {WARNINGS: json.dumps(warnings)} if warnings else {}
    return labels | {WEBHOOK: "akoflow"} if definition.annotations.get("webhooks") else labels
