"""How the description of a door is held against what the running server answers."""

from __future__ import annotations

from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

PROMISES = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
DOCUMENT = {
    "title": "Say",
    "inputs": [{"name": "text", "type": "text", "default": "hello"}],
    "tasks": [{"name": "say", "type": "echo", "inputs": {"text": "{{inputs.text}}"}}],
    "outputs": [{"name": "said", "value": "{{tasks.say.outputs.text}}"}],
}


def examples(count: int) -> settings:
    """Return how so many requests are made up: the same ones each time, whatever the machine is doing."""
    return settings(
        max_examples=count,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
