"""What came of a sample → its cell: states, excuses, and what a cell shows of a run."""

from __future__ import annotations

import json

import pytest
from builders import (
    CREDENTIALS,
    KINDS,
    REPOSITORY,
    TOKEN,
    api_arrival,
    right,
    sample,
    token_request,
    with_arrivals,
    with_body,
    with_credential,
    with_journal,
    with_member,
    with_target,
    with_token_request,
)
from msgspec import structs

from harness.cells import PRINTED_CHARACTERS, SENT_CHARACTERS, STDERR_LINES, cell_of, cell_without_run
from harness.known_failing import Excuse
from harness.model import CellState, Journal, RunResult

TEXT = "key as bearer, prints text"
PROVIDER = "token provider"


def excused(*checks: str, reason: str = "a known bug", line: int = 4) -> dict[str, Excuse]:
    excuse = Excuse(pattern="python/*", checks=checks, reason=reason, line=line)
    return dict.fromkeys(checks, excuse)


def exits_with_3() -> RunResult:
    return structs.replace(right(TEXT), exit_code=3, stderr=b"oh\n")


@pytest.mark.parametrize("kind", KINDS)
def test_right_run_passes(kind):
    """A run without findings has passed, and keeps what was sent and printed."""
    cell = cell_of(right(kind), {})
    assert (cell.state, cell.findings, cell.reason, cell.stderr) == (CellState.PASSED, (), "", "")
    assert cell.id == KINDS[kind]
    assert cell.id == f"{cell.language}/{cell.scenario}"
    assert cell.file == right(kind).shown_path
    assert cell.sent
    assert cell.printed


def test_finding_fails():
    """A finding that nothing excuses makes the cell red."""
    cell = cell_of(exits_with_3(), {})
    assert (cell.state, cell.reason, cell.stderr) == (CellState.FAILED, "", "oh")
    assert [one.check for one in cell.findings] == ["exits_cleanly"]


def test_excused_finding_is_known_failing():
    """A cell whose findings are all excused is known failing, for the excuse's reason, and still shows them."""
    cell = cell_of(exits_with_3(), excused("exits_cleanly"))
    assert (cell.state, cell.reason) == (CellState.KNOWN_FAILING, "a known bug")
    assert [one.check for one in cell.findings] == ["exits_cleanly"]


def test_reasons_are_told_once():
    """Several excuses give their reasons, each once."""
    run = structs.replace(exits_with_3(), stdout=b"", left_behind=("sleep 9",))
    cell = cell_of(run, excused("exits_cleanly", "prints_the_answer") | excused("leaves_no_process_behind", reason="b"))
    assert (cell.state, cell.reason) == (CellState.KNOWN_FAILING, "a known bug; b")


def test_excuse_covers_nothing_else():
    """A finding of a check that is not named stays red, also when it follows from an excused one."""
    run = structs.replace(exits_with_3(), stdout=b"")
    cell = cell_of(run, excused("exits_cleanly"))
    assert (cell.state, cell.reason) == (CellState.FAILED, "")
    assert [(one.check, one.because_of) for one in cell.findings] == [
        ("exits_cleanly", None),
        ("prints_the_answer", "exits_cleanly"),
    ]


def test_stale_excuse_is_red():
    """An excused check that holds is a finding, at the line of the excuse."""
    cell = cell_of(right(TEXT), excused("exits_cleanly"))
    assert cell.state is CellState.FAILED
    (finding,) = cell.findings
    assert (finding.check, finding.expected, finding.got) == (
        "exits_cleanly",
        "a finding, as fixtures/known-failing.txt says (a known bug)",
        "the check holds",
    )
    assert (finding.file, finding.line) == ("fixtures/known-failing.txt", 4)
    assert finding.remedy == "remove exits_cleanly from that line: the sample is mended"


def test_stale_excuse_beside_a_true_one_is_red():
    """Of an excuse that names two checks both must be true."""
    cell = cell_of(exits_with_3(), excused("exits_cleanly", "prints_the_answer"))
    assert cell.state is CellState.FAILED
    assert [one.check for one in cell.findings] == ["exits_cleanly", "prints_the_answer"]


def not_built() -> RunResult:
    run = right(TEXT)
    build = structs.replace(run.build, exit_code=1, output="no")
    return structs.replace(run, build=build, ran=False, exit_code=None, stdout=b"", journal=Journal())


