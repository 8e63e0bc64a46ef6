from __future__ import annotations

import subprocess
import sys
from typing import Annotated, Any, Literal

import pytest
from msgspec import UNSET, Meta, Struct

from headrace.definition.templates import FileRef
from headrace.definition.types import Port
from headrace.errors import NotFound, PluginError
from headrace.tasks.context import Context
from headrace.tasks.library import Library, task, types_of
from headrace.tasks.needs import Package, Program
from headrace.tasks.ports import Note


class Ground(Struct, frozen=True):
    """What is left of the grain.

    flour: The fine part. Example: {"grams": 900}
    bran: The coarse part.
    """

    flour: Annotated[dict[str, Any], Note(default_output=True, aliases=("meal",))]
    bran: FileRef | None


@task("mill.grind", aliases=("miller.grind",), timeout=60.0, credential="mill_key")
async def grind(
    grain: Annotated[str, Meta(min_length=1, max_length=9)],
    context: Context,
    *,
    stones: Annotated[int, Meta(ge=1, le=8)] = 2,
    fineness: Literal["coarse", "fine"] = "fine",
    note: str | None = None,
    extra: dict[str, Any] | str | None = None,
) -> Ground:
    """Grind grain
    between stones.

    This line is for readers of the code.

    grain: What to grind. Example: "wheat"
    stones: How many stones.
    """
    raise NotImplementedError


def test_ports_come_from_the_signature_and_their_descriptions_from_the_docstring() -> None:
    assert grind.spec.inputs == (
        Port(
            name="grain",
            type="text",
            description="What to grind.",
            example="wheat",
            min_length=1,
            max_length=9,
        ),
        Port(
            name="stones",
            type="number",
            required=False,
            default=2,
            description="How many stones.",
            whole=True,
            minimum=1,
            maximum=8,
        ),
        Port(name="fineness", type="text", required=False, default="fine", choices=("coarse", "fine")),
        Port(name="note", type="text", required=False),
        Port(name="extra", type="object", required=False, extra_types=("text",), form="names"),
    )
    assert grind.spec.outputs == (
        Port(
            name="flour",
            type="object",
            description="The fine part.",
            example={"grams": 900},
            is_default=True,
            aliases=("meal",),
        ),
        Port(name="bran", type="file", required=False, description="The coarse part."),
    )


def test_a_type_says_what_it_is_and_how_it_runs() -> None:
    spec = grind.spec

    assert (spec.category, spec.description, spec.timeout) == ("mill", "Grind grain between stones.", 60.0)
    assert (spec.runtime, spec.credential, spec.repeatable) == ("inline", "mill_key", False)
    assert (grind.is_async, grind.wants_context) == (True, True)
    assert {port.name: port.default for port in spec.inputs}["note"] is UNSET


def test_a_single_output_is_the_default_one(library: Library) -> None:
    assert library.spec("text.size").default_output == library.spec("text.size").outputs[0]


def test_a_function_without_a_struct_of_outputs_is_no_task_type() -> None:
    with pytest.raises(PluginError, match=r"must return a msgspec\.Struct"):

        @task("mill.broken")
        def broken() -> int:
            """Break."""
            return 1


def test_a_parameter_of_an_unknown_type_is_refused() -> None:
    with pytest.raises(PluginError, match="no type of a value"):

        @task("mill.odd")
        def odd(when: complex) -> Ground:
            """Be odd."""
            raise NotImplementedError


@pytest.mark.parametrize(
    ("written", "type"),
    [
        ("web.extract_text", "web.extract_text"),
        ("Web.ExtractText", "web.extract_text"),
        ("WEB.DOWN-LOAD", "web.download"),
        ("text_operation.reverse", "text_operations.reverse"),
        ("TextOperation.Reverse", "text_operations.reverse"),
    ],
)
def test_a_type_is_found_exactly_by_alias_or_by_folding(library: Library, written: str, type: str) -> None:
    found = library.resolve(written)

    assert found is not None
    assert found.type == type


def test_an_unknown_type_is_not_found_but_a_near_one_is_suggested(library: Library) -> None:
    assert library.resolve("web.downlaod") is None
    assert library.suggest("web.downlaod") == "web.download"
    assert library.suggest("quantum.teleport") is None
    with pytest.raises(NotFound):
        library.get("Web.Download")


def test_two_types_may_not_answer_to_one_name(library: Library) -> None:
    @task("Web.Down_Load")
    def imitation() -> Ground:
        """Imitate."""
        raise NotImplementedError

    with pytest.raises(PluginError, match=r"web\.download has already"):
        Library([*library, imitation])


def test_what_is_missing_is_said_with_its_cure_and_nothing_is_imported() -> None:
    @task("mill.rare", needs=(Package("no_such_package_here", "web"),))
    def rare() -> Ground:
        """Be rare."""
        raise NotImplementedError

    spec = Library([rare]).spec("mill.rare")

    assert spec.available is False
    assert spec.unavailable_because == (
        "The package 'no_such_package_here' is not installed: pip install 'headrace[web]'."
    )
    assert "install it on the machine" in (Program("no-such-program", "media").missing() or "")
    assert Program("sh", "media").missing() is None


def test_a_type_is_itself_a_way_to_find_types() -> None:
    assert list(types_of(grind)) == [grind]


def test_every_type_and_port_is_described_with_an_example(library: Library) -> None:
    for spec in library.specs():
        assert spec.description.endswith("."), spec.type
        for port in (*spec.inputs, *spec.outputs):
            assert port.description.endswith("."), f"{spec.type} {port.name}"
            assert port.example is not None, f"{spec.type} {port.name}"
        assert len([port for port in spec.outputs if port.is_default]) == min(1, len(spec.outputs)), spec.type


def test_the_library_has_the_types_of_the_dialects(library: Library) -> None:
    assert [each.spec.type for each in library] == [
        "core.noop",
        "core.shell",
        "echo",
        "http.request",
        "openai.audio.text_to_speech",
        "openai.audio.transcription",
        "openai.completion",
        "openai.text.summarize",
        "static_text_input",
        "text.size",
        "text.truncate",
        "text_operations.reverse",
        "video.extract_audio",
        "web.download",
        "web.extract_text",
        "youtube.download",
    ]


def test_knowing_all_types_brings_no_heavy_library_into_the_server() -> None:
    ask = """
import sys
from headrace.tasks import openai_audio, openai_text, video, web, web_text, youtube
from headrace.tasks.library import Library, types_of
modules = (openai_audio, openai_text, video, web, web_text, youtube)
Library(each for module in modules for each in types_of(module)).specs()
print(sorted({"trafilatura", "lxml", "yt_dlp", "imageio_ffmpeg"} & sys.modules.keys()))
"""
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, check=True, text=True)

    assert done.stdout == "[]\n"
