"""The tables of forbidden addresses, as data."""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.courier.address_guard import AddressGuard, AddressRefused
from services.courier.address_tables import FORBIDDEN_IPV4, FORBIDDEN_IPV6

GUARD = AddressGuard()

PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "93.184.216.34",
    "100.63.255.255",
    "100.128.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "192.0.1.0",
    "198.17.255.255",
    "198.20.0.0",
    "223.255.255.255",
    "::ffff:8.8.8.8",
    "::8.8.8.8",
    "2001:4860:4860::8888",
    "2606:4700:4700::1111",
    "2a00:1450:4001:80b::200e",
    "2001:4860::5efe:8.8.8.8",
]

FORBIDDEN = [
    # IPv4: first and last of each range
    *("0.0.0.0", "0.255.255.255", "10.0.0.0", "10.255.255.255", "100.64.0.0", "100.127.255.255"),
    *("127.0.0.1", "127.255.255.255", "169.254.0.0", "169.254.169.254", "169.254.255.255"),
    *("172.16.0.0", "172.31.255.255", "192.0.0.0", "192.0.0.255", "192.0.2.1", "192.88.99.1"),
    *("192.168.0.0", "192.168.255.255", "198.18.0.0", "198.19.255.255", "198.51.100.7", "203.0.113.9"),
    *("224.0.0.1", "239.255.255.255", "240.0.0.0", "255.255.255.255"),
    # IPv6
    *("::", "::1", "::2", "fe80::1", "febf::1", "fc00::1", "fdff::1", "ff02::1", "fec0::1"),
    *("2001:db8::1", "3fff::1", "3fff:fff::1", "100::1", "2002:7f00:1::", "64:ff9b::7f00:1"),
    *("64:ff9b::808:808", "64:ff9b:1::1", "5f00::1", "1::1", "ff::1", "4000::1", "fe80::1%eth0"),
    # IPv4 inside IPv6, in every spelling
    *("::ffff:127.0.0.1", "::ffff:7f00:1", "::127.0.0.1", "::7f00:1", "::ffff:10.0.0.1"),
    *("::ffff:169.254.169.254", "::169.254.169.254", "0:0:0:0:0:ffff:7f00:0001"),
    "::ffff:0:127.0.0.1",  # SIIT
    "::ffff:0:8.8.8.8",
    "2001:4860::5efe:127.0.0.1",  # ISATAP
    "2001:4860::200:5efe:10.0.0.1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",  # Teredo
]

SPELLINGS = [
    *("2130706433", "017700000001", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1", "127.1", "127.0.1", "0"),
    *("127.0.0.01", "0x7f.1", "00000177.1", "1.2.3", "256.256.256.256", "127.0.0.1.", "0x", "8.8.8.010"),
    *("127。0。0。1", "①②⑦.⓪.⓪.①", "１２７.0.0.1", "%31%32%37.0.0.1", "127.0.0.1%00.example.com"),
]


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_pass(address: str) -> None:
    GUARD.check_address(address)
    GUARD.target(f"https://[{address}]/hook" if ":" in address else f"https://{address}/hook")


@pytest.mark.parametrize("address", FORBIDDEN)
def test_forbidden_addresses_are_refused(address: str) -> None:
    with pytest.raises(AddressRefused):
        GUARD.check_address(address)
    with pytest.raises(AddressRefused):
        GUARD.target(f"https://[{address}]/" if ":" in address else f"https://{address}/")


@pytest.mark.parametrize("host", SPELLINGS)
@pytest.mark.parametrize("loopback", [False, True])
def test_other_spellings_are_refused(host: str, loopback: bool) -> None:
    # With loopback allowed what normalises to 127.0.0.1 passes, as itself; nothing else does.
    guard = AddressGuard(allow_loopback=loopback)
    if loopback:
        try:
            target = guard.target(f"http://{host}/")
        except AddressRefused:
            return
        assert target.url.raw_host == "127.0.0.1"
    else:
        with pytest.raises(AddressRefused):
            guard.target(f"http://{host}/")


@pytest.mark.parametrize(
    "url",
    [
        *("", "https://", "hook", "//example.org/hook", "ftp://example.org/", "file:///etc/passwd"),
        *("gopher://example.org/", "javascript:alert(1)", "https:///hook", "https://:443/"),
        *("https://user@example.org/", "https://user:secret@example.org/", "https://@example.org/"),
        *("http://example.org:25/", "http://example.org:6667/", "http://example.org:0/"),
        *("http://example.org:70000/", "http://example.org:x/", "http://[::1", "http://exa mple.org/"),
        *("http://-example.org/", "http://example..org/", "http://exa\x00mple.org/", "http://[v1.x]/"),
        *("https://example.org\\@10.0.0.1/", "https://exam\tple.org/", "https://example.org\n/"),
        "https://example.org/" + "a" * 2_048,
    ],
)
def test_what_is_not_a_plain_web_address_is_refused(url: str) -> None:
    with pytest.raises(AddressRefused):
        GUARD.target(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org",
        "http://example.org:8080/hook?tenant=1",
        "https://bücher.example/hook",
        "https://xn--bcher-kva.example/hook",
        "https://hooks.example.org./x",
        "https://a_b.example.org/",
        "https://3com.example/",
    ],
)
def test_plain_web_addresses_pass(url: str) -> None:
    assert GUARD.target(url).url.scheme in {"http", "https"}


