"""Which hosts are answered for, and how what a client says of them is read."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from harness.contract.hosts import ENTRA_ID_HOST

HTTPS_PORT = 443
_AUTHORITY = re.compile(r"(?P<host>[A-Za-z0-9._~\-]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}))?")
_AUTHORITY_LENGTH = 300  # a name has at most 253 characters
_ABSOLUTE = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.\-]*)://(?P<authority>[^/?#]*)(?P<rest>.*)", re.DOTALL)


class Authority(NamedTuple):
    host: str  # lower case, without the dot that may end it
    port: int | None


class Target(NamedTuple):
    """What a request is for."""

    scheme: str | None  # None: the request line names no host
    authority: Authority | None
    path: str  # without the query


def normal(host: str) -> str:
    """`host` as names are compared: lower case, without the dot that may end it."""
    return host.lower().rstrip(".")


@lru_cache(maxsize=256)  # the same few for every request; 2 microseconds each
def _read_short(text: str) -> Authority | None:
    found = _AUTHORITY.fullmatch(text)
    if found is None or not found["host"].strip("."):
        return None
    port = int(found["port"]) if found["port"] else None
    if port is not None and not 0 < port < 65_536:
        return None
    return Authority(normal(found["host"]), port)


def read_authority(text: str) -> Authority | None:
    """Host and port of `host:port`; None when it is neither."""
    return _read_short(text) if len(text) <= _AUTHORITY_LENGTH else None


def read_target(target: str) -> Target | None:
    """What the target of a request line says; None when it is no form that a server takes (RFC 9112, section 3.2)."""
    if target.startswith("/"):
        return Target(None, None, target.partition("?")[0])
    if target == "*":
        return Target(None, None, "*")
    absolute = _ABSOLUTE.fullmatch(target)
    if absolute is None:
        return None
    authority = read_authority(absolute["authority"])
    if authority is None:
        return None
    return Target(absolute["scheme"].lower(), authority, absolute["rest"].partition("?")[0] or "/")


class Names:
    """The hosts of one run."""

    def __init__(self, endpoints: tuple[str, ...]) -> None:
        self.endpoints = frozenset(map(normal, endpoints))
        self.all = self.endpoints | {ENTRA_ID_HOST}

    def why_refused(self, authority: Authority, scheme: str) -> str:
        """Why nothing is answered under that host, port and scheme; empty when something is."""
        host, port = authority
        if host not in self.all:
            known = " and ".join([*sorted(self.endpoints), ENTRA_ID_HOST])
            return f"{host} is not a host of this run, which are {known}"
        if scheme != "https":
            return f"{host} takes https alone, this was {scheme}"
        if port not in (None, HTTPS_PORT):
            return f"{host} answers on port {HTTPS_PORT} alone, not on {port}"
        return ""
