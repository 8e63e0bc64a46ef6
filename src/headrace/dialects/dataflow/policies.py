"""Reads what is said about trying: retry and timeout."""

from __future__ import annotations

from datetime import timedelta

from headrace.definition.model import Retry
from headrace.definition.templates import Literal, Template
from headrace.definition.types import TaskTypeSpec
from headrace.dialects.dataflow import fields
from headrace.dialects.dataflow.fields import Fields, Given
from headrace.dialects.dataflow.findings import Findings
from headrace.dialects.dataflow.wire import LONGEST_TIMEOUT, RETRY


def retry_of(given: Given | None, task: str, findings: Findings) -> Retry | None:
    """Return the retry policy, or None when there is none."""
    if given is None:
        return None
    read = fields.read_fields(given.value, given.path, RETRY, findings, task=task)
    attempts = _number(read, "attempts", 1, (1, 100), task, findings)
    if attempts != int(attempts):
        _refuse(read["attempts"], "a whole number from 1 to 100", task, findings)
    delay = _number(read, "delay", 1, (0, LONGEST_TIMEOUT), task, findings)
    multiplier = _number(read, "multiplier", 1, (1, 10), task, findings)
    largest = _number(read, "max_delay", 3600, (0, LONGEST_TIMEOUT), task, findings)
    return Retry(
        count=int(attempts),
        delay=timedelta(seconds=delay),
        backoff="exponential" if multiplier != 1 else "constant",
        factor=float(multiplier),
        max_delay=timedelta(seconds=largest),
    )


def timeout_of(given: Given | None, spec: TaskTypeSpec, task: str, findings: Findings) -> Template:
    """Return the seconds that one try may take; without a word, those of the type."""
    if given is None:
        return Literal(spec.timeout)
    if not fields.is_number(given.value):
        message = f"'{given.key}' must be a number of seconds, not {fields.kind(given.value)}."
        findings.problem(given.path, "invalid_type", message, task=task)
    elif not 0 < given.value <= LONGEST_TIMEOUT:
        _refuse(given, f"more than 0 and at most {LONGEST_TIMEOUT} seconds", task, findings)
    return Literal(given.value)


def _number(
    read: Fields, name: str, default: float, bounds: tuple[float, float], task: str, findings: Findings
) -> float:
    given = read.get(name)
    if given is None:
        return default
    low, high = bounds
    if not fields.is_number(given.value):
        message = f"'{given.key}' must be a number, not {fields.kind(given.value)}."
        findings.problem(given.path, "invalid_type", message, task=task)
    elif not low <= given.value <= high:
        _refuse(given, f"a number from {low:g} to {high:g}", task, findings)
    else:
        return float(given.value)
    return default


def _refuse(given: Given, wanted: str, task: str, findings: Findings) -> None:
    message = f"'{given.key}' must be {wanted}; it is {str(given.value)[:40]}."
    findings.problem(given.path, "invalid_value", message, task=task)
