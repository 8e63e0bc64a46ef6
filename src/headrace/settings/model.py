"""Every setting, with its type, its default and its sentence; the reference page is made from this file."""

from __future__ import annotations

import ipaddress
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal as OneOf

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, SettingsConfigDict

from headrace.settings.machine import usable_cores, usable_memory
from headrace.settings.quantities import (
    Accepts,
    Cores,
    Count,
    Destinations,
    Duration,
    Folder,
    Folders,
    Hosts,
    LogSize,
    Networks,
    Origins,
    Password,
    PemFile,
    Port,
    RateLimit,
    Retention,
    Size,
    StrongPassword,
    Switch,
    Url,
    Words,
)

MIB = 1024 * 1024


class Room(BaseModel):
    """The settings of one room: a table in `headrace.toml`."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, use_attribute_docstrings=True, hide_input_in_errors=True
    )


class DataflowSettings(Room):
    """The Data Flow dialect."""

    max_body: Size = Field(default=16 * MIB, gt=0)
    """Largest body of a request, in bytes; a larger one is refused with 413."""
    max_file: Size = Field(default=512 * MIB, gt=0)
    """Largest file that can be uploaded to `/files`, and the largest media file that a task downloads."""
    file_retention: Retention = None
    """How long uploaded files are kept; older ones that no live execution was given are removed."""
    rate_limit: RateLimit = None
    """The older name of `rate_limit`, for all doors as well; where both are given, that one counts."""


class WebhookSettings(Room):
    """Webhooks, of every dialect that sends some."""

    log_retention: Retention = timedelta(days=30)
    """How long the delivery log of an execution, with the bodies that were sent, is kept after its end."""


class OpenAISettings(Room):
    """The `openai.*` task types, for OpenAI or any server that speaks its API."""

    base_url: Url = "https://api.openai.com/v1"
    """Address that the task types call; its host is exempt from the egress guard."""
    key_required: Switch = True
    """Whether a run that uses these task types is refused without a key; off where none is needed."""


class AkoflowSettings(Room):
    """The AkoFlow dialect."""

    default_runtime: Annotated[str, Accepts("the name of a runtime, or an empty text", takes_empty=True)] = (
        "local"
    )
    """Runtime of a workflow that names none; empty refuses such a workflow."""
    unknown_runtime: Annotated[OneOf["refuse", "local"], Accepts("`refuse` or `local`")] = "refuse"
    """What becomes of a runtime that is not configured: refuse the workflow, or try it out on local."""
    default_storage_policy: Annotated[
        OneOf["default", "distributed", "standalone"],
        Accepts("`default`, `distributed` or `standalone`"),
    ] = "default"
    """Storage policy of a workflow that names none."""
    standalone_link: Annotated[OneOf["copy", "hard"], Accepts("`copy` or `hard`")] = "copy"
    """How `standalone` brings files along; with `hard`, who writes in place changes its neighbour's file."""
    host_roots: Folders = ()
    """What may be bound into containers and carried to clusters; none is `akoflow` in the data directory."""
    path_map: Annotated[dict[str, str], Accepts("absolute paths to absolute paths; as a variable, JSON")] = {}
    """Beginnings of mount paths and of volumes' remote sides, to the directories used in their place."""
    retention: Retention = None
    """How long private directories are kept after the end of the last workflow that worked there."""
    max_body: Size = Field(default=32 * MIB, gt=0)
    """Largest body of a request, in bytes; a larger one is refused with 413."""
    max_activities: Count = Field(default=50_000, ge=1)
    """Largest number of activities in one workflow; ten times as many dependencies are taken."""
    max_run: Size = Field(default=4 * MIB, gt=0)
    """Largest `run` of one activity, in bytes."""
    provenance: Annotated[OneOf["hash", "stat", "off"], Accepts("`hash`, `stat` or `off`")] = "hash"
    """What is noted of files: contents too, sizes and times only, or nothing."""
    artifact_max_file: Size = Field(default=256 * MIB, ge=0)
    """Largest file that an activity made of which a copy is kept, in bytes."""
    artifact_max_workflow: Size = Field(default=10 * 1024 * MIB, ge=0)
    """How much is kept of the files of one workflow, in bytes."""


