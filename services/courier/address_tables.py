"""The addresses and ports that a webhook is never sent to, as data.

Sources: IANA's special-purpose address registries for IPv4 and IPv6, and the Fetch standard's list of
bad ports (https://fetch.spec.whatwg.org/#port-blocking).
"""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network

FORBIDDEN_IPV4: tuple[tuple[IPv4Network, str], ...] = tuple(
    (IPv4Network(network), reason)
    for network, reason in (
        ("0.0.0.0/8", "this network"),
        ("10.0.0.0/8", "private"),
        ("100.64.0.0/10", "shared address space of carriers"),
        ("127.0.0.0/8", "loopback"),
        ("169.254.0.0/16", "link-local"),
        ("172.16.0.0/12", "private"),
        ("192.0.0.0/24", "protocol assignments"),
        ("192.0.2.0/24", "documentation"),
        ("192.88.99.0/24", "6to4 relay"),
        ("192.168.0.0/16", "private"),
        ("198.18.0.0/15", "benchmarking"),
        ("198.51.100.0/24", "documentation"),
        ("203.0.113.0/24", "documentation"),
        ("224.0.0.0/4", "multicast"),
        ("240.0.0.0/4", "reserved or broadcast"),
    )
)

FORBIDDEN_IPV6: tuple[tuple[IPv6Network, str], ...] = tuple(
    (IPv6Network(network), reason)
    for network, reason in (
        ("::1/128", "loopback"),
        ("::/128", "unspecified"),
        ("64:ff9b::/96", "translation to IPv4"),
        ("64:ff9b:1::/48", "translation to IPv4"),
        ("::/8", "reserved, translation to IPv4 included"),
        ("100::/64", "discard"),
        ("2001::/23", "protocol assignments, Teredo included"),
        ("2001:db8::/32", "documentation"),
        ("2002::/16", "6to4"),
        ("3fff::/20", "documentation"),
        ("5f00::/16", "segment routing"),
        ("fc00::/7", "unique local"),
        ("fe80::/10", "link-local"),
        ("fec0::/10", "site-local"),
        ("ff00::/8", "multicast"),
    )
)
"""v4-mapped and v4-compatible addresses are judged as IPv4 before this table is read."""

GLOBAL_UNICAST = IPv6Network("2000::/3")
"""All that IANA has given out. Whatever lies outside is not the public internet, tabled or not."""

MAPPED = IPv6Network("::ffff:0:0/96")
COMPATIBLE = IPv6Network("::/96")

ISATAP_MARKS = frozenset({0x0000_5EFE, 0x0200_5EFE})
"""The upper half of an ISATAP interface identifier (RFC 5214); the lower half is an IPv4 address."""

BAD_PORTS = frozenset(
    (
        *(0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95),
        *(101, 102, 103, 104, 109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179),
        *(389, 427, 465, 512, 513, 514, 515, 526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601),
        *(636, 989, 990, 993, 995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566),
        *(6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080),
    )
)
"""Ports of protocols that would read an HTTP request as commands of their own, such as mail."""
