"""Which addresses a webhook may be sent to. The address that is checked is the address that is dialled.

Three gates, each sufficient against its own trick:
- `AddressGuard.target` judges the URL itself: scheme, user information, port, literal addresses and their
  decimal, octal and hex spellings.
- `resolver.GuardedResolver` judges every address a name resolves to; one forbidden address refuses the name.
- `AddressGuard.open_socket` judges the very address a socket is opened for, whatever led there.
"""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any

import structlog
from yarl import URL

from services.courier.address_tables import (
    BAD_PORTS,
    COMPATIBLE,
    FORBIDDEN_IPV4,
    FORBIDDEN_IPV6,
    GLOBAL_UNICAST,
    ISATAP_MARKS,
    MAPPED,
)
from services.kernel.problems import InvalidInput

MAX_URL_LENGTH = 2_048
"""What every client and proxy on the way can be trusted to carry."""

_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST_NAME = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*\.?\Z")
_ENDS_IN_NUMBER = re.compile(r"(^|\.)([0-9]+|0x[0-9a-f]*)\.?\Z")
"""The WHATWG URL rule for what a resolver may take as an IPv4 address in whatever spelling."""

_CONFUSING = re.compile(r"[\x00-\x20\x7f\\]")
"""Read differently by different parsers of URLs: what one skips, another takes for a border."""
_USER_INFORMATION = re.compile(r"[^/]*//[^/?#]*@")
_BRACKETED = re.compile(r"[^/]*//\[")

AddressInfo = tuple[Any, ...]
"""One entry of getaddrinfo: family, type, protocol, canonical name, socket address."""

Table = tuple[tuple[IPv4Network, str], ...] | tuple[tuple[IPv6Network, str], ...]

log = structlog.get_logger(__name__)


class AddressRefused(InvalidInput):
    """A URL or an address that no webhook is sent to."""

    slug, title = "address-refused", "Webhooks are not sent to this address"


@dataclass(frozen=True, slots=True)
class Target:
    """A URL that the guard has passed. Only `AddressGuard.target` makes one."""

    url: URL


class AddressGuard:
    """Judges URLs and addresses.

    `allow_loopback` is for development alone: it opens 127.0.0.0/8 and ::1, and nothing else.
    """

    def __init__(self, *, allow_loopback: bool = False) -> None:
        self._allow_loopback = allow_loopback
        if allow_loopback:
            log.warning(
                "webhooks may reach loopback addresses of this machine: for development only",
                setting="LIAISON_ALLOW_LOOPBACK_WEBHOOKS",
            )

    def target(self, url: str) -> Target:
        """The URL, ready to be dialled. Raises AddressRefused with a sentence that says what to change."""
        if len(url) > MAX_URL_LENGTH:
            raise AddressRefused(f"A webhook URL has at most {MAX_URL_LENGTH} characters.")
        if _CONFUSING.search(url):
            raise AddressRefused("A webhook URL has no blanks, control characters or backslashes.")
        try:
            parsed = URL(url)
            port = parsed.port
        except ValueError as error:
            raise AddressRefused(f"This is not a URL: {error}.") from error
        if parsed.scheme not in {"http", "https"}:
            raise AddressRefused("A webhook URL starts with https:// or http://.")
        if _USER_INFORMATION.match(url):
            raise AddressRefused(
                "A webhook URL carries no user name or password; the signature is the proof."
            )
        if port is None or port in BAD_PORTS:
            raise AddressRefused(f"Webhooks are not sent to port {port}.")
        host = parsed.raw_host or ""
        if _BRACKETED.match(url) and ":" not in host:
            raise AddressRefused("Only an IPv6 address stands in brackets.")
        self._check_host(host)
        return Target(parsed.with_fragment(None))

    def _check_host(self, host: str) -> None:
        host = host.lower()
        if ":" in host:
            self.check_address(host)
        elif _ENDS_IN_NUMBER.search(host):
            # getaddrinfo would take 2130706433, 0x7f.1 and 0177.0.0.1 for 127.0.0.1: only one spelling passes
            self.check_address(host)
        elif not _HOST_NAME.match(host):
            raise AddressRefused(f"{host!r} is not a host name.")

    def check_address(self, address: str) -> None:
        """Raise AddressRefused unless the literal address is one of the public internet."""
        try:
            judged = ip_address(address)
        except (AddressValueError, ValueError) as error:
            raise AddressRefused(
                f"{address!r} is not an address in its usual form; write four decimal numbers, or use a name."
            ) from error
        reason = self.forbidden(judged)
        if reason:
            raise AddressRefused(f"{address} is not on the public internet ({reason}).")

    def forbidden(self, address: IPv4Address | IPv6Address) -> str | None:
        """Why the address is never dialled, or None if it may be."""
        if self._allow_loopback and address.is_loopback:
            return None
        if isinstance(address, IPv4Address):
            return self._forbidden_ipv4(address)
        if address.scope_id is not None:
            return "bound to one interface"
        embedded = IPv4Address(int(address) & 0xFFFF_FFFF)
        if address in MAPPED or (address in COMPATIBLE and int(address) > 1):
            return self._forbidden_ipv4(embedded)
        inner = self._forbidden_ipv4(embedded) if _is_isatap(address) else None
        return _first(FORBIDDEN_IPV6, address) or (
            "not global unicast" if address not in GLOBAL_UNICAST else inner and f"ISATAP, {inner}"
        )

    def _forbidden_ipv4(self, address: IPv4Address) -> str | None:
        if self._allow_loopback and address.is_loopback:
            return None
        return _first(FORBIDDEN_IPV4, address)

    def open_socket(self, info: AddressInfo) -> socket.socket:
        """A socket for one address about to be dialled; the last gate, and the one no path goes around."""
        family, kind, protocol, _, address = info
        self.check_address(str(address[0]))
        return socket.socket(family, kind, protocol)


def _is_isatap(address: IPv6Address) -> bool:
    return (int(address) >> 32) & 0xFFFF_FFFF in ISATAP_MARKS


def _first(table: Table, address: IPv4Address | IPv6Address) -> str | None:
    return next((reason for network, reason in table if address in network), None)
