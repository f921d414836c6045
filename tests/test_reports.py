"""What a session came to: as JSON, as JUnit XML, in words and on a terminal; and the exit code."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from builders import sample
from rich.console import Console

from harness.model import Build, Cell, CellState, Event, Finding
from harness.reports import Results, exit_code, ordered
from harness.reports.json import json_report
from harness.reports.junit import junit_report
from harness.reports.progress import Follower
from harness.reports.terminal import Terminal, grid, summary, totals
from harness.reports.words import cell_lines, finding_lines, headline

PASSED, FAILED, ERROR = CellState.PASSED, CellState.FAILED, CellState.ERROR
KNOWN, NOT_APPLICABLE = CellState.KNOWN_FAILING, CellState.NOT_APPLICABLE
MISSING, UNAVAILABLE = CellState.MISSING, CellState.UNAVAILABLE

MODEL = Finding(
    check="sends_the_documented_request",
    expected='"grok-3-mini"',
    got='"gpt-4o"',
    at="body.model",
    file="samples/go/chat.go",
    line=12,
    remedy="send body.model as documented",
)
EXIT = Finding(
    check="exits_cleanly",
    expected="exit code 0",
    got="exit code 1; standard error ends: oh\nno",
    at="process",
    file="samples/go/chat.go",
    because_of="sends_the_documented_request",
)


def cell(id: str = "go/chat", state: CellState = PASSED, **fields: object) -> Cell:  # noqa: A002
    language, _, scenario = id.partition("/")
    return Cell(id=id, language=language, scenario=scenario, state=state, **fields)


def failed(id: str = "go/chat", *findings: Finding, **fields: object) -> Cell:  # noqa: A002
    return cell(id, FAILED, findings=findings or (MODEL, EXIT), **fields)


def results(*cells: Cell, strict: bool = False) -> Results:
    build = Build(kind="set-up", id="go", state="cached", seconds=0.25)
    return Results(cells=cells, builds=(build,), gateways=1, seconds=12.3456, strict=strict)


# ---------------------------------------------------------------- exit code


@pytest.mark.parametrize(
    ("states", "strict", "code"),
    [
        ([PASSED], False, 0),
        ([PASSED, KNOWN, NOT_APPLICABLE], False, 0),
        ([PASSED, UNAVAILABLE, MISSING], False, 0),
        ([PASSED, FAILED], False, 1),
        ([FAILED], False, 1),
        ([FAILED, UNAVAILABLE], False, 1),
        ([PASSED, ERROR], False, 2),
        ([FAILED, ERROR], False, 2),
        ([], False, 2),
        ([UNAVAILABLE], False, 2),
        ([MISSING], False, 2),
        ([NOT_APPLICABLE], False, 2),
        ([KNOWN], False, 2),
        ([PASSED], True, 0),
        ([PASSED, KNOWN, NOT_APPLICABLE], True, 0),
        ([PASSED, MISSING], True, 1),
        ([PASSED, UNAVAILABLE], True, 2),
        ([FAILED, UNAVAILABLE], True, 2),
        ([MISSING, ERROR], True, 2),
        ([], True, 2),
    ],
)
def test_exit_code(states, strict, code):
    """0 is well, 1 findings, 2 could not run or proved nothing; strict makes red what was not run."""
    assert exit_code(results(*(cell(state=state) for state in states), strict=strict)) == code


def test_order():
    """Cells come by language, then scenario, in whatever order they were done."""
    cells = [cell("b/a"), cell("a/b"), cell("a/a")]
    assert [one.id for one in ordered(cells)] == ["a/a", "a/b", "b/a"]


# ---------------------------------------------------------------- JSON


def test_json_is_version_1():
    """The document has the documented members, with every finding and every one of its fields."""
    told = failed(seconds=1.5, file="samples/go/chat.go", sent=("POST",), printed="x", stderr="oh", phases={"run": 1.5})
    document = json.loads(json_report(results(told, cell("curl/chat"))))
    assert {name: value for name, value in document.items() if name != "cells"} == {
        "schema_version": 1,
        "builds": [{"kind": "set-up", "id": "go", "state": "cached", "seconds": 0.25}],
        "gateways": 1,
        "seconds": 12.346,
    }
    assert [one["id"] for one in document["cells"]] == ["curl/chat", "go/chat"]
    assert document["cells"][1] == {
        "id": "go/chat",
        "language": "go",
        "scenario": "chat",
        "state": "failed",
        "seconds": 1.5,
        "findings": [
            {
                "check": "sends_the_documented_request",
                "expected": '"grok-3-mini"',
                "got": '"gpt-4o"',
                "at": "body.model",
                "file": "samples/go/chat.go",
                "line": 12,
                "remedy": "send body.model as documented",
                "because_of": None,
            },
            {
                "check": "exits_cleanly",
                "expected": "exit code 0",
                "got": "exit code 1; standard error ends: oh\nno",
                "at": "process",
                "file": "samples/go/chat.go",
                "line": None,
                "remedy": "",
                "because_of": "sends_the_documented_request",
            },
        ],
        "file": "samples/go/chat.go",
        "reason": "",
        "sent": ["POST"],
        "printed": "x",
        "stderr": "oh",
        "kept": "",
        "phases": {"run": 1.5},
    }


@pytest.mark.parametrize("state", CellState)
def test_json_of_each_state(state):
    """A state is its words."""
    (one,) = json.loads(json_report(results(cell(state=state))))["cells"]
    assert one["state"] == state.value


def test_json_of_nothing():
    """No cell is an empty list."""
    assert json.loads(json_report(results()))["cells"] == []


# ---------------------------------------------------------------- JUnit


def junit(*cells: Cell, strict: bool = False) -> ElementTree.Element:
    return ElementTree.fromstring(junit_report(results(*cells, strict=strict)))


COUNTED = ("tests", "failures", "errors", "skipped")


def counts(element: ElementTree.Element) -> tuple[int, ...]:
    return tuple(int(element.attrib[name]) for name in COUNTED)


EACH = tuple(cell(f"go/{number}", state, reason="why") for number, state in enumerate(CellState))


@pytest.mark.parametrize(("strict", "expected"), [(False, (7, 1, 1, 4)), (True, (7, 2, 2, 2))])
def test_junit_counts(strict, expected):
    """Findings are failures, what could not run is an error, the rest that did not pass is skipped."""
    root = junit(*EACH, cell("curl/chat"), strict=strict)
    suites = {suite.get("name"): suite for suite in root}
    assert list(suites) == ["curl", "go"]
    assert counts(suites["go"]) == expected
    assert counts(suites["curl"]) == (1, 0, 0, 0)
    assert counts(root) == (expected[0] + 1, *expected[1:])


def test_junit_case():
    """A case names language, scenario, file and time; its message is the headline, its text all there is to say."""
    root = junit(failed(seconds=1.5, file="samples/go/chat.go"))
    (case,) = root.iter("testcase")
    assert case.attrib == {"classname": "go", "name": "chat", "time": "1.500", "file": "samples/go/chat.go"}
    (failure,) = case
    assert failure.tag == "failure"
    assert failure.attrib == {
        "message": 'sends_the_documented_request: body.model: "gpt-4o"',
        "type": "sends_the_documented_request",
    }
    assert failure.text == "\n".join(cell_lines(failed()))


def test_junit_takes_any_text():
    """Control characters, markup and lone surrogates leave a document that can be read."""
    text = "".join(map(chr, range(0x20))) + "<&>\"'\x7f\x85\ud800\ufffe]]>"
    finding = Finding(check="exits_cleanly", expected=text, got=text, at=text, file=text, remedy=text)
    odd = failed("go/chat", finding, file=text, printed=text, stderr=text, reason=text, sent=(text,))
    (case,) = junit(odd).iter("testcase")
    assert r"\x1b" in case[0].text
    assert "<&>\"'" in case[0].text


def test_junit_of_nothing():
    """No cell is a document without suites."""
    assert counts(junit()) == (0, 0, 0, 0)


# ---------------------------------------------------------------- words


def test_finding_in_words():
    """A finding has its claim and place, then what was expected, what was there and what to try."""
    assert list(finding_lines(MODEL)) == [
        "sends_the_documented_request (body.model)  samples/go/chat.go:12",
        '  expected: "grok-3-mini"',
        '  got:      "gpt-4o"',
        "  try:      send body.model as documented",
    ]


def test_finding_of_several_lines():
    """What has several lines is indented; what is not there is left out."""
    assert list(finding_lines(Finding(check="builds", expected="0", got="a\nb\r\nc\n"))) == [
        "builds",
        "  expected: 0",
        "  got:      a",
        "            b",
        "            c",
    ]


def test_cell_in_words():
    """Causes whole, consequences in a line each, then what was sent and printed."""
    told = failed(sent=("POST a\nbody", "POST b"), printed="hi\n", stderr="oh\nno")
    assert list(cell_lines(told))[4:] == [
        "which may explain (after sends_the_documented_request):",
        "  exits_cleanly: exit code 1; standard error ends: oh no",
        "sent (1 of 2):",
        "  POST a",
        "  body",
        "sent (2 of 2):",
        "  POST b",
        "printed:",
        "  hi",
        "standard error:",
        "  oh",
        "  no",
    ]


def test_each_cause_has_its_consequences():
    """Consequences stand under the cause that they name."""
    other = Finding(check="prints_the_answer", expected="x", got="nothing", because_of="prints_no_secret")
    assert [line for line in cell_lines(failed("go/chat", MODEL, EXIT, other)) if "explain" in line] == [
        "which may explain (after sends_the_documented_request):",
        "which may explain (after prints_no_secret):",
    ]


@pytest.mark.parametrize(
    ("told", "line"),
    [
        (failed(), 'sends_the_documented_request: body.model: "gpt-4o"'),
        (failed("go/chat", Finding(check="builds", expected="0", got="a\nb")), "builds: a b"),
        (cell(state=UNAVAILABLE, reason="no Go\n  try: get it"), "no Go"),
        (cell(), ""),
        (failed("go/chat", Finding(check="x", expected="", got="\x1b[31mred")), r"x: \x1b[31mred"),
    ],
)
def test_headline(told, line):
    """What is wrong with a cell in one line."""
    assert headline(told) == line


# ---------------------------------------------------------------- terminal


def shown(width: int | None, *cells: Cell, colour: bool = False, durations: bool = False, verbose: bool = False) -> str:
    """What is printed at the end; `colour`: on a terminal."""
    file = io.StringIO()
    console = Console(file=file, width=width, highlight=False, soft_wrap=True, force_terminal=colour, _environ={})
    Terminal(console).ended(results(*cells), [Path("results.json")], durations, verbose)
    return file.getvalue()


LANGUAGES = ("csharp", "curl", "go", "java", "javascript", "python")
SCENARIOS = ("chat_api_key", "chat_entra_id_services_host")
FULL = tuple(cell(f"{language}/{scenario}") for language in LANGUAGES for scenario in SCENARIOS)


@pytest.mark.parametrize("width", [80, 120, None])
def test_grid_of_all_that_passed(width):
    """Six languages fit into 80 columns; nothing is cut, whatever the width."""
    text = shown(width, *FULL)
    assert (
        text
        == (
            """

