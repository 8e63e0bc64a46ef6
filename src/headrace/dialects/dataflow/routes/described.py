"""What the OpenAPI document says of each route: parameters, bodies, media types, and the one shape of errors.

The routes are found by the names of their endpoints; how an answer is spelled depends on the document that it
speaks of, so answers are described as objects.
"""

from __future__ import annotations

import re
from typing import Any

from headrace.http.doorway import Operation

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string"}
_OBJECT: Schema = {"type": "object"}
_JSON = "application/json"

_QUERY: dict[str, Schema] = {
    "limit": {"type": "integer", "minimum": 1, "maximum": 1000},
    "cursor": _TEXT,
    "status": {"enum": ["PENDING", "RUNNING", "COMPLETED", "FAILED", "CANCELLED"]},
    "wait": {"type": "number", "minimum": 0, "maximum": 60},
    "after": {"type": "integer", "minimum": 0},
    "attempt": {"type": "integer", "minimum": 1},
    "offset": {"anyOf": [{"type": "integer", "minimum": 0}, _TEXT]},
    "follow": {"type": "boolean"},
    "name": _TEXT,
    "from": {"type": "integer", "minimum": 1},
}
_QUERIES: dict[str, tuple[str, ...]] = {
    "list_workflows": ("limit", "cursor"),
    "list_versions": ("limit", "cursor"),
    "compare_versions": ("from",),
    "list_executions": ("limit", "cursor", "status"),
    "get_execution": ("wait",),
    "list_deliveries": ("limit", "cursor"),
    "list_events": ("after",),
    "get_logs": ("attempt", "offset", "limit", "follow"),
    "upload": ("name",),
}
_HEADERS: dict[str, tuple[str, ...]] = {
    "create": ("Idempotency-Key",),
    "start": ("Idempotency-Key", "X-OpenAI-Key"),
    "execute": ("Idempotency-Key", "X-OpenAI-Key"),
    "rerun": ("Idempotency-Key", "X-OpenAI-Key"),
    "update": ("If-Match",),
    "delete": ("If-Match",),
    "list_events": ("Last-Event-ID",),
    "get_logs": ("Last-Event-ID",),
    "get_output": ("Range", "If-Range"),
    "get_task_output": ("Range", "If-Range"),
    "get_content": ("Range", "If-Range", "If-None-Match"),
    "get_workflow": ("If-None-Match",),
    "get_version": ("If-None-Match",),
}
_WORKFLOW: Schema = {
    "type": "object",
    "properties": {
        "title": {"type": "string", "minLength": 1, "maxLength": 200},
        "inputs": {"type": "array", "items": _OBJECT},
        "tasks": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "properties": {
                    "name": _TEXT,
                    "type": _TEXT,
                    "inputs": {"anyOf": [_OBJECT, {"type": "array", "items": _OBJECT}]},
                    "condition": {"anyOf": [{"type": "boolean"}, _TEXT]},
                    "retry": _OBJECT,
                    "fallback": _OBJECT,
                    "depends_on": {"type": "array", "items": _TEXT},
                    "timeout": {"type": "number", "exclusiveMinimum": 0, "maximum": 86_400},
                },
                "required": ["name", "type"],
            },
        },
        "outputs": {"type": "array", "items": _OBJECT},
        "sequential": {"type": "boolean"},
    },
    "required": ["title", "tasks"],
}
_START: Schema = {
    "type": "object",
    "properties": {"inputs": _OBJECT, "monitoring": _OBJECT, "webhook_url": _TEXT},
}
_RERUN: Schema = {
    "type": "object",
    "properties": {
        "from": {"anyOf": [{"enum": ["failed", "start"]}, {"type": "array", "items": _TEXT, "minItems": 1}]}
    },
}
_BODIES: dict[str, tuple[bool, str, Schema]] = {
    "create": (True, _JSON, _WORKFLOW),
    "update": (True, _JSON, _WORKFLOW),
    "validate": (True, _JSON, _WORKFLOW),
    "start": (False, _JSON, _START),
    "execute": (False, _JSON, _START),
    "rerun": (False, _JSON, _RERUN),
    "upload": (True, "application/octet-stream", {"type": "string", "format": "binary"}),
}
_RAW = ("get_output", "get_task_output", "get_content")
"""Their answers are values as they are, whole or in part."""
_STREAMS = ("list_events", "get_logs")
"""They may also answer with server-sent events."""

_PROBLEM: Schema = {
    "type": "object",
    "properties": {
        "path": _TEXT,
        "code": _TEXT,
        "message": _TEXT,
        "suggestion": {"type": ["string", "null"]},
    },
    "required": ["path", "code", "message", "suggestion"],
}
_ERROR: Schema = {
    "type": "object",
    "properties": {
        "error": _TEXT,
        "message": _TEXT,
        "errors": {"type": "array", "items": _PROBLEM},
        "warnings": {"type": "array", "items": _PROBLEM},
    },
    "required": ["error", "message", "errors", "warnings"],
}


def takes(name: str, path: str) -> Schema:
    """Return what OpenAPI says of the parameters and the body of a route."""
    parameters = [
        {"name": each, "in": "path", "required": True, "schema": _TEXT}
        for each in re.findall(r"\{(\w+)\}", path)
    ]
    parameters += [{"name": each, "in": "query", "schema": _QUERY[each]} for each in _QUERIES.get(name, ())]
    parameters += [{"name": each, "in": "header", "schema": _TEXT} for each in _HEADERS.get(name, ())]
    found: Schema = {"parameters": parameters}
    if name in _BODIES:
        required, media_type, schema = _BODIES[name]
        found["requestBody"] = {"required": required, "content": {media_type: {"schema": schema}}}
    return found


def gives(name: str, status: int) -> dict[int | str, Schema]:
    """Return what OpenAPI says of the answers of a route."""
    done: Schema = {"description": "Done."}
    if name in _RAW:
        done["content"] = {"*/*": {"schema": {}}}
    elif status != 204:
        done["content"] = {_JSON: {"schema": _OBJECT}}
    if name in _STREAMS:
        done["content"]["text/event-stream"] = {"schema": {}}
    found: dict[int | str, Schema] = {status: done}
    if name in _RAW:
        found[206] = {**done, "description": "A part."}
    if "If-None-Match" in _HEADERS.get(name, ()):
        found[304] = {"description": "Known already."}
    found["default"] = {"description": "Not done.", "content": {_JSON: {"schema": _ERROR}}}
    return found


def route(operation: Operation) -> dict[str, Any]:
    """Return what OpenAPI says of a route."""
    name = operation.endpoint.__name__
    return {
        "operation_id": f"dataflow_{name}",
        "responses": gives(name, operation.status),
        "openapi_extra": takes(name, operation.path),
    }
