"""Claims about the hosts that a run connected to, and how its connections went."""

from __future__ import annotations

from collections.abc import Iterator

from harness.checks.exchanges import endpoint_host
from harness.checks.registry import check
from harness.checks.sources import line_of_host
from harness.contract.hosts import ENTRA_ID_HOST, why_no_host_name
from harness.model import Arrival, ArrivalKind, Finding, RunResult
from harness.wire import parse_request

#: Of a request whose connection or Host header was for another host (RFC 9110, section 15.5.20).
MISDIRECTED = 421


@check()
def reaches_only_documented_hosts(result: RunResult) -> Iterator[Finding]:
    """The program connects to the endpoint and Entra ID, under names that DNS can hold, and to nothing else."""
    endpoint = endpoint_host(result)
    hosts = endpoint if result.sample.scenario.sign_in == "api_key" else f"{endpoint} and {ENTRA_ID_HOST}"
    seen = set()
    for arrival in result.journal.arrivals:
        usual_port = {"http": 80, "https": 443}[arrival.scheme]
        address = f"{arrival.scheme}://{arrival.host}" + ("" if arrival.port == usual_port else f":{arrival.port}")
        misdirected = arrival.kind is ArrivalKind.REQUEST and arrival.status == MISDIRECTED
        if misdirected:
            address += f": {arrival.why}"
        if not (misdirected or arrival.kind is ArrivalKind.REFUSED_HOST) or address in seen:
            continue
        seen.add(address)
        bad_name = "" if arrival.host.startswith("[") else why_no_host_name(arrival.host)  # that is an IPv6 address
        known = arrival.host in (endpoint, ENTRA_ID_HOST)
        if misdirected:
            remedy = "leave the Host header to the client"
        elif bad_name:
            remedy = f"DNS can't hold this name: {bad_name}"
        elif known:
            remedy = f"call it by https, port 443: {arrival.why}"
        else:
            remedy = f"call {result.sample.scenario.endpoint}, or remove what calls {arrival.host}"
        yield Finding(
            expected=f"connections to {hosts} only",
            got=address,
            at="host",
            line=line_of_host(result, arrival.host),
            remedy=remedy,
        )


@check(follows_from=frozenset(("reaches_only_documented_hosts",)))
def completes_its_connections(result: RunResult) -> Iterator[Finding]:
    """Each connection that the program opens agrees on TLS and carries whole HTTP requests."""
    for arrival in result.journal.arrivals:
        if arrival.kind is ArrivalKind.BROKEN:
            trust = "certificate" in arrival.why
            yield Finding(
                expected="TLS with the gateway's certificate authority, then whole HTTP/1.1 requests",
                got=arrival.why or "something else",
                at=arrival.host or "connection",
                remedy="let the client trust the file that language.yaml's environment names as {ca_pem}"
                if trust
                else "",
            )
        elif arrival.kind is ArrivalKind.REQUEST and (why := _why_not_whole(arrival)):
            yield Finding(
                expected="whole HTTP/1.1 requests", got=why, at=arrival.host, remedy="look at how the client is made"
            )
    if result.journal.dropped:
        yield Finding(
            expected="as much traffic as one sample's run makes",
            got=f"{result.journal.dropped} more arrivals ({result.journal.dropped_bytes} bytes) than a journal keeps",
            at="connections",
            remedy="look for a loop that calls the API",
        )


def _why_not_whole(arrival: Arrival) -> str:
    try:
        parse_request(arrival.raw, arrival.scheme, arrival.host)
    except ValueError as error:
        return str(error)
    return ""
