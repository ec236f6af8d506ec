"""The `liaison` command in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.end_to_end.forked import Forked
from tests.end_to_end.process import ROOT

BOUNDED_S = 90.0


@dataclass(frozen=True, slots=True)
class Said:
    """`out`, `err`: as they came; `told`: both in one line, whatever the width of the terminal."""

    code: int
    out: str
    err: str

    @property
    def told(self) -> str:
        return " ".join(f"{self.out} {self.err}".split())

    def json(self) -> Any:
        """What stands on stdout, which must be JSON and nothing else."""
        return json.loads(self.out)

    def refused(self, code: int) -> str:
        """The error: in a sentence or two, on stderr alone, and no traceback. Returns it in one line."""
        assert self.code == code, self.told
        assert self.out == "", self.out
        assert "Traceback" not in self.err, self.err
        told = " ".join(self.err.split())
        assert told, "nothing is said"
        assert "\x1b" not in self.err, "colours, and no terminal"
        return told


@dataclass(frozen=True, slots=True)
class Command:
    """`settings`: environment variables; none of those of this process that begin with LIAISON_ are seen.
    `bounded_s`: after so long a command has hung."""

    settings: dict[str, str] = field(default_factory=dict)
    folder: Path | None = None
    bounded_s: float = BOUNDED_S

    def __call__(self, *arguments: str, given: str | None = None, **settings: str) -> Said:
        with TemporaryDirectory(prefix="liaison-command-") as written:
            out, err, sent = (Path(written) / name for name in ("out", "err", "given"))
            if given is not None:
                sent.write_text(given, "utf-8")
            done = Forked(
                arguments,
                self._environment(settings),
                self.folder or Path.cwd(),
                out=out,
                err=err,
                given=None if given is None else sent,
            )
            try:
                code = done.wait(self.bounded_s)
            finally:
                done.send_signal(signal.SIGKILL)
            return Said(code, out.read_text("utf-8"), err.read_text("utf-8"))

    def started(self, *arguments: str) -> subprocess.Popen[str]:
        """One that goes on: for streams."""
        return subprocess.Popen(
            self._line(arguments),
            env=self._environment({"PYTHONUNBUFFERED": "1"}),
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def _line(self, arguments: tuple[str, ...]) -> list[str]:
        return [sys.executable, "-m", "services.cli", *arguments]

    def _environment(self, more: dict[str, str]) -> dict[str, str]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("LIAISON_")}
        return clean | {"PYTHONPATH": str(ROOT), "COLUMNS": "160"} | self.settings | more
