"""Reads where the changes of a run are to be sent (sections 1 and 8 of the specification)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import Literal as OneOf, get_args

from msgspec import Struct

from headrace.dialects.dataflow import fields
from headrace.dialects.dataflow.fields import Fields, Given
from headrace.dialects.dataflow.findings import Findings
from headrace.dialects.dataflow.wire import MONITORING, WEBHOOK
from headrace.errors import Problem

EventName = OneOf[
    "execution.running",
    "execution.completed",
    "execution.failed",
    "execution.cancelled",
    "task.completed",
    "task.failed",
    "task.skipped",
    "task.cancelled",
]
EVENTS: tuple[EventName, ...] = get_args(EventName)
_SHORT: dict[str, EventName] = {
    "started": "execution.running",
    "completed": "execution.completed",
    "failed": "execution.failed",
    "cancelled": "execution.cancelled",
}
_SECRET_PREFIX = "whsec_"  # noqa: S105 - the documented prefix, no secret

CheckUrl = Callable[[str, str], Problem | None]
"""Judges a URL given at a JSON pointer: `invalid_url`, `egress_blocked` or nothing."""


class Webhook(Struct, frozen=True):
    """Where the changes of a run are sent."""

    url: str
    events: tuple[EventName, ...] | None = None
    """Only these; None is all."""
    secret: str | None = None
    """Signing secret, `whsec_…`; None takes the operator's."""


def read_webhook(top: Fields, check_url: CheckUrl, findings: Findings) -> Webhook | None:
    """Return the webhook of a start body; None when there is none or a problem was told."""
    urls: list[Given] = [top["webhook_url"]] if "webhook_url" in top else []
    secrets: list[Given] = []
    events: Given | None = None
    if "monitoring" in top:
        given = top["monitoring"]
        monitoring = fields.read_fields(given.value, given.path, MONITORING, findings)
        urls += [monitoring["webhook_url"]] if "webhook_url" in monitoring else []
        secrets += [monitoring["webhook_secret"]] if "webhook_secret" in monitoring else []
        webhook = monitoring.get("webhook")
        if webhook is not None and isinstance(webhook.value, dict):
            inner = fields.read_fields(webhook.value, webhook.path, WEBHOOK, findings)
            if "url" not in inner:
                findings.problem(webhook.path, "missing_field", "A webhook needs a 'url'.")
            urls += [inner["url"]] if "url" in inner else []
            secrets += [inner["secret"]] if "secret" in inner else []
            events = inner.get("events")
        elif webhook is not None and isinstance(webhook.value, str):
            urls.append(webhook)
        elif webhook is not None:
            message = f"'{webhook.key}' is a URL or an object with a 'url', not {fields.kind(webhook.value)}."
            findings.problem(webhook.path, "invalid_type", message)
    url = _url(_one(urls, findings), check_url, findings)
    secret = _secret(_one(secrets, findings), findings)
    chosen = _events(events, findings)
    return Webhook(url, chosen, secret) if url is not None else None


def _one(given: list[Given], findings: Findings) -> Given | None:
    """Return the one value that all spellings of a field agree on."""
    if not given:
        return None
    first, *others = given
    for other in others:
        if not fields.same(first.value, other.value):
            message = "The body gives two values for this, in two places."
            findings.problem(other.path, "conflicting_fields", message)
    return first


def _url(given: Given | None, check_url: CheckUrl, findings: Findings) -> str | None:
    url = fields.text_of(given, findings) if given else None
    if given is None or url is None:
        return None
    problem = check_url(url, given.path)
    if problem is not None:
        findings.problems.append(problem)
        return None
    return url


def _secret(given: Given | None, findings: Findings) -> str | None:
    secret = fields.text_of(given, findings) if given else None
    if given is None or secret is None:
        return None
    try:
        key = base64.b64decode(secret.removeprefix(_SECRET_PREFIX), validate=True)
    except binascii.Error:
        key = b""
    if not secret.startswith(_SECRET_PREFIX) or not key:
        message = f"A webhook secret is '{_SECRET_PREFIX}' and a key in base64."
        findings.problem(given.path, "invalid_value", message)
        return None
    return secret


def _events(given: Given | None, findings: Findings) -> tuple[EventName, ...] | None:
    if given is None:
        return None
    known: dict[str, EventName] = {name: name for name in EVENTS}
    known |= _SHORT
    chosen: list[EventName] = []
    for index, item in enumerate(fields.list_of(given, findings)):
        path = f"{given.path}/{index}"
        if isinstance(item, str) and item in known:
            chosen.append(known[item])
            continue
        near = findings.nearest(item, known) if isinstance(item, str) else None
        message = f"The events are {', '.join(EVENTS)}."
        findings.problem(path, "invalid_value", message, suggestion=near)
    return tuple(dict.fromkeys(chosen))
