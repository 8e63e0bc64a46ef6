"""What was made at once and what was migrated are the same, and Alembic is read only when it is needed."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, text

from headrace.definition import codec
from headrace.definition.templates import FileRef
from headrace.errors import StoreError
from headrace.store import migrating, outbox


@pytest.fixture
def connection() -> Iterator[Connection]:
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        yield connection
    engine.dispose()


def schema_of(connection: Connection) -> dict[str, str]:
    rows = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"))
    return {name: re.sub(r"\s*([(),])\s*", r"\1", " ".join(sql.split())) for name, sql in rows}


def test_what_is_made_at_once_equals_what_is_migrated(connection: Connection) -> None:
    migrating.bring_up(connection)
    created = schema_of(connection)

    engine = create_engine("sqlite://")
    with engine.begin() as other:
        migrating.migrate(other, "nothing")
        migrated = schema_of(other)
    engine.dispose()

    assert migrated == created


def test_the_head_is_the_last_revision() -> None:
    config = Config()
    config.set_main_option("script_location", "headrace.store:migrations")

    assert ScriptDirectory.from_config(config).get_heads() == [migrating.HEAD]


def test_a_current_database_is_left_alone(connection: Connection) -> None:
    migrating.bring_up(connection)
    before = schema_of(connection)
    migrating.bring_up(connection)

    assert schema_of(connection) == before


def test_artifacts_that_old_journals_name_are_kept(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", "headrace.store:migrations")
    config.attributes["connection"] = connection
    command.upgrade(config, "0002")
    made = {"audio": FileRef("ab" * 32, 5, "talk.mp3", "audio/mpeg"), "text": "cd" * 32}
    connection.execute(
        text("INSERT INTO journal (execution, seq, first_seq, at, events) VALUES (5, 1, 1, 1.0, :events)"),
        {"events": codec.encode(made)},
    )
    migrating.bring_up(connection)

    kept = connection.execute(text("SELECT sha256, execution FROM kept_contents")).all()
    assert [tuple(row) for row in kept] == [("ab" * 32, 5)]


def test_deliveries_of_an_old_outbox_are_due_again_at_their_endpoints(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", "headrace.store:migrations")
    config.attributes["connection"] = connection
    command.upgrade(config, "0005")
    columns = {
        "number": 7, "execution": 5, "sequence": 1, "event": "'e'", "url": "'https://me@Here/Hook?token=1'",
        "endpoint": "'https://here'", "body": "x''", "content_type": "'t'", "queue": "'q'", "is_last": 0,
        "catches_up": 0, "state": "'pending'", "attempts": "x'90'", "created_at": 1.0, "next_try_at": 1.0,
        "claimed_by": 1,
    }  # fmt: skip
    values = ", ".join(str(each) for each in columns.values())
    connection.exec_driver_sql(f"INSERT INTO deliveries ({', '.join(columns)}) VALUES ({values})")
    migrating.bring_up(connection)

    [head] = connection.execute(outbox.due_deliveries(2.0, 10)).mappings().all()
    assert (head["number"], head["endpoint"], head["waits_for"]) == (7, "https://here/Hook", None)


def test_a_database_of_something_else_is_refused(connection: Connection) -> None:
    connection.execute(text("CREATE TABLE recipes (name TEXT)"))

    with pytest.raises(StoreError, match="something else"):
        migrating.bring_up(connection)


def test_a_database_of_a_newer_version_is_refused(connection: Connection) -> None:
    migrating.bring_up(connection)
    connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(StoreError, match="revision 9999"):
        migrating.bring_up(connection)


def test_opening_a_store_reads_no_alembic(tmp_path: Path) -> None:
    program = (
        "import sys, pathlib\n"
        "from headrace.clock import SystemClock\n"
        "from headrace.store.sqlite import open_sqlite\n"
        "for _ in range(2):\n"
        "    store = open_sqlite(pathlib.Path(sys.argv[1]), clock=SystemClock())\n"
        "    import asyncio; asyncio.run(store.close())\n"
        "print(sorted(name for name in sys.modules if name.startswith('alembic')))\n"
    )
    told = subprocess.run(
        [sys.executable, "-c", program, tmp_path], check=True, capture_output=True, text=True
    )

    assert told.stdout.strip() == "[]"


def test_what_directories_hold_is_known_of_those_that_were_recorded_before(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", "headrace.store:migrations")
    config.attributes["connection"] = connection
    command.upgrade(config, "0004")
    for key, is_complete in ((1, True), (2, True), (3, False)):
        known = {"key": key, "path": f"/{key}".encode(), "is_complete": is_complete}
        connection.execute(text("INSERT INTO directories VALUES (:key, :path, 1.0, :is_complete)"), known)
    for number, is_current in ((1, True), (2, True), (3, False)):
        found = {"number": number, "size": 10**number, "is_current": is_current}
        columns = ":number, 1, 'f', :size, 0, 0, NULL, NULL, false, false, :is_current, false, 1.0"
        connection.execute(text(f"INSERT INTO file_versions VALUES ({columns})"), found)
    command.upgrade(config, "head")
    held = connection.execute(text("SELECT bytes FROM directories ORDER BY key")).scalars().all()

    assert held == [110, 0, None]
