"""Reads what a rerun is asked to be (section 4.5): `from` or `activities`, and `dry_run`.

A slip must not start something else than was meant, which cannot be taken back: a member that is not known is
refused where it looks like one that is missing, or where nothing else says what is to run again; and what
contradicts itself is refused.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from headrace.dialects.akoflow.findings import Findings, told
from headrace.engine.rerun import StartFrom
from headrace.errors import InvalidDefinition, Problem
from headrace.security.documents import Document

_KNOWN = ("from", "activities", "dry_run")


class Asked(Struct, frozen=True):
    """A rerun that was understood."""

    start_from: StartFrom
    is_preview: bool = False
    """Only show what would run again."""
    warnings: tuple[Problem, ...] = ()


def read(document: Document) -> Asked:
    """Return what a JSON object asks for; raises `InvalidDefinition` with everything that is wrong."""
    members: dict[str, Any] = document.value
    findings = Findings()
    start_from, is_preview = _start_from(members, findings), _flag(members, findings)
    _check_members(members, findings)
    if findings.problems:
        raise InvalidDefinition(list(told(findings.problems, document).shown))
    return Asked(start_from, is_preview, told(findings.warnings, document).shown)


def _start_from(members: dict[str, Any], findings: Findings) -> StartFrom:
    names = members.get("activities")
    if names is not None and members.get("from") is not None:
        message = "A rerun has either 'from' or 'activities', not both; nothing was started."
        findings.problem("/activities", "from_and_activities", message)
        return "failed"
    if isinstance(names, list) and names and all(isinstance(name, str) for name in names):
        return [str(name) for name in names]
    match members.get("from", "failed"):
        case "failed" if names is None:
            return "failed"
        case "start" if names is None:
            return "start"
        case _:
            message = "'from' must be \"failed\" or \"start\", or 'activities' a list of names."
            findings.problem("/from" if names is None else "/activities", "wrong_type", message)
            return "failed"


def _flag(members: dict[str, Any], findings: Findings) -> bool:
    value = members.get("dry_run")
    if value is not None and not isinstance(value, bool):
        findings.problem("/dry_run", "wrong_type", "'dry_run' must be true or false.")
    return value is True


def _check_members(members: dict[str, Any], findings: Findings) -> None:
    says_what = any(members.get(key) is not None for key in ("from", "activities"))
    for key in members:
        if key in _KNOWN:
            continue
        path = "/" + key.replace("~", "~0").replace("/", "~1")
        near = findings.nearest(key, _KNOWN)
        if near is not None and near not in members:
            message = f"The key '{key[:80]}' is not known here; nothing was started."
            findings.problem(path, "unknown_key", message, suggestion=near)
        elif not says_what:
            message = f"The key '{key[:80]}' is not known here, and nothing else says what is to run again."
            findings.problem(path, "unknown_key", message, suggestion=near or "from")
        else:
            message = f"The key '{key[:80]}' is not known here and is ignored."
            findings.warn(path, "unknown_key", message, suggestion=near)