def test_the_fragment_is_not_sent() -> None:
    assert str(GUARD.target("https://example.org/a#b").url) == "https://example.org/a"


@given(st.integers(min_value=0, max_value=2**32 - 1))
def test_every_ipv4_address_is_judged_alike_in_every_wrapping(number: int) -> None:
    plain = IPv4Address(number)
    reason = GUARD.forbidden(plain)
    assert (reason is not None) == any(plain in network for network, _ in FORBIDDEN_IPV4)
    assert GUARD.forbidden(IPv6Address(0xFFFF_0000_0000 | number)) == reason
    if number > 1:
        assert GUARD.forbidden(IPv6Address(number)) == reason
    # translated (SIIT, NAT64) it is refused whatever it is
    assert GUARD.forbidden(IPv6Address((0xFFFF << 48) | number)) is not None
    assert GUARD.forbidden(IPv6Address(int(IPv6Address("64:ff9b::")) | number)) is not None


@given(st.integers(min_value=0, max_value=2**128 - 1))
def test_everything_tabled_is_refused(number: int) -> None:
    address = IPv6Address(number)
    if any(address in network for network, _ in FORBIDDEN_IPV6):
        embedded = (number >> 32) in {0, 0xFFFF}
        assert embedded or GUARD.forbidden(address) is not None


@given(st.integers(min_value=0, max_value=2**32 - 1) | st.integers(min_value=0, max_value=2**128 - 1))
def test_the_development_setting_opens_loopback_and_nothing_else(number: int) -> None:
    address = ip_address(number)
    open_guard = AddressGuard(allow_loopback=True)
    if open_guard.forbidden(address) != GUARD.forbidden(address):
        inner = address if address.version == 4 else (address.ipv4_mapped or address)
        assert inner.is_loopback or (int(address) >> 24) == 127


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"])
def test_the_development_setting_allows_loopback(address: str) -> None:
    AddressGuard(allow_loopback=True).check_address(address)


@pytest.mark.parametrize(
    "address", [a for a in FORBIDDEN if "127" not in a and a != "::1" and "7f00" not in a]
)
def test_the_development_setting_does_not_allow(address: str) -> None:
    with pytest.raises(AddressRefused):
        AddressGuard(allow_loopback=True).check_address(address)


def test_no_socket_is_opened_for_a_forbidden_address() -> None:
    with pytest.raises(AddressRefused):
        GUARD.open_socket((socket.AF_INET, socket.SOCK_STREAM, 0, "", ("10.0.0.1", 80)))
    opened = GUARD.open_socket((socket.AF_INET, socket.SOCK_STREAM, 0, "", ("1.1.1.1", 80)))
    opened.close()
