"""Claims about a run. Each check is a pure function from a RunResult to its findings; none raises.

The order of CHECKS is the order of causes: where several don't hold, the first is the headline, and a later
one that it may explain folds under it.
"""

from __future__ import annotations

from msgspec import structs

from harness.checks import answers, building, ending, reaching, requesting, secrecy, signing_in
from harness.checks.registry import Check
from harness.model import Finding, RunResult
from harness.redaction import redacted, secrets_of

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
        requesting.sends_at_least_one_request,
        ending.leaves_no_process_behind,
        secrecy.sends_secrets_only_where_they_belong,
        secrecy.prints_no_secret,
        ending.exits_cleanly,
        answers.prints_text,
        answers.prints_the_answer,
    )
}


def run_checks(result: RunResult) -> tuple[Finding, ...]:
    """Every finding about a run, causes first; `because_of` names the headline that explains a later one.

    What findings quote is redacted: no credential of the run stands in them.
    """
    secrets = secrets_of(result.credentials, result.journal)
    found: list[Finding] = []
    for check in CHECKS.values():
        if not result.ran and not check.before_the_run:
            continue
        cause = next((one.check for one in found if one.check in check.follows_from), None)
        found += [
            structs.replace(
                finding,
                check=check.name,
                expected=redacted(finding.expected, secrets),
                got=redacted(finding.got, secrets),
                file=finding.file or result.shown_path,
                because_of=cause,
            )
            for finding in check.function(result)
        ]
    return tuple(sorted(found, key=lambda finding: finding.because_of is not None))
