"""Reads who wants to be told (section 2.3 of the specification)."""

from __future__ import annotations

from urllib.parse import urlsplit

from headrace.dialects.akoflow.drafts import Webhook
from headrace.dialects.akoflow.surroundings import Surroundings
from headrace.dialects.akoflow.tables import Table, kind_of
from headrace.dialects.akoflow.wire import EVENT_TYPES, MOST_WEBHOOKS, WEBHOOK_KEYS


def webhooks_of(spec: Table, around: Surroundings) -> tuple[Webhook, ...]:
    """Return the webhooks of a document."""
    items = spec.items("webhooks")
    if len(items) > MOST_WEBHOOKS:
        spec.problem("webhooks", "bad_webhook", f"A workflow has at most {MOST_WEBHOOKS} webhooks.")
    found = []
    for index, item in enumerate(items[:MOST_WEBHOOKS]):
        path = f"{spec.at('webhooks')}/{index}"
        if type(item) is not dict:
            message = f"A webhook must be a mapping; this is {kind_of(item)}."
            spec.findings.problem(path, "bad_webhook", message)
            continue
        table = Table(item, path, spec.findings)
        table.check_keys(WEBHOOK_KEYS)
        url = _url(table, around)
        secret = _secret(table, around)
        events = _events(table)
        name = table.text("name") or ""
        if url is not None:
            found.append(Webhook(name, url, events, secret))
    return tuple(found)


def _url(table: Table, around: Surroundings) -> str | None:
    url = table.text("url")
    if not url:
        table.problem("url", "bad_webhook", "A webhook needs a 'url' that begins with http:// or https://.")
        return None
    found = around.check_url(url, table.at("url"))
    if found is not None and found.code == "egress_blocked":
        # a literal private address; the guard asks again when it is called, and only that answer counts
        table.warn("url", "webhook_refused", found.message, found.suggestion)
    elif found is not None:
        table.problem("url", "bad_webhook", found.message)
        return None
    elif not _is_plain(url):
        message = "A webhook's url is an absolute http or https address without user information."
        table.problem("url", "bad_webhook", message)
        return None
    return url


def _is_plain(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc


def _secret(table: Table, around: Surroundings) -> str | None:
    if table.has("secret"):
        message = "A secret does not belong into the document: store it, and name it in 'secretRef'."
        table.problem("secret", "bad_webhook_secret", message, "secretRef")
    name = table.text("secretRef")
    if name and around.secrets is not None and name not in around.secrets:
        near = table.findings.nearest(name, around.secrets)
        table.problem("secretRef", "bad_webhook_secret", f"There is no secret '{name[:100]}'.", near)
    return name or None


def _events(table: Table) -> tuple[str, ...]:
    if not table.has("events"):
        return EVENT_TYPES
    chosen = []
    for text, path in table.texts("events"):
        if text in EVENT_TYPES:
            chosen.append(text)
        else:
            near = table.findings.nearest(text, EVENT_TYPES)
            message = f"The events are {' and '.join(EVENT_TYPES)}."
            table.findings.problem(path, "bad_webhook", message, suggestion=near)
    return tuple(dict.fromkeys(chosen))
