"""The file of a backup: lines of JSON, gzipped. It can be read without Liaison.

    {"liaison": 1, "schema": …, "made_at": …}      the head
    {"table": …, "columns": […]}                   then a line per row, as an array in this order
    [ … ]
    {"rows": …, "sha256": …}                       the end: how many rows, and the digest of all lines before

Values are JSON's own; beside these {"t": an instant, ISO 8601 in UTC}, {"d": a date},
{"b": bytes in base64}, {"j": a document}.
"""

from __future__ import annotations

import gzip
import hashlib
import os
from base64 import b64decode, b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, BinaryIO

import orjson

FORMAT = 1
OWNER_ONLY = 0o600
"""It holds digests of API keys and sealed secrets."""
COMPRESSION = 6
"""gzip's usual level: a higher one takes twice as long for a few per cent."""


class BadBackup(Exception):
    """The file is no backup, or not a whole one. The message is a sentence."""


@dataclass(frozen=True, slots=True)
class Head:
    """`schema`: the revision of the database that was backed up."""

    schema: str
    made_at: datetime


class Writer:
    """Writes one backup; `rows` counts."""

    def __init__(self, file: gzip.GzipFile, head: Head) -> None:
        self._file = file
        self._digest = hashlib.sha256()
        self.rows = 0
        self._line({"liaison": FORMAT, "schema": head.schema, "made_at": head.made_at.isoformat()})

    def table(self, name: str, columns: Sequence[str]) -> None:
        """The rows that follow are of this table, with these columns."""
        self._line({"table": name, "columns": list(columns)})

    def row(self, values: Sequence[Any]) -> None:
        """One row, its documents as `Document`."""
        self._line([_packed(value) for value in values])
        self.rows += 1

    def end(self) -> None:
        self._file.write(orjson.dumps({"rows": self.rows, "sha256": self._digest.hexdigest()}) + b"\n")

    def _line(self, content: Any) -> None:
        line = orjson.dumps(content) + b"\n"
        self._digest.update(line)
        self._file.write(line)


@dataclass(frozen=True, slots=True)
class Document:
    """The value of a column of JSON documents."""

    value: Any


@dataclass(frozen=True, slots=True)
class Table:
    """The rows that follow are of this table."""

    name: str
    columns: tuple[str, ...]


Row = tuple[Any, ...]


@contextmanager
def writing(target: Path | BinaryIO, head: Head) -> Iterator[Writer]:
    """A new file, readable by its owner alone; it has its name when it is whole. Or into a stream, of which
    only its end tells that it is whole. Raises FileExistsError and other OSErrors."""
    if not isinstance(target, Path):
        with _packing(target, head) as writer:
            yield writer
        target.flush()
        return
    if target.exists():
        raise FileExistsError(f"{target} exists")
    draft = target.with_name(f"{target.name}.part")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, OWNER_ONLY)
    try:
        with os.fdopen(descriptor, "wb") as raw:
            with _packing(raw, head) as writer:
                yield writer
            raw.flush()
            os.fsync(raw.fileno())
        draft.rename(target)
    finally:
        draft.unlink(missing_ok=True)


@contextmanager
def _packing(raw: BinaryIO, head: Head) -> Iterator[Writer]:
    with gzip.GzipFile("", "wb", COMPRESSION, raw, mtime=0) as file:
        writer = Writer(file, head)
        yield writer
        writer.end()


class Reader:
    """Reads one backup from its beginning to its end, once."""

    def __init__(self, file: gzip.GzipFile) -> None:
        self._file = file
        self._first = file.readline()
        self.head = _head(self._first)

    def __iter__(self) -> Iterator[Table | Row]:
        """Tables, each followed by its rows. Raises `BadBackup`, at the latest at the end: whoever acts on it
        before must be able to take that back."""
        digest, rows, line = hashlib.sha256(), 0, self._first
        while True:
            digest.update(line)
            line = self._file.readline()
            content = _json(line)
            if isinstance(content, list):
                rows += 1
                yield tuple(_unpacked(value) for value in content)
            elif "table" in content:
                yield Table(content["table"], tuple(content["columns"]))
            else:
                if (content.get("rows"), content.get("sha256")) != (rows, digest.hexdigest()):
                    raise BadBackup("The backup is damaged: its contents do not fit its checksum.")
                return


@contextmanager
def reading(source: Path | BinaryIO) -> Iterator[Reader]:
    """Raises `BadBackup`, OSError, at the beginning and while it is read."""
    try:
        with gzip.open(source, "rb") as file:
            yield Reader(file)
    except (gzip.BadGzipFile, EOFError):
        told = source if isinstance(source, Path) else "What came in"
        raise BadBackup(f"{told} is no backup of Liaison, or only a part of one.") from None


def _head(line: bytes) -> Head:
    content = _json(line)
    if not isinstance(content, dict) or content.get("liaison") != FORMAT:
        raise BadBackup("The file is no backup of Liaison that this release can read.")
    return Head(content["schema"], datetime.fromisoformat(content["made_at"]))


def _json(line: bytes) -> Any:
    if not line:
        raise BadBackup("The backup is cut off: its end is missing.")
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        raise BadBackup("The backup is damaged: a line of it cannot be read.") from None


def _packed(value: Any) -> Any:
    if isinstance(value, Document):
        return {"j": value.value}
    if isinstance(value, datetime):
        aware = value if value.tzinfo is not None else value.replace(tzinfo=UTC)
        return {"t": aware.astimezone(UTC).isoformat()}
    if isinstance(value, date):
        return {"d": value.isoformat()}
    if isinstance(value, bytes | memoryview):
        return {"b": b64encode(value).decode()}
    return value


def _unpacked(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if "t" in value:
        return datetime.fromisoformat(value["t"])
    if "d" in value:
        return date.fromisoformat(value["d"])
    if "b" in value:
        return b64decode(value["b"])
    return Document(value["j"])
