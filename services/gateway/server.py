"""The HTTP server: its socket, and uvicorn as we want it."""

from __future__ import annotations

import contextlib
import errno
import logging
import socket
from collections.abc import Iterator

import uvicorn
from starlette.types import ASGIApp

from services.kernel.settings import ConfigurationError, Settings
from services.kernel.web.problems import ConnectionCut

BACKLOG = 2_048
"""Connections that wait to be accepted: a burst of subscribers after a restart."""

STALLED_MS = 30_000
"""The kernel drops a connection whose other end takes nothing for so long. Without this, a reader that has
been cut while its window was closed would hold its buffer for ever."""

KEEP_ALIVE_S = 30
"""Idle connections are kept; longer than clients pause between requests, shorter than proxies' patience."""

SHUTDOWN_S = 6
"""Given to running requests when the process is asked to stop: with what follows it stays below 10 s."""


def listen(host: str, port: int, *, setting: str = "LIAISON_PORT") -> socket.socket:
    """A socket that listens. `setting`: where the port comes from. Raises `ConfigurationError` with one
    sentence if it cannot be had."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError:
        raise ConfigurationError(f"LIAISON_HOST {host!r} is no address of this machine.") from None
    listening = socket.socket(family, kind, protocol)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux; accepted connections inherit it
            listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, STALLED_MS)
        listening.bind(address)
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        raise ConfigurationError(_refusal(error, host, port, setting)) from None
    listening.setblocking(False)
    return listening


def _refusal(error: OSError, host: str, port: int, setting: str) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} is taken by another program; stop it, or set {setting} to another port."
    if error.errno == errno.EACCES:
        return f"This user may not listen on port {port}; set {setting} to one above 1023."
    return f"Cannot listen on {host}, port {port}: {error.strerror}; see LIAISON_HOST and {setting}."


class _Expected(logging.Filter):
    """Keeps uvicorn from reporting connections that we cut on purpose as errors of the application."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not (record.exc_info and isinstance(record.exc_info[1], ConnectionCut))


class _Server(uvicorn.Server):
    """Leaves signals to the process: uvicorn would raise them again when it has stopped, and end the process
    before the courier has drained and the leases are handed back."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def server(app: ASGIApp, settings: Settings) -> uvicorn.Server:
    """A server for `app`; run it with `await server.serve(sockets=[listen(…)])`.

    Logging is left alone: `start_logging` has taken care of it.
    """
    errors = logging.getLogger("uvicorn.error")
    if not any(isinstance(each, _Expected) for each in errors.filters):
        errors.addFilter(_Expected())
    return _Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=True,
            forwarded_allow_ips=list(settings.trusted_proxies),
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=SHUTDOWN_S,
            lifespan="on",
            ws="none",
        )
    )
