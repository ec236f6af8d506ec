"""The socket, and what is said when it cannot be had."""

from __future__ import annotations

import logging
import socket

import pytest

from services.gateway.server import listen, server
from services.kernel.settings import ConfigurationError, Settings
from services.kernel.web.problems import ConnectionCut


def test_a_free_port_is_found_and_a_taken_one_is_said() -> None:
    with listen("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"Port {port} is taken .*LIAISON_PORT"):
            listen("127.0.0.1", port)


def test_an_address_of_another_machine_is_said() -> None:
    for host in ("192.0.2.1", "no.such.host.invalid"):
        with pytest.raises(ConfigurationError, match="LIAISON_HOST"):
            listen(host, 0)


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="a limit of Linux' TCP")
def test_connections_inherit_the_limit_on_stalled_readers() -> None:
    with listen("127.0.0.1", 0) as listening:
        listening.setblocking(True)
        with socket.create_connection(listening.getsockname()), listening.accept()[0] as accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 30_000


def test_a_connection_that_we_cut_is_no_error_of_the_application() -> None:
    async def app(*_: object) -> None: ...

    server(app, Settings())
    errors = logging.getLogger("uvicorn.error")

    def passes(error: Exception) -> bool:
        record = errors.makeRecord("x", logging.ERROR, "", 0, "x", (), (type(error), error, None))
        return bool(errors.filter(record))

    assert passes(ValueError())
    assert not passes(ConnectionCut())
