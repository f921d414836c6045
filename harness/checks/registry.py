"""What a check is, and how a module registers one."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from harness.model import Finding, RunResult, Value

CheckFunction = Callable[[RunResult], Iterator[Finding]]


class Check(Value, frozen=True, kw_only=True):
    """A claim about a run, by the name that known-failing.txt and reports use."""

    name: str
    claim: str  # the docstring: what holds when there is no finding
    function: CheckFunction
    follows_from: frozenset[str]  # checks whose findings explain this one's
    before_the_run: bool


def check(
    *, follows_from: frozenset[str] = frozenset(), before_the_run: bool = False
) -> Callable[[CheckFunction], Check]:
    """Make a check of a function whose name is a claim in the present tense."""

    def register(function: CheckFunction) -> Check:
        return Check(
            name=function.__name__,
            claim=(function.__doc__ or "").strip().partition("\n")[0],
            function=function,
            follows_from=follows_from,
            before_the_run=before_the_run,
        )

    return register


#: A request that never came, or was refused, is explained by where and how it was sent.
SENDING = frozenset(
    (
        "builds",
        "reaches_only_documented_hosts",
        "completes_its_connections",
        "signs_in_as_documented",
        "sends_no_api_version",
        "sends_the_documented_request",
        "sends_only_requests_of_the_contract",
        "ends_in_time",
        "prints_within_its_limit",
    )
)
#: How a program ends, and what it prints, is explained by all of it.
ENDING = SENDING | {"sends_each_request_once", "sends_at_least_one_request"}
