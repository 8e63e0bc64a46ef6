"""Reads and shows schedules (section 4.6): which node gets a ready activity, as declared weights.

A schedule is data: no program that somebody sends ever runs inside the server.
"""

from __future__ import annotations

import math
import re
from typing import Any

from msgspec import Struct

from headrace.dialects.akoflow.spelling import stamp
from headrace.dialects.akoflow.wire import LONGEST_NAME
from headrace.errors import InvalidDefinition, Problem
from headrace.store.rows import PlacementRule

FEATURES = ("cpuFree", "memoryFree", "imagePresent", "dataLocal")
"""What is known of a node, each between 0 and 1."""

_TYPE = "weights"
_LARGEST = 100
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_FORM = '{"name": "near", "type": "weights", "weights": {"cpuFree": 1, "memoryFree": 1, "dataLocal": 2}}'


class Draft(Struct, frozen=True):
    """A schedule that was found right."""

    name: str
    weights: dict[str, float]


def read(members: dict[str, Any]) -> Draft:
    """Return the schedule of a body; raises `InvalidDefinition` with everything that is wrong."""
    if members.get("code") or members.get("type", _TYPE) != _TYPE:
        message = (
            "The server runs no submitted programs in itself, so a schedule is no code but declared "
            f"weights: {_FORM}."
        )
        path = "/code" if members.get("code") else "/type"
        raise InvalidDefinition([Problem(path=path, code="code_not_accepted", message=message)])
    problems: list[Problem] = []
    name = members.get("name")
    if not isinstance(name, str) or not name.strip():
        problems.append(Problem(path="/name", code="name_missing", message="A schedule needs a 'name'."))
    elif len(name) > LONGEST_NAME or _CONTROL.search(name):
        message = f"A name has at most {LONGEST_NAME} characters and no control characters."
        problems.append(Problem(path="/name", code="wrong_type", message=message))
    weights = members.get("weights")
    if not isinstance(weights, dict) or not weights:
        message = f"A schedule needs 'weights', as in {_FORM}."
        problems.append(Problem(path="/weights", code="weights_missing", message=message))
    else:
        problems += [wrong for feature, value in weights.items() if (wrong := _wrong(feature, value))]
    if problems:
        raise InvalidDefinition(problems)
    assert isinstance(name, str)
    assert isinstance(weights, dict)
    return Draft(name, {feature: float(value) for feature, value in weights.items()})


def _wrong(feature: str, value: Any) -> Problem | None:
    path = "/weights/" + feature.replace("~", "~0").replace("/", "~1")
    if feature not in FEATURES:
        message = f"Nothing is known of '{feature[:80]}'; nodes have {', '.join(FEATURES)}."
        return Problem(path=path, code="unknown_feature", message=message)
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value) or abs(value) > _LARGEST:
        message = f"A weight is a number from -{_LARGEST} to {_LARGEST}."
        return Problem(path=path, code="bad_weight", message=message)
    return None


def shown(rule: PlacementRule) -> dict[str, Any]:
    """Return a schedule as answers show it."""
    return {
        "id": rule.number,
        "name": rule.name,
        "type": _TYPE,
        "code": "",
        "weights": {feature: _plain(weight) for feature, weight in rule.weights.items()},
        "createdAt": stamp(rule.created_at),
        "updatedAt": stamp(rule.created_at),
    }


def _plain(weight: float) -> float | int:
    return int(weight) if weight.is_integer() else weight
