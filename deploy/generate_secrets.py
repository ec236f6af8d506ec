"""Make the secrets of a production set-up: `python deploy/generate_secrets.py [FOLDER]`.

One file a secret, in deploy/secrets/ unless another folder is named. What is there is kept, so it may be run
again, and a secret that you set yourself stays. Only Python's own library is used: it runs before anything
is installed. deploy/OPERATIONS.md says how each is rotated.
"""

from __future__ import annotations

import base64
import os
import secrets
import sys
from collections.abc import Callable
from pathlib import Path

FOLDER = Path(__file__).parent / "secrets"

DATABASE = "postgresql://liaison:{password}@postgres:5432/liaison"
"""As docker-compose.yml names it; for another server write the file yourself."""

FOLDER_MODE = 0o700
FILE_MODE = 0o444
"""Containers run as users of their own and see these files alone, bind-mounted; on the host the folder
keeps everybody else out."""


def password() -> str:
    """256 bits that need no escaping in a URL or a file of YAML."""
    return secrets.token_urlsafe(32)


def fernet_key() -> str:
    """As `cryptography.fernet.Fernet.generate_key` makes it: 32 random bytes, URL-safe base64."""
    return base64.urlsafe_b64encode(os.urandom(32)).decode("ascii")


def ed25519_key() -> str:
    """Any 32 random bytes are a private key of Ed25519 (RFC 8032)."""
    return base64.b64encode(os.urandom(32)).decode("ascii")


def generate(folder: Path) -> list[str]:
    """Write what is missing; returns the names of the files written."""
    folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    folder.chmod(FOLDER_MODE)
    written: list[str] = []

    def secret(name: str, make: Callable[[], str]) -> str:
        file = folder / name
        if not file.exists():
            # Whole or not there, and never readable by others in between.
            draft = folder / f".{name}.{os.getpid()}"
            draft.write_text(make() + "\n", encoding="ascii")
            draft.chmod(FILE_MODE)
            draft.rename(file)
            written.append(name)
        return file.read_text(encoding="ascii").strip()

    postgres = secret("postgres_password", password)
    secret("liaison_database_url", lambda: DATABASE.format(password=postgres))
    secret("liaison_encryption_keys", fernet_key)
    secret("liaison_cookie_secret", password)
    secret("liaison_ledger_key", ed25519_key)
    secret("liaison_admin_key", lambda: f"lia_{password()}")
    qdrant = secret("liaison_qdrant_api_key", password)
    # Qdrant reads a file of settings, not a file of a key.
    secret("qdrant.yaml", lambda: f"service:\n  api_key: {qdrant}")
    secret("grafana_password", password)
    return written


def main() -> int:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    written = generate(folder)
    print(f"{folder}: {', '.join(written) if written else 'everything is there already'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
