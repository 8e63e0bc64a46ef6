from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from headrace import plugins

GROUP = "headrace.sounds"


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of distributions that Python finds."""
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for path in tmp_path.glob("*.py"):
        sys.modules.pop(path.stem, None)


def install(folder: Path, distribution: str, entry: str, *, module: str = "", code: str = "") -> None:
    """Write what pip leaves of a distribution, and its one module."""
    metadata = folder / f"{distribution.replace('-', '_')}-1.2.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.2\n", encoding="utf-8"
    )
    (metadata / "entry_points.txt").write_text(f"[{GROUP}]\n{entry}\n", encoding="utf-8")
    if module:
        (folder / f"{module}.py").write_text(code, encoding="utf-8")


def test_an_installed_distribution_is_found_by_its_entry_point(installed: Path) -> None:
    install(
        installed, "bells", "ding = bells_of_test:sound", module="bells_of_test", code="sound = 'ding dong'"
    )

    loaded = plugins.load(GROUP)

    assert loaded == plugins.Plugins(found=(plugins.Plugin("ding", "bells 1.2", "ding dong"),), broken=())


def test_a_group_that_nobody_offers_is_empty() -> None:
    assert plugins.load("headrace.nobody") == plugins.Plugins(found=(), broken=())


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        (
            "import a_module_that_is_not_there",
            "ModuleNotFoundError: No module named 'a_module_that_is_not_there'",
        ),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("", "AttributeError: module 'broken_of_test' has no attribute 'sound'"),
    ],
    ids=["missing import", "raises", "missing name"],
)
def test_a_broken_one_is_left_out_and_the_others_stay(installed: Path, code: str, cause: str) -> None:
    install(installed, "bells", "ding = bells_of_test:sound", module="bells_of_test", code="sound = 'ding'")
    install(installed, "drums", "bum = broken_of_test:sound", module="broken_of_test", code=code)

    loaded = plugins.load(GROUP)

    assert [plugin.name for plugin in loaded.found] == ["ding"]
    assert [str(error) for error in loaded.broken] == [
        f"Plug-in 'bum' of drums 1.2 (group {GROUP}, broken_of_test:sound) is left out: {cause}."
    ]


def test_a_name_is_taken_once_and_our_own_comes_first(installed: Path) -> None:
    install(
        installed,
        "a-stranger",
        "ding = bells_of_test:theirs",
        module="bells_of_test",
        code="ours, theirs = 1, 2",
    )
    install(installed, "headrace", "ding = bells_of_test:ours")

    loaded = plugins.load(GROUP)

    assert [(plugin.name, plugin.value) for plugin in loaded.found] == [("ding", 1)]
    assert "the name is taken by headrace 1.2" in str(loaded.broken[0])
    assert loaded.broken[0].code == "plugin_error"
