"""Reads the settings from everywhere that they can stand, and tells all that is wrong with them at once."""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import EnvSettingsSource, InitSettingsSource, PydanticBaseSettingsSource

from headrace.errors import InvalidSettings, Problem
from headrace.settings.catalogue import PREFIX, Setting, catalogue
from headrace.settings.model import Settings


class Origin(NamedTuple):
    """One place where settings stand, with all that it says, by room and name."""

    source: PydanticBaseSettingsSource
    values: dict[str, Any]

    def get(self, name: str) -> Any:
        """What it says of a setting, None when it says nothing."""
        value: Any = self.values
        for key in name.split("."):
            value = value.get(key) if isinstance(value, dict) else None
        return value


def load(options: Mapping[str, object] | None = None, config: Path | None = None) -> Settings:
    """Return the settings, strongest first: `options`, the environment, the file `config`, the defaults.

    `options` goes by setting name (`port`, `dataflow.max_body`); None means not given.
    Raises InvalidSettings with one problem for each wrong value and each unknown name.
    """
    tables = [_nested(options or {}), _read(config)]
    unknown = [*_unknown_variables(), *_unknown_in_file(tables[1], config)]
    if unknown:
        raise InvalidSettings(unknown)
    tables.insert(1, _variables())
    names = ("option", "environment", "file")
    origins = {
        name: Origin(InitSettingsSource(Settings, table), table)
        for name, table in zip(names, tables, strict=True)
    }
    try:
        return Settings(_build_sources=(tuple(origin.source for origin in origins.values()), {}))
    except ValidationError as error:
        raise InvalidSettings(_problems(error, origins, config)) from None


def _nested(options: Mapping[str, object]) -> dict[str, Any]:
    table: dict[str, Any] = {}
    for name, value in options.items():
        room, _, key = name.rpartition(".")
        if value is not None:
            (table.setdefault(room, {}) if room else table)[key] = value
    return table


def _variables() -> dict[str, Any]:
    """Return what the environment says, where an empty variable mostly says nothing."""
    table = EnvSettingsSource(Settings)()
    for setting in catalogue().values():
        if setting.takes_empty and os.environ.get(setting.variable) == "":
            room, _, key = setting.name.rpartition(".")
            (table.setdefault(room, {}) if room else table)[key] = ""
    return table


def _read(config: Path | None) -> dict[str, Any]:
    if config is None:
        return {}
    try:
        return tomllib.loads(config.read_text(encoding="utf-8"))
    except OSError as error:
        sentence = f"{config} cannot be read: {error.strerror}."
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        sentence = f"{config} is not TOML: {error}."
    raise InvalidSettings([Problem(path="", code="unreadable_file", message=sentence)])


def _unknown_variables() -> Iterator[Problem]:
    known = {setting.variable for setting in catalogue().values()}
    for variable in sorted(os.environ):
        if variable.upper().startswith(PREFIX) and variable.upper() not in known:
            near = difflib.get_close_matches(variable.upper(), known, n=1, cutoff=0.8)
            yield _unknown(variable, f"The variable {variable}", near)


def _unknown_in_file(table: dict[str, Any], config: Path | None) -> Iterator[Problem]:
    rooms = {name.partition(".")[0] for name in catalogue() if "." in name}
    for key, value in table.items():
        if key in rooms and not isinstance(value, dict):
            sentence = f"{key} in {config} is a room: write its settings below [{key}]."
            yield Problem(path=key, code="not_a_table", message=sentence)
        names = [f"{key}.{name}" for name in value] if isinstance(value, dict) else [key]
        for name in names:
            if name not in catalogue() and name not in rooms:
                near = difflib.get_close_matches(name, catalogue(), n=1)
                yield _unknown(name, f"{name} in {config}", near)


def _unknown(path: str, found: str, near: list[str]) -> Problem:
    advice = f"; did you mean {near[0]}?" if near else "; `headrace doctor` lists all."
    return Problem(
        path=path,
        code="unknown_setting",
        message=f"{found} is no setting{advice}",
        suggestion=near[0] if near else None,
    )


def _problems(error: ValidationError, origins: dict[str, Origin], config: Path | None) -> list[Problem]:
    found: dict[str, Problem] = {}
    for detail in error.errors(include_url=False):
        problem = _problem(detail, origins, config)
        found.setdefault(problem.path, problem)  # a broken element of a list is one broken setting
    return list(found.values())


def _problem(detail: ErrorDetails, origins: dict[str, Origin], config: Path | None) -> Problem:
    if detail["type"] == "settings_disagree":
        return Problem(path=detail["ctx"]["setting"], code="settings_disagree", message=detail["msg"])
    keys = [str(key) for key in detail["loc"]]
    setting = next(catalogue()[name] for name in (".".join(keys[:2]), keys[0]) if name in catalogue())
    place, value = _origin(setting, origins, config)
    shown = "The value" if setting.is_secret else f"{value!r}"
    return Problem(
        path=setting.name,
        code="invalid_setting",
        message=f"{shown} is not accepted for {setting.name} ({place}); give {setting.accepts}.",
    )


def _origin(setting: Setting, origins: dict[str, Origin], config: Path | None) -> tuple[str, Any]:
    places = {
        "option": "from the command line",
        "environment": f"from {setting.variable}",
        "file": f"from {config}",
    }
    for kind, place in places.items():
        value = origins[kind].get(setting.name)
        if value is not None:
            return place, value
    return "its default", None
