"""Whether an order for a run can be carried out."""

from __future__ import annotations

import re

from harness.contract.operations import OPERATIONS
from harness.gateway.control import RunOrder
from harness.gateway.names import read_authority
from harness.model import RecordedExchange

_BASE_PATH = re.compile(r"/(?:[\x21\x22\x24-\x3e\x40-\x7e]*/)?")  # printable ASCII but "?" and "#"
_HEADER_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_KEY = re.compile(r"[\x21-\x7e]+")


def why_wrong(order: RunOrder) -> str:
    """Why the gateway can't do what `order` says, in words; empty when it can."""
    for host in (order.endpoint_host, *order.also_hosts):
        authority = read_authority(host)
        if authority is None or authority.port is not None:
            return f"endpoint_host, also_hosts: {host!r} is no host name"
    if not _BASE_PATH.fullmatch(order.base_path):
        return f"base_path: {order.base_path!r} does not begin and end with '/'"
    if not order.scope.endswith("/.default"):
        return f"scope: {order.scope!r} does not end with '/.default'"
    if order.api_key is not None and not _KEY.fullmatch(order.api_key):
        return "api_key: it is not made of printable ASCII characters without spaces"
    ports = (order.proxy_port, order.http_port, order.tls_port)
    if all(port is None for port in ports):
        return "proxy_port, http_port, tls_port: the run has no listener"
    if any(port is not None and not 0 <= port < 65_536 for port in ports):
        return "proxy_port, http_port, tls_port: a port is from 0 to 65535"
    return next(filter(None, (_exchange_fault(order.base_path, one) for one in order.exchanges)), "")


def _exchange_fault(base_path: str, exchange: RecordedExchange) -> str:
    request, response = exchange.request, exchange.response
    place = f"exchanges: {request.method} {request.path}"
    operation = OPERATIONS.get(request.path.removeprefix(base_path))
    if not request.path.startswith(base_path) or operation is None or operation.method != request.method:
        known = ", ".join(f"{one.method} {base_path}{path}" for path, one in OPERATIONS.items())
        return f"{place}: no operation of the API, which are {known}"
    if not 200 <= response.status < 600:
        return f"{place}: {response.status} is no status of a response"
    for name, value in response.headers.items():
        if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
            return f"{place}: {name!r}: {value!r} can't be sent as a header"
    return ""