scenario                     csharp  curl    go      java    javascript  python
chat_api_key                 passed  passed  passed  passed  passed      passed
chat_entra_id_services_host  passed  passed  passed  passed  passed      passed

results: results.json
12 passed in 12.3 s
"""[1:]
        )
    )
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize("width", [40, 80, 120, None])
def test_no_word_of_the_grid_is_cut(width):
    """Every name and every state can be read and searched for at any width."""
    cells = [cell(f"{name}/{scenario}", NOT_APPLICABLE) for name in LANGUAGES for scenario in SCENARIOS]
    text = shown(width, *cells)
    assert "…" not in text
    assert text.count("not applicable") == len(cells) + 1


def test_grid_with_holes():
    """What was not selected is a dot; loud states are in capitals."""
    lines = [line.plain for line in grid([cell("a/x", FAILED), cell("b/y", KNOWN), cell("b/x", ERROR)])]
    assert lines == [
        "scenario  a       b",
        "x         FAILED  ERROR",
        "y         ·       known failing",
    ]


@pytest.mark.parametrize(
    ("cells", "line"),
    [
        ((), "no sample was run in 12.3 s"),
        ((cell(),), "1 passed in 12.3 s"),
        ((failed(), cell(), cell("go/b")), "2 passed, 1 failed in 12.3 s"),
        (
            EACH,
            "1 passed, 1 failed, 1 error, 1 known failing, 1 not applicable, 1 missing, 1 unavailable in 12.3 s",
        ),
        ((cell(state=UNAVAILABLE),), "1 unavailable in 12.3 s"),
    ],
)
def test_totals(cells, line):
    """The last line counts the cells of each state."""
    assert totals(results(*cells)).plain == line
    assert shown(80, *cells).splitlines()[-1] == line


ESCAPE = re.compile(r"\x1b")


def noisy() -> tuple[Cell, ...]:
    red = "\x1b[31mred\x1b[0m \x07 \x9b2J"
    finding = Finding(check="exits_cleanly", expected="0", got=red, at=red, remedy=red)
    return (
        failed("go/chat", finding, printed=red, stderr=red, sent=(red,), seconds=1.0),
        cell("go/b", UNAVAILABLE, reason=red),
    )


def test_plain_text_where_there_is_no_terminal():
    """In a log there is not one escape code, also none that a sample printed."""
    text = shown(80, *noisy())
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", text)
    assert r"\x1b[31mred\x1b[0m \x07 \x9b2J" in text


def test_colours_on_a_terminal_repeat_what_words_say():
    """On a terminal there are colours; without them the same text stands there."""
    coloured = shown(80, *noisy(), colour=True)
    assert ESCAPE.search(coloured)
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", coloured)
    assert plain == shown(80, *noisy())


def test_no_color(monkeypatch):
    """NO_COLOR takes the colours away on a terminal too (https://no-color.org)."""
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    file = io.StringIO()
    console = Console(file=file, width=80, highlight=False, soft_wrap=True, force_terminal=True)
    for line in summary(results(failed())):
        console.print(line)
    colours = [code for code in re.findall(r"\x1b\[([0-9;]*)m", file.getvalue()) if re.search(r"\b(3|4)[0-9]\b", code)]
    assert colours == []


def test_findings_are_told_whole():
    """A failed cell is told with its findings; a passed one only when all is asked for."""
    text = shown(80, failed(), cell("go/b", printed="hello"))
    assert "FAILED go/chat\n  sends_the_documented_request (body.model)  samples/go/chat.go:12\n" in text
    assert "hello" not in text
    assert "passed go/b\n  printed:\n    hello\n" in shown(80, failed(), cell("go/b", printed="hello"), verbose=True)


def test_long_lines_are_not_wrapped():
    """A line that is longer than the terminal is one line: it can be searched, and copied."""
    long = "x" * 300
    assert long in shown(80, failed("go/chat", Finding(check="builds", expected="0", got=long)))


def test_what_could_not_run_is_told_once():
    """Cells that were not run for one reason are told together, those of another on their own."""
    reason = "Go needs Go 1.26 or later\n  try: get it"
    cells = [cell(f"go/{name}", UNAVAILABLE, reason=reason) for name in "abc"]
    text = shown(80, *cells, cell("java/a", UNAVAILABLE, reason="no Java"), cell("c/a", ERROR, reason="gateway: gone"))
    assert "unavailable 3 samples, go/a first\n  Go needs Go 1.26 or later\n    try: get it\n" in text
    assert "unavailable java/a\n  no Java\n" in text
    assert "ERROR c/a\n  gateway: gone\n" in text


def test_kept_runs_are_told():
    """How to repeat a run by hand is said, also of one that passed."""
    assert "kept go/chat; to repeat the run by hand:\n  cd x && run\n" in shown(80, cell(kept="cd x && run"))


def test_durations():
    """Where the time went, cell by cell, and in all."""
    text = shown(80, cell(phases={"run": 1.5, "build": 0.25}), cell("go/b", phases={"run": 1.0}), durations=True)
    header, first, second, total = text.splitlines()[1:5]
    assert header.split() == ["seconds", "set-up", "build", "open", "run", "close"]
    assert first.split() == ["go/b", "0.00", "0.00", "0.00", "1.00", "0.00"]
    assert second.split() == ["go/chat", "0.00", "0.25", "0.00", "1.50", "0.00"]
    assert total.split() == ["all", "0.00", "0.25", "0.00", "2.50", "0.00"]


def test_progress_in_a_log():
    """In a log each cell is a line as it is judged, set-ups are told, and nothing moves."""
    file = io.StringIO()
    terminal = Terminal(Console(file=file, width=80, highlight=False, soft_wrap=True))
    terminal.began([sample("python/chat_api_key"), sample("python/responses_api_key")], "local")
    terminal.heard(Event(phase="set-up", id="python", began=True, at=10.0))
    terminal.heard(Event(phase="set-up", id="python", began=False, at=12.5, state="done"))
    terminal.heard(Event(phase="run", id="python/chat_api_key", began=True, at=12.5))
    terminal.judged(cell("python/chat_api_key", seconds=1.25))
    terminal.judged(failed("python/responses_api_key"))
    terminal.said("something")
    assert file.getvalue() == (
        "conform: 2 samples: 1 language (python), 2 scenarios; local runner, recorded answers\n"
        "set-up of python done (2.5 s)\n"
        "passed         python/chat_api_key  1.2 s\n"
        'FAILED         python/responses_api_key  sends_the_documented_request: body.model: "gpt-4o"\n'
        "something\n"
    )


def test_follower_hands_on_every_event(tmp_path):
    """Each event is heard once, in order, also what came last and what was written in two parts."""
    path = tmp_path / "events.jsonl"
    heard: list[Event] = []
    follower = Follower(path, heard.append, lambda: None, interval_s=0.001)
    events = [Event(phase="run", id=f"go/{number}", began=True, at=float(number)) for number in range(20)]
    with path.open("ab", buffering=0) as file:
        for one in events:
            text = json.dumps({"phase": one.phase, "id": one.id, "began": True, "at": one.at}).encode() + b"\n"
            file.write(text[:9])
            file.write(text[9:])
    follower.stop()
    assert heard == events


def test_follower_of_nothing(tmp_path):
    """Where no event was written there is nothing to hear, and no fault."""
    Follower(tmp_path / "events.jsonl", pytest.fail, lambda: None, interval_s=0.001).stop()
