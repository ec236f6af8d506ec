"""Signed checkpoints of the ledger, for somebody outside to keep.

The hash chain shows that no entry was changed, removed or moved, unless somebody computed the whole chain
anew or cut off its end. Whoever keeps a checkpoint can show that too: the chain must lead through it.
Signed with Ed25519 (RFC 8032), so that nobody can say that the checkpoint was never ours.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

PURPOSE = b"liaison ledger checkpoint 1\n"
"""Begins what is signed, so that a signature for this can be taken for none of anything else."""


class BadCheckpoint(Exception):
    """It is no checkpoint, or not what was signed. The message is a sentence."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """At `time` the ledger had `position` entries, the last of which has this `hash` (hex). `key`: the public
    key, `signature`: over all this, both in base64."""

    position: int
    hash: str
    time: datetime
    key: str
    signature: str

    def as_json(self) -> dict[str, Any]:
        return {
            "position": self.position,
            "hash": self.hash,
            "time": _written(self.time),
            "key": self.key,
            "signature": self.signature,
        }

    @property
    def is_signed(self) -> bool:
        """Whether the signature is of this content by this key."""
        try:
            public = Ed25519PublicKey.from_public_bytes(_bytes_of(self.key))
            public.verify(_bytes_of(self.signature), _signed(self.position, self.hash, self.time))
        except (InvalidSignature, ValueError):
            return False
        return True


def sign(key: Ed25519PrivateKey, *, position: int, hash_: str, now: datetime) -> Checkpoint:
    """A checkpoint of the ledger as it is now."""
    at = now.astimezone(UTC).replace(microsecond=0)
    signature = key.sign(_signed(position, hash_, at))
    return Checkpoint(position, hash_, at, public_key(key), b64encode(signature).decode())


def new_key() -> str:
    """A private key as it is kept: 32 bytes in base64."""
    return b64encode(Ed25519PrivateKey.generate().private_bytes_raw()).decode()


def private_key(kept: str) -> Ed25519PrivateKey:
    """Raises ValueError for what is no such key."""
    return Ed25519PrivateKey.from_private_bytes(b64decode(kept, validate=True))


def public_key(key: Ed25519PrivateKey) -> str:
    return b64encode(key.public_key().public_bytes_raw()).decode()


def read(lines: Iterable[bytes]) -> list[Checkpoint]:
    """Checkpoints as they were exported, one a line. Raises `BadCheckpoint` naming the line."""
    found = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            content = orjson.loads(line)
            one = Checkpoint(
                position=int(content["position"]),
                hash=str(content["hash"]),
                time=datetime.fromisoformat(content["time"]),
                key=str(content["key"]),
                signature=str(content["signature"]),
            )
            is_signed = one.time.tzinfo is not None and one.is_signed
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
            raise BadCheckpoint(f"Line {number} is no checkpoint of a ledger.") from None
        if not is_signed:
            raise BadCheckpoint(f"Line {number} is not what was signed: its signature does not fit.")
        found.append(one)
    if not found:
        raise BadCheckpoint("There is no checkpoint in it.")
    return found


def contradiction(checkpoints: Sequence[Checkpoint], hashes: dict[int, str]) -> str | None:
    """What of the ledger contradicts them, in a sentence; None: it leads through every one. `hashes`: of the
    ledger's entries at their positions."""
    for one in sorted(checkpoints, key=lambda one: one.position):
        found = hashes.get(one.position)
        if found is None:
            return f"entry {one.position}, which was there at {_written(one.time)}, is missing"
        if found != one.hash:
            return (
                f"up to entry {one.position} it is another ledger than at {_written(one.time)}: its hash was "
                f"{one.hash}, and is {found}"
            )
    return None


def inconsistency(checkpoints: Sequence[Checkpoint]) -> str | None:
    """What of them contradicts the others, in a sentence; None: they can all be of one ledger that only
    grows. It takes no ledger to find out."""
    ordered = sorted(checkpoints, key=lambda one: (one.time, one.position))
    for one, later in pairwise(ordered):
        if later.position < one.position:
            return (
                f"at {_written(one.time)} it had {one.position} entries, and at {_written(later.time)} only "
                f"{later.position}"
            )
        if later.position == one.position and later.hash != one.hash:
            return f"entry {one.position} has two hashes, {one.hash} and {later.hash}"
    return None


def _bytes_of(written: str) -> bytes:
    """Of base64 in its one right spelling: the last letter may have bits that nothing is read from. Raises
    ValueError."""
    content = b64decode(written, validate=True)
    if b64encode(content).decode() != written:
        raise ValueError("not the spelling of these bytes")
    return content


def _signed(position: int, hash_: str, time: datetime) -> bytes:
    return PURPOSE + f"{position}\n{hash_}\n{_written(time)}\n".encode()


def _written(time: datetime) -> str:
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")
