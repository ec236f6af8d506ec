"""A real `liaison serve`, or another of its processes, that tests start, kill and start again."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests.end_to_end.forked import Forked
from tests.ports import free_port

ROOT = Path(__file__).parents[2]
"""What is tested is this tree, whichever one is installed."""
MODELS = ROOT / "var" / "models"
"""The exported model is shared by the whole suite: the export takes a quarter of a minute."""
ADMIN_KEY = "lia_end-to-end-tests-0123456789-0123456789-abcdef"
START_S = 180.0
"""It is ready after some 5 s; several that start together on a busy machine take much longer."""
LOOK_S = 0.05
"""Between two looks whether it is ready."""
STOP_S = 15.0


@dataclass(slots=True)
class Liaison:
    """`environment` adds settings. The port stays the same over restarts, so that links stay right.
    `command`: which process; those without an API have their health at the port."""

    data_dir: Path
    environment: dict[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    command: tuple[str, ...] = ("serve",)
    process: Forked | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Return when it is ready."""
        self.launch()
        self.wait_until_ready()

    def launch(self) -> None:
        settings = {
            "LIAISON_DATA_DIR": str(self.data_dir),
            "LIAISON_MODELS_DIR": str(MODELS),
            "LIAISON_PORT": str(self.port),
            "LIAISON_HEALTH_PORT": str(self.port),
            "LIAISON_ADMIN_KEY": ADMIN_KEY,
            "LIAISON_ALLOW_LOOPBACK_WEBHOOKS": "true",
            "LIAISON_LOG_LEVEL": "warning",
            "HF_HUB_OFFLINE": "1",
        }
        clean = {name: value for name, value in os.environ.items() if not name.startswith("LIAISON_")}
        self.data_dir.mkdir(parents=True, exist_ok=True)
        environment = clean | settings | self.environment
        self.process = Forked(self.command, environment, self.data_dir, out=self._log, err=self._log)

    def kill(self) -> None:
        """kill -9, at once."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        """SIGTERM; returns the exit status. Fails if it takes longer than it may."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=STOP_S)

    @property
    def _log(self) -> Path:
        return self.data_dir / f"{self.command[0]}-{self.port}.log"

    def log(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")

    # No client loads certificates: it takes twenty milliseconds, and nothing here speaks TLS.
    def client(self, key: str = ADMIN_KEY) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            base_url=self.url,
            headers={"Authorization": f"Bearer {key}"},
            timeout=30.0,
            trust_env=False,
            verify=False,
        )

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_S
        with httpx.Client(base_url=self.url, timeout=2.0, trust_env=False, verify=False) as asking:
            while time.monotonic() < deadline:
                assert self.process is not None
                if self.process.poll() is not None:
                    raise AssertionError(f"it ended with {self.process.returncode}:\n{self.log()[-4000:]}")
                with contextlib.suppress(httpx.TransportError):
                    if asking.get("/health/ready").is_success:
                        return
                time.sleep(LOOK_S)  # another process is waited for, with a deadline
        raise AssertionError(f"not ready within {START_S} s:\n{self.log()[-4000:]}")
