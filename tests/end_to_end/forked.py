"""The `liaison` command in a process of its own, forked from one that has imported it.

To import it all takes two seconds of a core, and the suite starts it a hundred times. What is forked is a
process like any other, to be killed and waited for; tests/deploy start it by its own command.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

_IMPORTED = (
    "services.bootstrap.serve",
    "services.bootstrap.processes",
    "services.bootstrap.adapters",
    "services.backup.tables",
    "services.erasure",
    "services.evaluation.run",
    "services.migrations",
    "schemas.export",
    "typer.main",
    "rich.progress",
    "rich.table",
    "httpx",
    "faust",
    "onnxruntime",
    "tokenizers",
    "aiosqlite",
    "uvicorn.loops.uvloop",
    "uvicorn.protocols.http.httptools_impl",
    "tests.end_to_end.unpacked",
)
"""Not the command itself: it looks at the environment and at its standard streams when it is imported."""

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(list(_IMPORTED))


class Forked:
    """What `subprocess.Popen` offers, as far as tests want it. `out`, `err`: files to which it appends what
    it writes; `given`: one that it reads, nothing without."""

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        folder: Path,
        *,
        out: Path,
        err: Path,
        given: Path | None = None,
    ) -> None:
        streams = (given or Path(os.devnull), out, err)
        work = (tuple(command), dict(environment), folder, streams)
        self._process = _context.Process(target=_run, args=work)
        self._process.start()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """Negative: the signal that ended it."""
        return self._process.exitcode

    def poll(self) -> int | None:
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        code = self.returncode
        if code is None:
            raise subprocess.TimeoutExpired("liaison", timeout or 0.0)
        return code

    def send_signal(self, number: signal.Signals) -> None:
        if self.returncode is None:
            os.kill(self.pid, number)


def _run(
    command: tuple[str, ...], environment: dict[str, str], folder: Path, streams: tuple[Path, Path, Path]
) -> None:
    given, *written = streams
    opened = [os.open(given, os.O_RDONLY)]
    opened += [os.open(one, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644) for one in written]
    for standard, file in enumerate(opened):
        os.dup2(file, standard)
        os.close(file)
    sys.stdin = os.fdopen(0, closefd=False)  # that of multiprocessing reads nothing
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    from services.cli import app

    app(list(command), prog_name="liaison")
