"""Secrets that nobody configured: made on the first start, kept in the data folder, readable by its owner."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.kernel.journal.checkpoint import new_key, private_key
from services.kernel.security import SecretBox
from services.kernel.settings import ConfigurationError, Settings

FOLDER = "secrets"
OWNER_ONLY = 0o600
COOKIE_SECRET_BYTES = 48


@dataclass(frozen=True, slots=True)
class ServerSecrets:
    """What the process encrypts and signs with. `box` seals secrets in the database."""

    box: SecretBox = field(repr=False)
    cookie_secret: str = field(repr=False)


def server_secrets(settings: Settings) -> ServerSecrets:
    """The configured secrets, else those kept in `data_dir/secrets`, made where they are missing.

    Raises `ConfigurationError` if an encryption key is not a Fernet key or the folder cannot be written.
    """
    keys = [key.get_secret_value() for key in settings.encryption_keys]
    cookie = settings.cookie_secret.get_secret_value() if settings.cookie_secret else None
    folder = settings.data_dir / FOLDER
    if not keys:
        keys = kept(folder / "encryption_keys", SecretBox.new_key).split()
    if cookie is None:
        cookie = kept(folder / "cookie_secret", lambda: secrets.token_urlsafe(COOKIE_SECRET_BYTES))
    try:
        box = SecretBox(keys)
    except ValueError:
        raise ConfigurationError(
            "LIAISON_ENCRYPTION_KEYS holds something that is not a Fernet key; make one with "
            "`python -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())'`."
        ) from None
    return ServerSecrets(box, cookie)


def ledger_key(settings: Settings) -> Ed25519PrivateKey:
    """The key that signs checkpoints of the ledger: configured, or kept and made like the others. Raises
    `ConfigurationError`."""
    given = settings.ledger_key
    text = given.get_secret_value() if given else kept(settings.data_dir / FOLDER / "ledger_key", new_key)
    try:
        return private_key(text)
    except ValueError:
        raise ConfigurationError(
            "LIAISON_LEDGER_KEY (or `secrets/ledger_key` in the data folder) is no Ed25519 key: 32 random "
            "bytes in base64."
        ) from None


def kept(path: Path, make: Callable[[], str]) -> str:
    """The secret in the file; where there is none, a fresh one is written, once, by whoever comes first."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not path.exists():
            draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY)
            try:
                with os.fdopen(descriptor, "w") as file:
                    file.write(make() + "\n")
                    file.flush()
                    os.fsync(file.fileno())
                # A link fails where the file exists: of two processes that start at once, one wins.
                os.link(draft, path)
            except FileExistsError:
                pass
            finally:
                draft.unlink(missing_ok=True)
        return path.read_text().strip()
    except OSError as error:
        raise ConfigurationError(
            f"The secrets cannot be kept in {path.parent} ({error.strerror}); give LIAISON_DATA_DIR a folder "
            "that this user may write, or set LIAISON_ENCRYPTION_KEYS and LIAISON_COOKIE_SECRET."
        ) from None
