"""Everything that a door may use, in one value: what the composition root hands to API and dialects."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Literal

from msgspec import Struct, field

from headrace.artifacts.protocol import Artifacts
from headrace.clock import Clock
from headrace.orchestrator.executions import Executions
from headrace.orchestrator.large_values import LargeValues
from headrace.orchestrator.starts import Starts
from headrace.orchestrator.workflows import Workflows
from headrace.runtimes.protocol import Capabilities
from headrace.runtimes.samples import Samples
from headrace.security.egress import Egress
from headrace.security.redaction import SecretsInUse
from headrace.security.secrets import Vault
from headrace.security.tokens import TokenStore
from headrace.settings import Settings
from headrace.store.protocol import Store
from headrace.store.rows import Delivery
from headrace.tasks.library import Library


class Services(Struct, frozen=True, kw_only=True):
    """The use cases and the rooms that doors read from directly."""

    settings: Settings
    clock: Clock
    workflows: Workflows
    executions: Executions
    starts: Starts = field(default_factory=Starts)
    """Inside of it doors start executions and delete what these may need."""
    library: Library
    store: Store
    """For deliveries, files, idempotency and lists; executions and definitions go through the use cases."""
    artifacts: Artifacts
    values: LargeValues
    """Loads values that were too large for the journal."""
    tokens: TokenStore
    vault: Vault
    egress: Egress
    secrets_in_use: SecretsInUse
    """Whatever is shown to people passes its redactor."""
    log_file: Callable[[int, Literal["stdout", "stderr"]], Path | None]
    """Attempt and stream to the file that it is written to, None when there is none (yet)."""
    samples: Callable[[int], Samples | None]
    """Attempt to what it used over time, None when there is nothing (yet); reads a small file."""
    redeliver: Callable[[int], Awaitable[Delivery]]
    """Sends a delivery of this number again, whatever became of it; raises `NotFound`."""
    runtimes: Mapping[str, Capabilities]
    """What each configured runtime can do, by its name."""
