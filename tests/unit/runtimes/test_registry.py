"""Runtimes are found by name, and an unknown name is told what there is."""

from __future__ import annotations

import pytest

from headrace.errors import NotFound, PluginError
from headrace.runtimes.registry import Registry, installed
from headrace.settings import Settings
from headrace.testing.fake_runtime import FakeRuntime


def test_a_runtime_is_found_by_its_name() -> None:
    near, far = FakeRuntime(name="near"), FakeRuntime(name="far")
    registry = Registry([near, far])

    assert registry.find("near") is near
    assert list(registry) == ["far", "near"]
    assert len(registry) == 2


def test_an_unknown_name_is_answered_with_the_configured_ones() -> None:
    with pytest.raises(NotFound, match=r"no runtime 'moon' here; configured are far, near\."):
        Registry([FakeRuntime(name="near"), FakeRuntime(name="far")]).find("moon")


def test_two_runtimes_of_one_name_are_refused() -> None:
    with pytest.raises(PluginError, match="Two runtimes have the name 'near'"):
        Registry([FakeRuntime(name="near"), FakeRuntime(name="near")])


def test_what_is_given_is_installed() -> None:
    registry = installed(Settings(), [FakeRuntime(name="given")])

    assert "given" in registry
