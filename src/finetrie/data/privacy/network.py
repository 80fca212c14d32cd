"""Addresses of machines, and URLs with credentials inside."""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import parse_qsl, urlsplit

from finetrie.data.privacy.kinds import KINDS, Kind, Match
from finetrie.data.privacy.patterns import FOLD

_V4 = re.compile(r"(?<![0-9A-Za-z.])(?<![A-Za-z]/)[0-9]{1,3}(?:[.][0-9]{1,3}){3}(?![0-9A-Za-z]|[.][0-9])")
_V6 = re.compile(r"(?:(?<![0-9A-Za-z:.])|(?<=[A-Za-z]:))(?=[0-9A-Fa-f]{0,4}:)[0-9A-Fa-f:]{3,39}(?![0-9A-Za-z:])")
_VERSION = re.compile(r"(?:版本|固件|版|第|章节|§|version|ver[.]?|release|build|firmware)[号为是]?[ :：]*$", FOLD)
_SECTION = re.compile(r" ?(?:小?节|章|版)")

# Outside these blocks lie no addresses of machines, but `a::b` in program code and 8-byte hardware addresses.
_BLOCKS = tuple(map(IPv6Network, ("2000::/3", "fc00::/7", "fe80::/10", "ff00::/8")))


def _addresses(text: str) -> Iterator[Match]:
    for match in _V4.finditer(text):
        start, end = match.span()
        if _is_v4(match[0]) and not (_VERSION.search(text[max(0, start - 12) : start]) or _SECTION.match(text, end)):
            yield Match(start, end, checked=True)
    for match in _V6.finditer(text):
        value = match[0].rstrip(":") if not match[0].endswith("::") else match[0]
        if _is_v6(value):
            yield Match(match.start(), match.start() + len(value), checked=True)


def _is_v4(value: str) -> bool:
    """An address of some machine: not the own one (127.0.0.0/8), none (0.0.0.0/8), nor a mask (255.0.0.0/8)."""
    try:
        address = IPv4Address(value)
    except ValueError:
        return False
    return not address.is_loopback and int(address) >> 24 not in (0, 255)


def _is_v6(value: str) -> bool:
    try:
        address = IPv6Address(value)
    except ValueError:
        return False
    return any(address in block for block in _BLOCKS)


def _fake_ip(value: str, number: int) -> str:
    """In 0.0.0.0/8 (RFC 1122) or the discard prefix 100::/64 (RFC 6666), where no machine is."""
    return f"100::{number:x}" if ":" in value else str(IPv4Address(number))


def _canonical(value: str) -> str:
    """`2001:DB8:0::1` and `2001:db8::1` are one address."""
    try:
        return str(ip_address(value))
    except ValueError:
        return value


KINDS.register("ip")(
    Kind(
        tag=("IP地址", "IP"),
        evidence="an address that a machine can have, not called a version or a section",
        find=_addresses,
        fake=_fake_ip,
        key=_canonical,
    )
)

_URL = re.compile(r"(?<![0-9A-Za-z])[A-Za-z][A-Za-z0-9+.-]{1,20}://[!#-;=?-_a-~]{1,2048}")
_SECRETS = {
    *("token", "access_token", "auth_token", "refresh_token", "id_token", "api_key", "apikey", "secret"),
    *("client_secret", "app_secret", "password", "passwd", "pwd", "signature", "sessionid"),
}
_TOKEN_LENGTH = 16
"""A user name this long before an @ and without a password is a token; `git@` is not."""


def _urls(text: str) -> Iterator[Match]:
    for match in _URL.finditer(text):
        value = match[0].rstrip(".,;:!?)]}'*-")
        if _has_credentials(value):
            yield Match(match.start(), match.start() + len(value), checked=True)


def _has_credentials(url: str) -> bool:
    try:
        parts = urlsplit(url)
        query = [*parse_qsl(parts.query), *parse_qsl(parts.fragment)]
    except ValueError:
        return False
    if (parts.hostname or "").endswith(".invalid"):
        return False
    user = bool(parts.password) or len(parts.username or "") >= _TOKEN_LENGTH
    return user or any(name.lower() in _SECRETS for name, _ in query)


def _fake_url(value: str, number: int) -> str:
    """At the host example.invalid, which never exists (RFC 2606), with nobody's password."""
    return f"{value.partition('://')[0]}://user:password@example.invalid/{number}"


KINDS.register("url")(
    Kind(
        tag=("网址", "URL"),
        evidence="a user and password, or a secret among its parameters",
        find=_urls,
        fake=_fake_url,
        key=str,
    )
)