class LocalSettings(Room):
    """The local runtime: shell steps on this machine."""

    cpus: Cores = Field(default_factory=usable_cores, gt=0, allow_inf_nan=False)
    """Cores that steps may use together; one that declares more gets these, alone, and a warning."""
    memory: Size = Field(default_factory=usable_memory, gt=0)
    """Memory that steps may declare together, in bytes."""
    grace: Duration = timedelta(seconds=10)
    """Time between TERM and KILL when a step is cancelled or runs out of time."""
    max_log: LogSize = Field(default=256 * MIB, ge=MIB)
    """Largest log of one stream of a step, in bytes; a longer one is cut, with a last line that says so."""
    shell_enabled: Switch = True
    """Whether shell steps of any dialect (`core.shell`, AkoFlow activities) may run on this machine."""

    @property
    def why_no_shell(self) -> str | None:
        """The sentence for whoever asks for a shell step where they are switched off, else None."""
        return None if self.shell_enabled else "Shell steps are switched off here (local.shell_enabled)."


class Settings(BaseSettings):
    """Server-wide settings, and one table for each room."""

    model_config = SettingsConfigDict(
        env_prefix="HEADRACE_",
        env_nested_delimiter="__",
        env_nested_max_split=1,
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
        hide_input_in_errors=True,
    )

    data_dir: Folder = Path(".headrace")
    """Where the database, artifacts, logs and keys are kept; it is made with mode 0700 when it is absent."""
    host: Words = Field(default="127.0.0.1", min_length=1)
    """Address to listen on; beyond loopback the server asks for TLS or a trusted proxy in a warning."""
    port: Port = Field(default=8080, ge=0, le=65535)
    """Port to listen on; 0 takes a free one, and the address is the first line of standard output."""
    url: Url = "http://127.0.0.1:8080"
    """Address of the server that the command line talks to."""
    token: Password | None = Field(default=None, min_length=1)
    """Token that the command line sends."""
    admin_token: StrongPassword | None = Field(default=None, min_length=32)
    """The administrator's token, set anew at each start; without it the first start prints one."""
    auth: Annotated[OneOf["token", "off"], Accepts("`token` or `off`")] = "token"
    """Whether requests need a token; `off` is allowed on a loopback address only."""
    secret_key: StrongPassword | None = Field(default=None, min_length=32)
    """Key that seals stored secrets; without it one is made in the data directory, mode 0600."""
    public_url: Url | None = None
    """Address under which people reach this server, for links; its host is an allowed host."""
    allowed_hosts: Hosts = ()
    """Hosts by which clients may name us besides IP addresses, `localhost` and the public address."""
    allowed_origins: Origins = ()
    """Origins whose pages may call us besides our own."""
    trusted_proxies: Networks = ()
    """Proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed."""
    tls_cert: PemFile | None = None
    """Certificate chain for HTTPS."""
    tls_key: PemFile | None = None
    """Private key for HTTPS."""
    webhook_secret: Password | None = Field(default=None, min_length=1)
    """Secret that signs outgoing webhooks which name none of their own."""
    egress_allow: Destinations = ()
    """Private destinations that webhooks and tasks may call all the same; shell steps are not covered."""
    max_tasks: Count = Field(default=50_000, ge=1)
    """Largest number of tasks in one definition."""
    rate_limit: RateLimit = None
    """How many requests one token may send to all doors together; more are 429 with `Retry-After`."""
    akoflow: AkoflowSettings = AkoflowSettings()
    dataflow: DataflowSettings = DataflowSettings()
    openai: OpenAISettings = OpenAISettings()
    webhooks: WebhookSettings = WebhookSettings()
    local: LocalSettings = Field(default_factory=LocalSettings)

    @model_validator(mode="after")
    def _must_agree(self) -> Settings:
        if self.auth == "off" and not is_loopback(self.host):
            raise _disagreement(
                "auth", f"off, which is for loopback only, but host is {self.host}", "`token`"
            )
        if (self.tls_cert is None) != (self.tls_key is None):
            missing, other = ("tls_key", "tls_cert") if self.tls_key is None else ("tls_cert", "tls_key")
            raise _disagreement(missing, f"not set, but {other} is", "both or neither")
        return self


def is_loopback(host: str) -> bool:
    """Whether who listens on `host` is heard on this machine only."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _disagreement(setting: str, found: str, accepted: str) -> PydanticCustomError:
    return PydanticCustomError(
        "settings_disagree",
        "{setting} is {found}; give {accepted}.",
        {"setting": setting, "found": found, "accepted": accepted},
    )
