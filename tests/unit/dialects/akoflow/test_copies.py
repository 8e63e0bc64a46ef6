"""Copies that standalone activities were given, led back to who made the originals."""

from __future__ import annotations

from tests.unit.dialects.akoflow.recorded_runs import Records

from headrace.dialects.akoflow.copies import traced

HOMES = {name: f"/m/{name}" for name in "abc"}


def test_what_was_brought_along_is_the_work_of_who_made_it() -> None:
    records = Records("/m/a")
    made = records.created("a", "x", "1")
    copy = records.version("x", "1", directory="/m/b")
    records.read("b", made)
    records.read("c", copy)
    twice = records.version("x", "1", directory="/m/c")
    changed = records.modified("c", twice, "2")

    found = traced(records.uses, HOMES)

    assert [(each.use.task, each.before, each.after) for each in found] == [
        ("a", None, made),
        ("b", made, None),
        ("c", made, None),
        ("c", made, changed),
    ]


def test_copies_are_traced_where_a_directory_around_has_the_record() -> None:
    records = Records("/m")
    made = records.created("a", "a/x", "1")
    records.read("b", made)
    copy = records.version("b/x", "1")
    changed = records.modified("b", copy, "2")

    found = traced(records.uses, HOMES)

    assert [(each.use.task, each.before, each.after) for each in found][1:] == [
        ("b", made, None),
        ("b", made, changed),
    ]


def test_of_two_files_with_one_name_the_content_tells_which_it_was() -> None:
    records = Records("/m/a")
    one = records.created("a", "x", "1")
    other = records.created("b", "x", "2", directory="/m/b")
    records.read("c", one)
    records.read("c", other)
    copy = records.version("x", "2", directory="/m/c")
    records.modified("c", copy, "3")

    assert traced(records.uses, HOMES)[-1].before == other


def test_a_copy_whose_hash_is_not_known_is_known_by_size_and_time() -> None:
    records = Records("/m/a")
    made = records.created("a", "x", "1")
    records.read("b", made)
    copy = records.version("x", None, directory="/m/b", is_superseded=True)
    records.modified("b", copy, "2")

    assert traced(records.uses, HOMES)[-1].before == made


def test_removing_a_copy_removes_nothing_that_anybody_made() -> None:
    records = Records("/m/a")
    made = records.created("a", "x", "1")
    records.read("b", made)
    records.deleted("b", records.version("x", "1", directory="/m/b"))

    assert [each.use.kind for each in traced(records.uses, HOMES)] == ["created", "read"]


def test_what_is_no_copy_stays_what_it_is() -> None:
    records = Records("/m/a")
    own = records.version("given", "1")
    records.read("a", own)
    made = records.created("a", "x", "1")
    records.deleted("a", made)

    assert traced(records.uses, HOMES) == records.uses
