"""Every error that crosses a room's wall, split by whose fault it is.

    HeadraceError
    ├── RequestError            the caller's fault; repeating will not help
    │   ├── InvalidDefinition   carries all problems of a document at once
    │   ├── InvalidInput        carries all problems of a start or an answer
    │   ├── NotFound
    │   │   └── Gone            it was here, and was removed on purpose
    │   ├── Conflict
    │   ├── TransitionRefused   the state of the thing forbids the request
    │   ├── Unauthorized
    │   └── Forbidden
    ├── JobError                a runtime cannot take or find a job
    │   └── InvalidJob
    ├── StoreError              the store cannot answer
    │   └── StaleVersion        somebody else committed first; read again and decide again
    ├── PluginError             a plug-in cannot be loaded or keeps no contract
    └── InvalidSettings         carries all problems of what the operator set

Each class has a stable `code` and an HTTP `status` hint.
A failed task is an event, never an exception.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from msgspec import Struct


class Problem(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that is wrong with what somebody sent, told so that they can mend it."""

    path: str
    """JSON pointer into the document as it was sent; `""` is the whole of it."""
    code: str
    """Stable snake_case name of the rule."""
    message: str
    """One sentence: what was found and what was wanted."""
    suggestion: str | None = None
    """What to write instead, when there is a near one."""
    line: int | None = None
    """Line in the source text, from 1, where the document had lines."""
    column: int | None = None
    """Column in that line, from 1, in code points."""
    task: str | None = None
    """The task that it concerns, when it is not clear from the path."""


class HeadraceError(Exception):
    """Something went wrong inside Headrace or was asked wrongly of it."""

    code: ClassVar[str] = "internal"
    status: ClassVar[int] = 500

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (type(self).__doc__ or "").strip().splitlines()[0])

    @property
    def message(self) -> str:
        """The sentence for people."""
        return str(self.args[0])


class RequestError(HeadraceError):
    """The request cannot be met as it stands."""

    code = "bad_request"
    status = 400


class InvalidDefinition(RequestError):
    """The definition has problems."""

    code = "invalid_definition"

    def __init__(
        self,
        problems: Sequence[Problem],
        warnings: Sequence[Problem] = (),
        message: str | None = None,
        *,
        total: int | None = None,
    ) -> None:
        """Take the problems that are told, and how many there are where those are only the first."""
        count = len(problems) if total is None else total
        super().__init__(message or f"The definition has {count} problem{'s' if count != 1 else ''}.")
        self.total = count
        self.problems = tuple(problems)
        self.warnings = tuple(warnings)


class InvalidInput(RequestError):
    """The input has problems."""

    code = "invalid_input"

    def __init__(self, problems: Sequence[Problem], message: str | None = None) -> None:
        count = len(problems)
        super().__init__(message or f"The input has {count} problem{'s' if count != 1 else ''}.")
        self.problems = tuple(problems)


class NotFound(RequestError):
    """There is no such thing here."""

    code = "not_found"
    status = 404


class Gone(NotFound):
    """It was here, and is not kept any longer."""

    code = "gone"
    status = 410


class Conflict(RequestError):
    """The request contradicts what is there."""

    code = "conflict"
    status = 409


class TransitionRefused(Conflict):
    """The state of the thing forbids the request."""

    code = "transition_refused"

    def __init__(self, entity: str, state: str, message: str) -> None:
        super().__init__(f"{entity} is {state}; {message} is refused.")
        self.entity = entity
        self.state = state


class Unauthorized(RequestError):
    """A valid token is needed."""

    code = "unauthorized"
    status = 401


class Forbidden(RequestError):
    """The token does not allow this."""

    code = "forbidden"
    status = 403


class JobError(HeadraceError):
    """A runtime cannot take or find the job."""

    code = "job_error"


class InvalidJob(JobError):
    """The job asks for what this runtime cannot do."""

    code = "invalid_job"


class StoreError(HeadraceError):
    """The store cannot answer now."""

    code = "store_unavailable"
    status = 503


class StaleVersion(StoreError):
    """Somebody else committed first."""

    code = "stale_version"
    status = 409


class PluginError(HeadraceError):
    """A plug-in cannot be loaded."""

    code = "plugin_error"


class InvalidSettings(HeadraceError):
    """The settings have problems."""

    code = "invalid_settings"

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(problem.message for problem in problems))
        self.problems = tuple(problems)
