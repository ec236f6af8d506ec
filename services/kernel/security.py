"""API keys, who is speaking, and secrets at rest."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from services.kernel.problems import Forbidden

KEY_PREFIX = "lia_"
KEY_SHOWN = 12
"""Characters of a key that may be shown and stored in clear: enough to find it, too few to guess it."""
KEY_BYTES = 32
"""256 random bits: beyond guessing, so an unsalted SHA-256 is a safe way to store it."""
TOKEN_PREFIX = "liafeed_"  # noqa: S105 - how every one begins
"""Of the token in an address that needs no key; by it logs know what to mask."""

ADMIN, BSO, ILO, CLUSTER, COMPANY = "admin", "bso", "ilo", "cluster", "company"
ROLES = (ADMIN, BSO, ILO, CLUSTER, COMPANY)


def new_key() -> str:
    """A fresh API key, `lia_` and 43 URL-safe characters."""
    return KEY_PREFIX + secrets.token_urlsafe(KEY_BYTES)


def new_token() -> str:
    """What makes an address secret: `liafeed_` and 43 URL-safe characters."""
    return TOKEN_PREFIX + secrets.token_urlsafe(KEY_BYTES)


def key_digest(key: str) -> str:
    """What is stored of a key or a token: its SHA-256, in hex."""
    return hashlib.sha256(key.encode()).hexdigest()


def same(left: str, right: str) -> bool:
    """Compare secrets in constant time."""
    return hmac.compare_digest(left.encode(), right.encode())


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is speaking: an organisation in its role, by one key with its scopes (read, write, admin)."""

    organisation: str
    role: str
    key: str
    scopes: frozenset[str]

    @property
    def is_admin(self) -> bool:
        return self.role == ADMIN

    def needs_scope(self, scope: str) -> None:
        """Raises Forbidden unless the key has the scope, or one that includes it."""
        including = {"read": {"read", "write", "admin"}, "write": {"write", "admin"}, "admin": {"admin"}}
        if not self.scopes & including[scope]:
            raise Forbidden(
                f"This key lacks the scope '{scope}'. Issue one that has it, or ask who issued it."
            )

    def needs_role(self, roles: Sequence[str], to: str) -> None:
        """Raises Forbidden unless the principal has one of the roles; `to` says what for."""
        if self.role not in roles and not self.is_admin:
            raise Forbidden(f"To {to} you need the role {' or '.join(roles)}; this key has {self.role}.")


class SecretBox:
    """Encrypts secrets at rest (Fernet: AES-128-CBC with HMAC-SHA256). The first key encrypts, all decrypt,
    so keys are rotated by putting a new one in front."""

    def __init__(self, keys: Sequence[str]) -> None:
        if not keys:
            raise ValueError("at least one encryption key is needed")
        each = [Fernet(key) for key in keys]
        self._first, self._fernet = each[0], MultiFernet(each)

    @staticmethod
    def new_key() -> str:
        return Fernet.generate_key().decode()

    def seal(self, secret: str) -> str:
        return self._fernet.encrypt(secret.encode()).decode()

    def renew(self, sealed: str) -> str | None:
        """The same secret under the first key; None if that one sealed it. Raises ValueError if none of the
        keys opens it."""
        try:
            self._first.decrypt(sealed.encode())
        except InvalidToken:
            return self.seal(self.open(sealed))
        return None

    def open(self, sealed: str) -> str:
        """Raises ValueError if none of the keys opens it."""
        try:
            return self._fernet.decrypt(sealed.encode()).decode()
        except InvalidToken as error:
            raise ValueError(
                "a stored secret cannot be opened with the configured encryption keys"
            ) from error
