"""The folder of the embedded store on disk: who has it open, which collections it holds, which aliases.

    LOCK                                    held by the one process that has the folder open
    aliases.json                            alias → collection
    collections/<name>/collection.json      the shape, and which generation serves
    collections/<name>/<generation>/        one shard of Qdrant Edge
    trash/                                  what is being removed

Both JSON files are replaced by a rename, so that a crash at any moment leaves the old or the new one.
Whatever no JSON file names is left over from a crash and is removed when the folder is opened.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ulid import ULID

from services.kernel.vectors.errors import VectorStoreInUse, VectorStoreUnavailable
from services.kernel.vectors.port import CollectionSpec

RECORD = "collection.json"

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CollectionRecord:
    """What survives a restart. `indexed`: points in the ANN index when the generation was built (0: it has
    none); `outside`, `gone`, `written`: the `Drift` since then, as far as it was recorded."""

    spec: CollectionSpec
    generation: str
    indexed: int = 0
    outside: int = 0
    gone: int = 0
    written: int = 0


@dataclass(frozen=True, slots=True)
class Draft:
    """A JSON file that is on the disk and not yet in force. Writing it waits for the disk, so that a thread
    does it; putting it in force does not, so that it can happen in one step with a change in memory."""

    path: Path
    draft: Path

    def put_in_force(self) -> None:
        self.draft.replace(self.path)


class EdgeFolder:
    """Opened by at most one process: raises VectorStoreInUse when another one has it."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self._collections = self.root / "collections"
        self._trash = self.root / "trash"
        self._collections.mkdir(parents=True, exist_ok=True)
        self._lock = _lock(self.root)
        shutil.rmtree(self._trash, ignore_errors=True)
        self._trash.mkdir(exist_ok=True)

    def close(self) -> None:
        os.close(self._lock)

    def collections(self) -> dict[str, CollectionRecord]:
        """Name → record of every collection, after removing what a crash left over.

        A collection whose record cannot be read (broken, or of another release) is set aside."""
        found = {}
        for folder in sorted(self._collections.iterdir()):
            if not (folder / RECORD).exists():
                self._remove(folder)
                continue
            record = _record_in(folder)
            if record is None:
                self.set_aside(folder.name, f"{RECORD} is broken or of another release")
                continue
            for entry in folder.iterdir():
                if entry.is_dir() and entry.name != record.generation:
                    self._remove(entry)
            found[folder.name] = record
        return found

    def new_generation(self, name: str) -> Path:
        """A path that was never used before: a late writer of an old one cannot touch it."""
        folder = self._collections / name
        folder.mkdir(exist_ok=True)
        return folder / f"g-{ULID()}"

    def generation(self, name: str, record: CollectionRecord) -> Path:
        return self._collections / name / record.generation

    def draft_record(self, name: str, record: CollectionRecord) -> Draft:
        """`put_in_force` makes this the collection that the next opening finds."""
        return _draft(self._collections / name / RECORD, asdict(record))

    def forget(self, name: str) -> Path:
        """From now on the collection is a leftover. Its folder, to be discarded."""
        (self._collections / name / RECORD).unlink()
        return self._collections / name

    def discard(self, path: Path) -> Path | None:
        """Move a folder out of the way, and say where it lies now. None when it is not there any more: its
        collection was dropped meanwhile, and took it along."""
        if not path.exists():
            return None
        gone = self._trash / str(ULID())
        path.rename(gone)
        return gone

    def _remove(self, left_over: Path) -> None:
        """Out of the way first: whoever built it for the process that crashed may write for a moment yet, and
        a folder that is being written to cannot be emptied. What stays of it goes at the next opening."""
        gone = self.discard(left_over)
        if gone is not None:
            shutil.rmtree(gone, ignore_errors=True)

    def set_aside(self, name: str, reason: str) -> None:
        """Give up a collection that cannot be read: everything in it can be written anew from the rows, which
        whoever keeps the index whole does when it finds that texts are lost. Its folder lies in the trash
        until the next opening, for who wants to know more."""
        gone = self.discard(self._collections / name)
        logger.error(
            "vector collection %s cannot be read (%s): it is written anew from the rows, matches are fewer "
            "meanwhile; the old one lies in %s until the next start",
            name,
            reason,
            gone,
        )

    def aliases(self) -> dict[str, str]:
        """Without a readable file there are none: they are pointed anew at every start."""
        path = self.root / "aliases.json"
        if not path.exists():
            return {}
        try:
            found = json.loads(path.read_bytes())
        except ValueError:
            found = None
        if not isinstance(found, dict) or not all(isinstance(one, str) for one in found.values()):
            logger.error("%s cannot be read; aliases are pointed anew", path)
            return {}
        return found

    def draft_aliases(self, aliases: dict[str, str]) -> Draft:
        return _draft(self.root / "aliases.json", aliases)

    def free_bytes(self) -> int:
        return shutil.disk_usage(self.root).free


def bytes_on_disk(folder: Path) -> int:
    """What a folder really takes: the engine's files have holes."""
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())


def _lock(root: Path) -> int:
    descriptor = os.open(root / "LOCK", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip() or "unknown"
        os.close(descriptor)
        raise VectorStoreInUse(
            f"The vector folder {root} is open in process {holder}: stop that process, or choose another "
            "folder."
        ) from None
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    return descriptor


def _draft(path: Path, content: object) -> Draft:
    draft = path.with_suffix(".new")
    try:
        with draft.open("w") as file:
            json.dump(content, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
    except OSError as failure:
        raise VectorStoreUnavailable(f"{path} could not be written: {failure.strerror}.") from failure
    return Draft(path, draft)


def _record_in(folder: Path) -> CollectionRecord | None:
    """None where it cannot be made out."""
    try:
        record = _record_from(json.loads((folder / RECORD).read_bytes()))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    # A name in it becomes a path.
    return (
        record
        if record.spec.name == folder.name and record.generation == Path(record.generation).name
        else None
    )


def _record_from(content: dict[str, Any]) -> CollectionRecord:
    shape = content["spec"]
    spec = CollectionSpec(
        name=shape["name"],
        dense={str(name): int(dimensions) for name, dimensions in shape["dense"].items()},
        sparse=tuple(shape["sparse"]),
        keywords=tuple(shape["keywords"]),
        numbers=tuple(shape["numbers"]),
    )
    counts = (int(content.get(name, 0)) for name in ("indexed", "outside", "gone", "written"))
    return CollectionRecord(spec, str(content["generation"]), *counts)
