"""The calls about files that tasks left in their working directories, as values."""

from __future__ import annotations

from typing import Any, Literal as OneOf
from urllib.parse import quote

from headrace.client import answers
from headrace.client.calls import Call, Key


def files(
    key: Key,
    *,
    task: str | None = None,
    path: str | None = None,
    limit: int = 1000,
    cursor: str | None = None,
) -> Call[answers.Listed[answers.RecordedFile]]:
    """List the files that tasks of an execution made or changed, oldest first; `path` may be a glob."""
    return Call(
        method="GET",
        path=_path(key),
        answer=answers.Listed[answers.RecordedFile],
        params=_given(task=task, path=path, limit=limit, cursor=cursor),
    )


def files_archive(
    key: Key,
    *,
    format: OneOf["zip", "tar.gz"] = "zip",
    task: str | None = None,
    path: str | None = None,
) -> Call[None]:
    """Fetch an archive with the last version of each file that tasks of an execution left."""
    params = _given(format=format, task=task, path=path)
    return Call(method="GET", path=f"{_path(key)}/archive", answer=None, params=params)


def file_path(key: Key, number: int) -> str:
    """Return the path of the content of such a file."""
    return f"{_path(key)}/{number}/content"


def _path(key: Key) -> str:
    return f"/v1/executions/{quote(str(key), safe='')}/files"


def _given(**params: Any) -> dict[str, Any]:
    return {name: value for name, value in params.items() if value is not None}
