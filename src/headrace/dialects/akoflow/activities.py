"""Reads one activity (section 2.4 of the specification); an override counts for its own activity only."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from headrace.definition.model import Retry
from headrace.dialects.akoflow import places, quantities
from headrace.dialects.akoflow.drafts import ActivityDraft, Command
from headrace.dialects.akoflow.inherited import Inherited
from headrace.dialects.akoflow.quantities import Wrong
from headrace.dialects.akoflow.surroundings import Surroundings
from headrace.dialects.akoflow.tables import Table
from headrace.dialects.akoflow.wire import (
    ACTIVITY_KEYS,
    ACTIVITY_LEFT_OVER,
    COMMAND_KEYS,
    LONGEST_NAME,
    TRIES_KEYS,
)
from headrace.runtimes.protocol import LONGEST_STRING
from headrace.security.documents import Scalar

EXCEEDS = "exceeds_capacity"
"""Code of the warning that an activity asks for more than there is."""
RETRY_DELAY = timedelta(seconds=10)
_MOST_ATTEMPTS = 1000


def name_of(table: Table, what: str) -> str:
    """Return the name of a workflow or an activity; empty when there is none that can be used."""
    name = table.text("name")
    if name is None and not table.has("name"):
        table.problem("name", "name_missing", f"{what} needs a 'name'.")
    elif name == "":
        table.problem("name", "name_missing", f"{what} needs a 'name' that is not empty.")
    elif name is not None and len(name) > LONGEST_NAME:
        message = f"A name has at most {LONGEST_NAME} characters; this one has {len(name)}."
        table.problem("name", "wrong_type", message)
    return name or ""


def read_activity(table: Table, name: str, inherited: Inherited) -> ActivityDraft:
    """Return an activity; when a problem was told, whatever stands for it."""
    table.check_keys(ACTIVITY_KEYS, ACTIVITY_LEFT_OVER)
    runtime, effective = inherited.runtime_of(table)
    cpus, cpu_limit = _cpus(table)
    memory, memory_limit = memory_of(table, "memoryLimit")
    retry, timeout = _tries(table)
    run, command = _work(table, inherited.around.max_run)
    selector = _node_selector(table)
    if selector:
        message = "nodeSelector is for Kubernetes and Slurm; it is ignored here."
        table.warn("nodeSelector", "node_selector_ignored", message)
    image = table.text("image") or inherited.image
    if not image and (found := inherited.around.runtimes.get(effective)) is not None and found.images:
        message = f"Activities on '{effective}' run in an image; name one here or in 'spec'."
        table.problem("image", "image_required", message)
    own_path = places.directory_of(table, "mountPath", inherited.around.why_refused)
    return ActivityDraft(
        name=name,
        run=run,
        command=command,
        depends_on=depends_on_of(table),
        image=image,
        runtime=runtime,
        effective=effective,
        mount_path=own_path or inherited.mount_path,
        cpus=cpus,
        cpu_limit=cpu_limit,
        memory=memory,
        memory_limit=memory_limit,
        node_selector=selector,
        keep_disk=table.flag("keepDisk"),
        inputs=places.relative_paths(table, "inputs"),
        outputs=places.relative_paths(table, "outputs"),
        retry=retry,
        timeout=timeout,
        warnings=_excess(table, effective, cpus, memory, inherited.around),
    )


def _excess(
    table: Table, runtime: str, cpus: float | None, memory: int | None, around: Surroundings
) -> tuple[str, ...]:
    """Warn of a demand above what this machine has, to which it will be cut."""
    found = []
    if cpus is not None and around.cpus is not None and cpus > around.cpus:
        found.append(("cpuLimit", f"{around.cpus:g} processors"))
    if memory is not None and around.memory is not None and memory > around.memory:
        found.append(("memoryLimit", f"{around.memory / 2**30:,.1f} GiB"))
    if runtime != "local" or not found:
        return ()
    for key, most in found:
        message = f"'{key}' is more than the {most} that local has; the activity gets that, and runs alone."
        table.warn(key, EXCEEDS, message)
    return (EXCEEDS,)


def depends_on_of(table: Table) -> tuple[str, ...]:
    """Return the names that an activity depends on, in order; one scalar is a list of one."""
    value = table.values.get("dependsOn")
    if type(value) is Scalar:
        return () if value.value is None else (value.text,)
    return tuple(text for text, _ in table.texts("dependsOn"))


def memory_of(table: Table, key: str) -> tuple[int | None, str]:
    """Return bytes and how they were written; an empty text, which answers show for none, is none."""
    text = table.text(key)
    if not text:
        return None, ""
    found = quantities.size(text)
    if isinstance(found, Wrong):
        message = (
            f"'{text[:40]}' is no amount of memory: write bytes, or a number with Ki, Mi, Gi, Ti, k, M, G, T,"
            f" above 0 and at most {quantities.LARGEST_SIZE}."
        )
        table.problem(key, "bad_quantity", message, found.suggestion)
        return None, text
    return found, text


def _cpus(table: Table) -> tuple[float | None, str]:
    text = table.text("cpuLimit")
    if not text:
        return None, ""
    found = quantities.cpus(text)
    if isinstance(found, Wrong):
        message = f"'{text[:40]}' is no number of cores: write 2, 0.5 or 500m, above 0 and at most 4096."
        table.problem("cpuLimit", "bad_quantity", message, found.suggestion)
        return None, text
    return found, text


def _work(table: Table, max_run: int) -> tuple[str, Command | None]:
    run = table.source("run") or ""
    size = len(run.encode()) if len(run) * 4 > max_run else 0
    if size > max_run:
        message = f"'run' has {size} bytes; at most {max_run} are taken."
        table.problem("run", "run_too_large", message)
    command = _command(table)
    if run and table.has("command"):
        table.problem("command", "run_and_command", "An activity has either 'run' or 'command', not both.")
    if not run.strip() and not table.has("command"):
        key = "run" if "run" in table.values else "name"
        table.warn(key, "empty_run", "There is nothing to run: the activity succeeds at once.")
    return run, command


def _command(activity: Table) -> Command | None:
    table = activity.table("command")
    if table is None:
        return None
    table.check_keys(COMMAND_KEYS)
    is_older = table.has("executable") and not table.has("entrypoint")
    if table.has("executable") and not is_older:
        message = "'executable' is another spelling of 'entrypoint'; both are given, and 'entrypoint' counts."
        table.warn("executable", "entrypoint_given_twice", message, "entrypoint")
    key = "executable" if is_older else "entrypoint"
    value = table.values.get(key)
    if isinstance(value, list):
        entrypoint = tuple(_arguments(table, key, value))
    else:
        text = table.text(key)
        entrypoint = (text,) if text and _fits(text, table, table.at(key)) else ()
    if not table.has(key) or value == [] or (type(value) is Scalar and not value.text):
        table.problem(key, "wrong_type", "A command needs an 'entrypoint': a program, or a list of words.")
    arguments = tuple(_arguments(table, "arguments", table.items("arguments")))
    return Command(entrypoint, arguments, _environment(table))


def _arguments(table: Table, key: str, items: list[Any]) -> Iterator[str]:
    """Yield words for a program: any characters but NUL, each up to the longest that Linux takes."""
    for index, item in enumerate(items):
        path = f"{table.at(key)}/{index}"
        if type(item) is not Scalar or item.value is None:
            table.findings.problem(path, "wrong_type", f"Each element of '{key}' must be a text.")
        elif "\0" in item.text:
            table.findings.problem(path, "control_character", "No program can be given a NUL character.")
        elif _fits(item.text, table, path):
            yield item.text


def _fits(word: str, table: Table, path: str) -> bool:
    """Tell whether a program can be given this word; a longer one is a problem."""
    size = len(word.encode())
    if size < LONGEST_STRING:
        return True
    message = (
        f"A word for a program (and a variable, NAME=value) has at most {LONGEST_STRING - 1:,} bytes; "
        f"this one has {size:,}. Pass the text in a file."
    )
    table.findings.problem(path, "run_too_large", message)
    return False


def _environment(command: Table) -> dict[str, str]:
    table = command.table("environment")
    found: dict[str, str] = {}
    for name in table.values if table is not None else ():
        assert table is not None
        value = table.source(name) or ""
        if not name or "=" in name or "\0" in name:
            message = "The name of a variable is not empty, and has no '=' and no NUL character in it."
            table.problem(name, "invalid_name", message)
        elif "\0" in value:
            message = "The value of a variable has no NUL character in it."
            table.problem(name, "control_character", message)
        elif _fits(f"{name}={value}", table, table.at(name)):
            found[name] = value
    return found


def _node_selector(table: Table) -> str:
    value = table.values.get("nodeSelector")
    if isinstance(value, dict):
        inner = Table(value, table.at("nodeSelector"), table.findings)
        return ",".join(f"{key}={inner.text(key) or ''}" for key in value)
    text = table.text("nodeSelector") or ""
    for pair in text.split(",") if text.strip() else ():
        if "=" not in pair or not pair.partition("=")[0].strip():
            message = f"A node selector is written 'key=value', not '{pair.strip()[:80]}'."
            table.problem("nodeSelector", "bad_node_selector", message)
            break
    return text


def _tries(activity: Table) -> tuple[Retry | None, float | None]:
    table = activity.table("policy")
    if table is None:
        return None, None
    table.check_keys(TRIES_KEYS)
    written = table.text("maxAttempts")
    attempts = (
        int(written) if written and written.isascii() and written.isdecimal() and len(written) < 5 else 0
    )
    if written is not None and not 1 <= attempts <= _MOST_ATTEMPTS:
        message = f"'maxAttempts' is a whole number from 1 to {_MOST_ATTEMPTS}."
        table.problem("maxAttempts", "bad_quantity", message, "1")
    delay = _seconds(table, "retryDelay")
    timeout = _seconds(table, "timeout")
    if timeout == 0:
        table.problem("timeout", "bad_quantity", "A timeout is longer than 0 seconds.", "1")
    if attempts < 2:
        return None, timeout
    return Retry(
        count=attempts - 1, delay=RETRY_DELAY if delay is None else timedelta(seconds=delay)
    ), timeout


def _seconds(table: Table, key: str) -> float | None:
    text = table.text(key)
    if text is None:
        return None
    found = quantities.seconds(text)
    if isinstance(found, Wrong):
        message = (
            f"'{text[:40]}' is no duration: write seconds, or 90s, 15m, 2h, at most {quantities.LONGEST}."
        )
        table.problem(key, "bad_quantity", message, found.suggestion)
        return None
    return found
