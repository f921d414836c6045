"""Claims about a run. Each check is a pure function from a RunResult to its findings; none raises.

The order of CHECKS is the order of causes: where several don't hold, the first is the headline, and a later
one that it may explain folds under it.
"""

from __future__ import annotations

from msgspec import structs

from harness.checks import answers, building, ending, reaching, requesting, secrecy, signing_in
from harness.checks.registry import Check
from harness.model import Finding, RunResult
from harness.redaction import quoted, secrets_of

CHECKS: dict[str, Check] = {
    check.name: check
    for check in (
        building.builds,
        reaching.reaches_only_documented_hosts,
        reaching.completes_its_connections,
        signing_in.signs_in_as_documented,
        requesting.sends_no_api_version,
        requesting.sends_the_documented_request,
        requesting.sends_only_requests_of_the_contract,
        requesting.sends_each_request_once,
        ending.ends_in_time,
        ending.prints_within_its_limit,
        ending.exits_cleanly,
        requesting.sends_at_least_one_request,
        ending.leaves_no_process_behind,
        secrecy.sends_secrets_only_where_they_belong,
        secrecy.prints_no_secret,
        answers.prints_text,
        answers.prints_the_answer,
    )
}


def run_checks(result: RunResult) -> tuple[Finding, ...]:
    """Every finding about a run, causes first; `because_of` names the headline that explains a later one.

    What findings say is redacted: no credential of the run stands in them. What a retry repeats is said once.
    """
    secrets = secrets_of(result.credentials, result.journal)
    found: dict[Finding, None] = {}
    for check in CHECKS.values():
        if not is_decided(check.name, result):
            continue
        cause = next((one.because_of or one.check for one in found if one.check in check.follows_from), None)
        for finding in check.function(result):
            found[
                structs.replace(
                    finding,
                    check=check.name,
                    expected=quoted(finding.expected, secrets),
                    got=quoted(finding.got, secrets),
                    at=quoted(finding.at, secrets),
                    remedy=quoted(finding.remedy, secrets),
                    file=finding.file or result.shown_path,
                    because_of=cause,
                )
            ] = None
    return tuple(sorted(found, key=lambda finding: finding.because_of is not None))


def is_decided(name: str, result: RunResult) -> bool:
    """Whether a run can hold or break the check's claim: what did not build was not run."""
    return result.ran or CHECKS[name].before_the_run
