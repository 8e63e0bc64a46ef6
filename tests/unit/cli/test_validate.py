from __future__ import annotations

from pathlib import Path

from tests.unit.cli.conftest import Say


def test_a_good_document_is_told_to_be_one(say: Say, report: Path) -> None:
    said = say("validate", str(report))

    assert (said.status, said.out) == (0, "")
    assert "is a workflow of 1 task (dataflow)." in said.err


def test_all_problems_are_told_with_place_code_caret_and_suggestion(say: Say, broken: Path) -> None:
    said = say("validate", str(broken))

    lines = said.out.splitlines()
    assert said.status == 1
    assert lines[0] == f"{broken}:12:7: unknown_task_type: There is no task type 'text.sice'."
    assert lines[1].endswith('"type": "text.sice",')
    assert lines[2].index("^") == lines[1].index('"type"')
    assert lines[3] == "  = did you mean 'text.size'?"
    assert "broken.json has" in said.err


def test_problems_for_programs_are_one_document(say: Say, broken: Path) -> None:
    said = say("validate", str(broken), "--json")

    assert (said.status, said.err) == (1, "")
    assert said.document["valid"] is False
    assert said.document["problems"][0]["code"] == "unknown_task_type"
    assert said.document["problems"][0]["line"] == 12


def test_yaml_is_read_and_its_own_places_are_told(say: Say, tmp_path: Path) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text("title: Measure\ntasks:\n  - name: size\n    type: text.sice\n    inputs: {text: abc}\n")

    said = say("validate", str(path))

    assert said.status == 1
    assert said.out.startswith(f"{path}:4:5: unknown_task_type:")


def test_the_line_that_is_shown_is_the_one_that_is_told(say: Say, tmp_path: Path) -> None:
    path = tmp_path / "broken.yaml"
    text = "title: Mea\u2028sure\ntasks:\n  - name: size\n    type: text.sice\n    inputs: {text: a\x85bc}\n"
    path.write_text(text, encoding="utf-8")

    said = say("validate", str(path))

    lines = said.out.split("\n")
    assert lines[0].startswith(f"{path}:4:5: unknown_task_type:")
    assert lines[1].endswith("4 |     type: text.sice")


def test_what_is_no_document_is_told_with_its_place(say: Say, tmp_path: Path) -> None:
    path = tmp_path / "half.json"
    path.write_text('{"title": "Half",')

    said = say("validate", str(path))

    assert said.status == 1
    assert said.out.startswith(f"{path}:1:18: invalid_json:")


def test_a_warning_is_told_and_is_no_problem(say: Say, report: Path) -> None:
    report.write_text(report.read_text().replace('"title"', '"colour": "red", "title"'))

    said = say("validate", str(report))

    assert said.status == 0
    assert "warning: unknown_field" in said.out
    assert "with 1 warning" in said.err


def test_a_file_that_is_not_there_is_not_found(say: Say) -> None:
    assert say("validate", "nowhere.json").status == 3


def test_a_directory_is_no_document(say: Say, tmp_path: Path) -> None:
    assert say("validate", str(tmp_path)).status == 2


def test_an_unknown_dialect_is_a_wrong_command_line(say: Say, report: Path) -> None:
    said = say("validate", str(report), "--dialect", "latin", "--json")

    assert said.status == 2
    assert "known are" in said.document["error"]["message"]


def test_no_document_commands_the_terminal(say: Say, tmp_path: Path) -> None:
    path = tmp_path / "rude.json"
    path.write_bytes(b'{"title": \x1b[31m')

    said = say("validate", str(path))

    assert said.status == 1
    assert "\x1b" not in said.out
