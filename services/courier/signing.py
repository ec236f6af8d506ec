"""Signatures after Standard Webhooks 1.0.0: HMAC-SHA256 over `id.timestamp.body`, identifier `v1`.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
from collections.abc import Callable, Sequence

from services.kernel.problems import InvalidInput

SECRET_PREFIX = "whsec_"  # noqa: S105 - the public marker of a secret, not a secret
MIN_SECRET_BYTES = 24
MAX_SECRET_BYTES = 64
"""Bounds of the standard: at least 192 bits, at most 512."""

NEW_SECRET_BYTES = 32
"""As long as the digest: a longer HMAC-SHA256 key adds nothing, a shorter one is weaker than the hash."""

MAX_KEYS = 10
"""Signatures in one header while secrets rotate; each costs the receiver one comparison."""


class InvalidSecret(InvalidInput):
    """A signing secret that does not follow the standard."""

    slug, title = "invalid-signing-secret", "The signing secret is not valid"


def generate_secret(random_bytes: Callable[[int], bytes] = secrets.token_bytes) -> str:
    """A fresh secret in the form that receivers are shown: `whsec_` and base64 of 32 bytes."""
    return SECRET_PREFIX + base64.b64encode(random_bytes(NEW_SECRET_BYTES)).decode()


def decode_secret(secret: str) -> bytes:
    """The key in a `whsec_…` string: 24 to 64 bytes. Raises InvalidSecret."""
    if not secret.startswith(SECRET_PREFIX):
        raise InvalidSecret(f"A signing secret starts with {SECRET_PREFIX!r} and goes on in base64.")
    try:
        key = base64.b64decode(secret[len(SECRET_PREFIX) :], validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidSecret(f"What follows {SECRET_PREFIX!r} must be base64.") from error
    if not MIN_SECRET_BYTES <= len(key) <= MAX_SECRET_BYTES:
        raise InvalidSecret(
            f"A signing secret holds {MIN_SECRET_BYTES} to {MAX_SECRET_BYTES} bytes, not {len(key)}."
        )
    return key


def signature(key: bytes, message_id: str, timestamp: int, body: bytes) -> str:
    """One signature, `v1,` and base64 of the digest. `timestamp` is Unix time in whole seconds.

    An id with a full stop is refused: it could move the border between id, timestamp and body.
    """
    if "." in message_id:
        raise ValueError(f"a webhook id must not contain a full stop: {message_id!r}")
    digest = hmac.digest(key, f"{message_id}.{timestamp}.".encode() + body, "sha256")
    return "v1," + base64.b64encode(digest).decode()


def signed_headers(keys: Sequence[bytes], message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The three headers of the standard, one signature per key, newest key first."""
    if not keys:
        raise ValueError("a webhook is signed with at least one key")
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signature(key, message_id, timestamp, body) for key in keys[:MAX_KEYS]),
    }
