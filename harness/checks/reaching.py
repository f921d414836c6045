"""Claims about the hosts that a run connected to, and how its connections went."""

from __future__ import annotations

from collections.abc import Iterator

from harness.checks.exchanges import endpoint_host
from harness.checks.registry import check
from harness.checks.sources import line_of
from harness.contract.hosts import ENTRA_ID_HOST, why_no_host_name
from harness.model import ArrivalKind, Finding, RunResult


@check()
def reaches_only_documented_hosts(result: RunResult) -> Iterator[Finding]:
    """The program connects to the endpoint and Entra ID, under names that DNS can hold, and to nothing else."""
    endpoint = endpoint_host(result)
    hosts = endpoint if result.sample.scenario.sign_in == "api_key" else f"{endpoint} and {ENTRA_ID_HOST}"
    seen = set()
    for arrival in result.journal.arrivals:
        address = f"{arrival.scheme}://{arrival.host}" + ("" if arrival.port in (80, 443) else f":{arrival.port}")
        if arrival.kind is not ArrivalKind.REFUSED_HOST or address in seen:
            continue
        seen.add(address)
        bad_name = why_no_host_name(arrival.host)
        known = arrival.host in (endpoint, ENTRA_ID_HOST)
        if bad_name:
            remedy = f"DNS can't hold this name: {bad_name}"
        elif known:
            remedy = f"call it by https, port 443: {arrival.why}"
        else:
            remedy = f"call {result.sample.scenario.endpoint}, or remove what calls {arrival.host}"
        yield Finding(
            expected=f"connections to {hosts} only",
            got=address,
            at="host",
            line=line_of(result, *_spellings(result.source, arrival.host)),
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
                got=arrival.why,
                at=arrival.host or "connection",
                remedy="let the client trust the file that language.yaml's environment names as {ca_pem}"
                if trust
                else "",
            )
    if result.journal.dropped:
        yield Finding(
            expected="as much traffic as one sample's run makes",
            got=f"{result.journal.dropped} more arrivals ({result.journal.dropped_bytes} bytes) than a journal keeps",
            at="connections",
            remedy="look for a loop that calls the API",
        )


def _spellings(source: str, host: str) -> tuple[str, ...]:
    """`host`, which arrives in lower case, as the source spells it."""
    place = source.lower().find(host)
    return (source[place : place + len(host)],) if place != -1 else (host,)
