"""What content is, told by its first bytes."""

from __future__ import annotations

import pytest

from headrace.artifacts.sniffing import HEAD, sniff


@pytest.mark.parametrize(
    ("head", "name", "found"),
    [
        (b"\x89PNG\r\n\x1a\n....", "x", "image/png"),
        (b"\xff\xd8\xff\xe0", "x.txt", "image/jpeg"),
        (b"GIF89a", "x", "image/gif"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "x", "image/webp"),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", "x", "audio/wav"),
        (b"%PDF-1.7", "x", "application/pdf"),
        (b"PK\x03\x04....", "x", "application/zip"),
        (
            b"PK\x03\x04....",
            "a.docx",
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        ),
        (b"\x1f\x8b\x08\x00", "a.json", "application/gzip"),
        (b"ID3\x04", "x", "audio/mpeg"),
        (b"\xff\xfb\x90\x64\x00", "x", "audio/mpeg"),
        (b"fLaC", "x", "audio/flac"),
        (b"OggS", "x", "audio/ogg"),
        (b"OggS", "a.ogv", "video/ogg"),
        (b"\x00\x00\x00\x20ftypisom", "x", "video/mp4"),
        (b"\x00\x00\x00\x20ftypM4A ", "x", "audio/mp4"),
        (b"\x1a\x45\xdf\xa3", "x", "video/webm"),
        (b"<!DOCTYPE html><title>", "x", "text/html"),
        (b"\xef\xbb\xbf\n <HTML>", "x", "text/html"),
        (b'{"a": 1}', "x", "application/json"),
        (b"[1]", "notes.txt", "text/plain"),
        (b"tide", "x", "text/plain"),
        (b"", "x", "text/plain"),
        (b"a,b\n", "a.csv", "text/csv"),
        ("é".encode() * 300, "x", "text/plain"),
        (("x" + "é" * 300).encode()[:HEAD], "x", "text/plain"),
        (b"\x00\x01\x02", "x", "application/octet-stream"),
        (b"\x00\x01\x02", "a.txt", "application/octet-stream"),
        (b"\x00\x01\x02", "a.mp3", "audio/mpeg"),
        (b"\xff\xfe\x00", "x", "application/octet-stream"),
        (b"caf\xe9", "x", "application/octet-stream"),
    ],
)
def test_content_is_told_by_its_head(head: bytes, name: str, found: str) -> None:
    assert sniff(head, name) == found
