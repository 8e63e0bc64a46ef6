"""What is known of a document once it has been read and found right, before it becomes the model.

Everything is as it was written, with defaults filled in; nothing here depends on the run that it will get.
"""

from __future__ import annotations

from typing import Literal as OneOf

from msgspec import Struct

from headrace.definition.model import Retry

Mode = OneOf["rw", "ro", "out"]


class Command(Struct, frozen=True):
    """A program that an activity runs without a shell."""

    entrypoint: tuple[str, ...]
    arguments: tuple[str, ...] = ()
    environment: dict[str, str] = {}


class Volume(Struct, frozen=True):
    """A directory of the server's side that is wanted on the runtime's side."""

    written: str
    local: str
    remote: str
    mode: Mode


class Webhook(Struct, frozen=True):
    """Somebody who wants to be told."""

    name: str
    url: str
    events: tuple[str, ...]
    secret: str | None = None
    """Name of a stored secret; None signs with the operator's."""


class ActivityDraft(Struct, frozen=True, kw_only=True):
    """One activity of the document."""

    name: str
    run: str
    command: Command | None
    depends_on: tuple[str, ...]
    image: str
    runtime: str
    """As written, the workflow's where it names none."""
    effective: str
    """The runtime where it really runs."""
    mount_path: str | None
    """Absolute, without a trailing slash; None takes the private directory of the run."""
    cpus: float | None
    cpu_limit: str
    """As written, empty when absent."""
    memory: int | None
    memory_limit: str
    node_selector: str
    keep_disk: bool
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    retry: Retry | None
    timeout: float | None
    """Seconds per attempt."""
    warnings: tuple[str, ...] = ()
    """Codes of what is done otherwise than asked."""


class WorkflowDraft(Struct, frozen=True, kw_only=True):
    """A whole document."""

    name: str
    namespace: str
    runtime: str
    """As written, empty when there is none."""
    image: str
    schedule: str
    storage_policy: str
    storage_class: str
    storage_size: str
    volumes: tuple[Volume, ...]
    mount_path: str | None
    webhooks: tuple[Webhook, ...]
    activities: tuple[ActivityDraft, ...]

    @property
    def is_tried_out(self) -> bool:
        """Whether an activity runs on local although it names another runtime."""
        return any(
            activity.effective == "local" and activity.runtime.lower() != "local"
            for activity in self.activities
        )
