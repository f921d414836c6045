"""Arrivals of a run, sorted by what they were meant for."""

from __future__ import annotations

from urllib.parse import urlsplit

from harness.contract.hosts import ENTRA_ID_HOST
from harness.model import Arrival, ArrivalKind, Journal, Request, RunResult
from harness.wire import parse_request


def endpoint_host(result: RunResult) -> str:
    """The host of the scenario's endpoint, lower case."""
    return urlsplit(result.sample.scenario.endpoint).hostname or ""


def documented_path(result: RunResult) -> str:
    """The whole path of the documented request."""
    scenario = result.sample.scenario
    return urlsplit(scenario.endpoint).path + scenario.request.path


def api_requests(result: RunResult) -> tuple[tuple[Arrival, Request], ...]:
    """What was sent to the API, in order."""
    return tuple(one for one in requests_of(result.journal) if one[0].host != ENTRA_ID_HOST)


def token_requests(result: RunResult) -> tuple[tuple[Arrival, Request], ...]:
    """The requests for a token that were sent to Entra ID, in order."""
    return tuple(
        (arrival, request)
        for arrival, request in sign_in_requests(result)
        if request.method == "POST" and request.path.endswith("/token")
    )


def sign_in_requests(result: RunResult) -> tuple[tuple[Arrival, Request], ...]:
    """Every request to Entra ID, also those that only look around, in order."""
    return tuple(one for one in requests_of(result.journal) if one[0].host == ENTRA_ID_HOST)


def requests_of(journal: Journal) -> tuple[tuple[Arrival, Request], ...]:
    """Every whole request to a host that the gateway answers for, in order."""
    requests = []
    for arrival in journal.arrivals:
        if arrival.kind is ArrivalKind.REQUEST:
            try:
                requests.append((arrival, parse_request(arrival.raw, arrival.scheme, arrival.host)))
            except ValueError:  # the gateway took it for a request, so completes_its_connections tells of it
                continue
    return tuple(requests)
