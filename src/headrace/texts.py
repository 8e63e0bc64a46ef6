"""What is not text, as text that every answer and the journal can carry."""

from __future__ import annotations

import os


def text_of_path(path: str) -> str:
    r"""Return a path of the file system; bytes of it that are no UTF-8 are told as in `\xff`."""
    return path if path.isascii() else os.fsencode(path).decode("utf-8", "backslashreplace")


def text_of_error(error: BaseException) -> str:
    r"""Return what an exception says; what is no character is told as in `\udcff`."""
    return str(error).encode("utf-8", "backslashreplace").decode("utf-8")