def test_excuse_of_what_was_not_run_is_not_stale():
    """What did not build was not run: nothing says that its other checks hold."""
    cell = cell_of(not_built(), excused("exits_cleanly"))
    assert [one.check for one in cell.findings] == ["builds"]
    assert cell_of(not_built(), excused("builds", "exits_cleanly")).state is CellState.KNOWN_FAILING


def test_cell_without_run():
    """A sample that was not run keeps its reason, and its file as others show it."""
    one = sample("python/chat_api_key")
    cell = cell_without_run(one, CellState.MISSING, "no file")
    assert (cell.id, cell.state, cell.reason) == ("python/chat_api_key", CellState.MISSING, "no file")
    assert cell.file == str(one.path.relative_to(REPOSITORY))


def test_requests_as_sent():
    """What was sent to the API and for a token is shown as it was, without secrets, discovery and telemetry."""
    cell = cell_of(right(PROVIDER), {})
    asked, sent = cell.sent
    assert asked == (
        f"POST https://login.microsoftonline.com/{CREDENTIALS.tenant_id}/oauth2/v2.0/token → 200\n"
        "Content-Type: application/x-www-form-urlencoded\n"
        f"grant_type=client_credentials&client_id={CREDENTIALS.client_id}&client_secret=<client secret>"
        "&scope=https://cognitiveservices.azure.com/.default"
    )
    assert sent == (
        "POST https://your-resource-name.openai.azure.com/openai/v1/responses → 200\n"
        "Content-Type: application/json\n"
        "Authorization: Bearer <Entra ID token>\n"
        '{"model": "gpt-4.1-nano", "input": "How do you say good morning in French, German and Japanese?"}'
    )


def test_request_without_an_answer():
    """A request that was not answered is shown as such."""
    run = with_target(right(TEXT), "POST", "/x?y=1", status=None)
    assert cell_of(run, {}).sent[0].startswith("POST https://your-resource-name.openai.azure.com/x?y=1 → no answer\n")


def test_request_that_is_no_json():
    """A body that is no JSON is shown as text."""
    run = with_body(right(TEXT), b"model=\xff&x")
    assert cell_of(run, {}).sent[0].endswith("\nmodel=�&x")


def test_lone_surrogates_can_be_written():
    """What JSON may say and UTF-8 can't is spelled out."""
    run = with_body(right(TEXT), b'{"model": "\\ud800"}')
    cell = cell_of(run, {})
    assert cell.sent[0].endswith('{"model": "\\ud800"}')
    json.dumps([one.got for one in cell.findings]).encode()


def test_long_texts_are_cut():
    """A cell holds the beginning of what was printed and sent, and both ends of standard error."""
    errors = "".join(f"line {number}\n" for number in range(40)).encode()
    run = with_member(structs.replace(right(TEXT), stdout=b"y" * 9000, stderr=errors), user="z" * 9000)
    cell = cell_of(run, {})
    assert len(cell.printed) == PRINTED_CHARACTERS
    assert len(cell.sent[0].splitlines()[-1]) == SENT_CHARACTERS
    lines = [f"line {number}" for number in range(40)]
    cut = f"… {40 - 2 * STDERR_LINES} more lines …"
    assert cell.stderr.splitlines() == [*lines[:STDERR_LINES], cut, *lines[-STDERR_LINES:]]


def test_every_token_is_hidden():
    """Each token of the run is hidden, whichever request carries it."""
    second = "eyJ." + "c2Vjb25k" * 9
    run = with_token_request(right(PROVIDER), token_request(), token_request(refresh_token=TOKEN))
    run = with_arrivals(run, api_arrival(with_credential(run, ("Authorization", f"Bearer {second}"))))
    run = with_journal(run, tokens=(*run.journal.tokens, structs.replace(run.journal.tokens[1], token=second)))
    run = structs.replace(run, stdout=second.encode())
    shown = "\n".join((*cell_of(run, {}).sent, cell_of(run, {}).printed))
    assert TOKEN not in shown
    assert second not in shown


def test_times():
    """The seconds are those of all phases."""
    cell = cell_of(right(TEXT), {})
    assert cell.seconds == 0.62
    assert list(cell.phases) == ["set-up", "build", "open", "run", "close"]
