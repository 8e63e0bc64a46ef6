"""The bodies of the native API; unknown members are refused, and everything wrong is told at once."""

from __future__ import annotations

from typing import Annotated, Any, Literal as OneOf

from pydantic import BaseModel, ConfigDict, Field

Name = Annotated[str, Field(min_length=1, max_length=200)]
Sentence = Annotated[str, Field(max_length=2000)]
Labels = Annotated[dict[Name, Annotated[str, Field(max_length=1000)]], Field(max_length=64)]


class Body(BaseModel):
    """What somebody sends."""

    model_config = ConfigDict(
        extra="forbid", strict=True, hide_input_in_errors=True, use_attribute_docstrings=True
    )


class StartBody(Body):
    """What an execution is started with."""

    inputs: dict[str, Any] = {}
    """Input name to value; a file is named by its id, `file-…`."""
    version: int | None = Field(default=None, ge=1, le=2**31)
    """Version of the workflow; null takes the current one."""
    labels: Labels = {}
    """What you want to find again."""


class ReasonBody(Body):
    """Why something is asked."""

    reason: Sentence = ""
    """Sentence for people; it stands beside the state that it led to."""


class CancelBody(ReasonBody):
    """How an execution ends early."""

    policy: OneOf["cancel_running", "allow_finish"] | None = None
    """Whether running jobs are killed or end by themselves; null takes the workflow's rule."""


class SignalBody(Body):
    """Something that happened."""

    name: Name
    payload: Any = None


class AnswerBody(Body):
    """The answer to an approval; it becomes the outputs of the task."""

    outputs: dict[str, Any] = {}


class RerunBody(Body):
    """Where a new execution begins."""

    model_config = ConfigDict(validate_by_name=True, serialize_by_alias=True)

    tasks: OneOf["failed", "start"] | Annotated[list[Name], Field(min_length=1, max_length=10_000)] = Field(
        default="failed", alias="from"
    )
    """`failed` runs again what failed or never ran, `start` all, a list those tasks and what follows."""
    dry_run: bool = False
    """Only show what would run again."""


class TokenBody(Body):
    """What a new token allows."""

    name: Name
    scopes: Annotated[
        list[OneOf["read", "run", "write", "secrets", "admin"]], Field(min_length=1, max_length=5)
    ]
    expires_in: Annotated[float, Field(gt=0, le=315_360_000)] | None = None
    """Seconds; null never expires."""


class SecretBody(Body):
    """The value of a secret."""

    value: Annotated[str, Field(min_length=1, max_length=65_536)]


class TryBody(Body):
    """The inputs that a task type is tried with."""

    inputs: dict[str, Any] = {}
