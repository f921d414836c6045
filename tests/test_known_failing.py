"""fixtures/known-failing.txt: what it may say, and what is said of a line that may not stand there."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.checks import CHECKS
from harness.errors import CatalogueError, CatalogueErrors
from harness.known_failing import KNOWN_FAILING_FILE, Excuse, excused_checks, excuses

SAMPLES = ("curl/chat_stream", "go/chat_stream", "go/chat_api_key")
KNOWN = ("exits_cleanly", "prints_the_answer", "sends_the_documented_request")


def read(root: Path, text: str | bytes) -> tuple[Excuse, ...]:
    path = root / KNOWN_FAILING_FILE
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return excuses(root, SAMPLES, KNOWN)


def message(root: Path, text: str) -> str:
    with pytest.raises(CatalogueErrors) as caught:
        read(root, text)
    return str(caught.value).replace(f"{root}/", "")


def excuse(pattern: str, *checks: str, reason: str = "why", line: int = 1) -> Excuse:
    return Excuse(pattern=pattern, checks=checks, reason=reason, line=line)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ()),
        ("\n# nothing is excused\n\n", ()),
        ("go/chat_stream exits_cleanly  # why", (excuse("go/chat_stream", "exits_cleanly"),)),
        ("# why\ngo/chat_stream exits_cleanly\n", (excuse("go/chat_stream", "exits_cleanly", line=2),)),
        (
            "# why,\n# and more of it: https://example.com/issues/12#c3\ngo exits_cleanly\n",
            (excuse("go", "exits_cleanly", reason="why, and more of it: https://example.com/issues/12#c3", line=3),),
        ),
        (
            "# why\ngo exits_cleanly\ncurl exits_cleanly\n",
            (excuse("go", "exits_cleanly", line=2), excuse("curl", "exits_cleanly", line=3)),
        ),
        (
            "# why\ngo exits_cleanly\n# because\ncurl exits_cleanly\n",
            (excuse("go", "exits_cleanly", line=2), excuse("curl", "exits_cleanly", reason="because", line=4)),
        ),
        ("# above\ngo exits_cleanly # why\n", (excuse("go", "exits_cleanly", line=2),)),
        (
            "*/chat_* exits_cleanly, prints_the_answer # why",
            (excuse("*/chat_*", "exits_cleanly", "prints_the_answer"),),
        ),
        ("go exits_cleanly,prints_the_answer # why", (excuse("go", "exits_cleanly", "prints_the_answer"),)),
        ("go\texits_cleanly\t# why", (excuse("go", "exits_cleanly"),)),
        ("  go   exits_cleanly   prints_the_answer#why", (excuse("go", "exits_cleanly", "prints_the_answer"),)),
        (b"\xef\xbb\xbfgo exits_cleanly # why\r\n", (excuse("go", "exits_cleanly"),)),
    ],
)
def test_excuses(tmp_path, text, expected):
    """A line excuses named checks of the samples that its pattern matches, for the reason behind or above it."""
    assert read(tmp_path, text) == expected


def test_no_file_excuses_nothing(tmp_path):
    """There need not be a file."""
    assert excuses(tmp_path, SAMPLES, KNOWN) == ()


SHAPE = "SAMPLE-PATTERN CHECK[, CHECK…]  # reason"
FAULTS = {
    "no check": (
        "go/chat_stream  # why\n",
        f"""\
fixtures/known-failing.txt:1: no check is named
  expected: {SHAPE}
  got: go/chat_stream
  try: name the checks that are excused""",
    ),
    "no reason": (
        "\ngo/chat_stream exits_cleanly\n",
        f"""\
fixtures/known-failing.txt:2: no reason is given
  expected: {SHAPE}
  got: go/chat_stream exits_cleanly
  try: say after # (or in the line above) why it fails, with a link""",
    ),
    "reason that an empty line ends": (
        "# a heading\n\ngo/chat_stream exits_cleanly\n",
        f"""\
fixtures/known-failing.txt:3: no reason is given
  expected: {SHAPE}
  got: go/chat_stream exits_cleanly
  try: say after # (or in the line above) why it fails, with a link""",
    ),
    "misspelt check": (
        "go/chat_stream prints_answer  # why\n",
        """\
fixtures/known-failing.txt:1: unknown check 'prints_answer'
  expected: one of exits_cleanly, prints_the_answer, sends_the_documented_request
  got: prints_answer
  try: did you mean 'prints_the_answer'?""",
    ),
    "unknown check": (
        "go/chat_stream zzz  # why\n",
        """\
fixtures/known-failing.txt:1: unknown check 'zzz'
  expected: one of exits_cleanly, prints_the_answer, sends_the_documented_request
  got: zzz
  try: name the checks as the findings do""",
    ),
    "misspelt sample": (
        "go/chat_steam exits_cleanly  # why\n",
        """\
fixtures/known-failing.txt:1: 'go/chat_steam' matches no sample of the catalogue
  expected: the id of a sample, or a pattern over ids
  got: go/chat_steam
  try: did you mean 'go/chat_stream'?""",
    ),
    "sample that is gone": (
        "*/images exits_cleanly  # why\n",
        """\
fixtures/known-failing.txt:1: '*/images' matches no sample of the catalogue
  expected: the id of a sample, or a pattern over ids
  got: */images
  try: remove the line, or correct it: `conform list` shows ids""",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_is_explained(tmp_path, fault):
    """A line that excuses nothing, or nobody knows why, is an error with its line."""
    text, expected = FAULTS[fault]
    assert message(tmp_path, text) == expected


def test_every_wrong_line_is_told(tmp_path):
    """All lines that are wrong are told at once."""
    text = "go/chat_stream\ngo exits_cleanly # why\nruby exits_cleanly # why\ngo nope # why\n"
    said = message(tmp_path, text).splitlines()
    assert [line.split(":")[1] for line in said if not line.startswith(" ")] == ["1", "3", "4"]


def test_file_that_is_no_text(tmp_path):
    """A file that can't be read is told like every data file."""
    with pytest.raises(CatalogueError) as caught:
        read(tmp_path, b"# caf\xe9\n")
    assert str(caught.value).startswith(f"{tmp_path}/{KNOWN_FAILING_FILE}:1: not UTF-8")


def test_excused_checks():
    """A sample's excuses are those of the patterns that match it; of two for one check the later counts."""
    first = excuse("*/chat_stream", "exits_cleanly", "prints_the_answer", reason="all")
    later = excuse("go/chat_stream", "exits_cleanly", reason="go")
    other = excuse("curl", "exits_cleanly")
    assert excused_checks((first, later, other), "go/chat_stream") == {
        "exits_cleanly": later,
        "prints_the_answer": first,
    }
    assert excused_checks((first, later, other), "go/chat_api_key") == {}


def test_every_check_can_be_excused(tmp_path):
    """The names that known-failing.txt takes are those of the checks."""
    path = tmp_path / KNOWN_FAILING_FILE
    path.parent.mkdir()
    path.write_text("# why\n" + "".join(f"go {name}\n" for name in CHECKS))
    assert [one.checks[0] for one in excuses(tmp_path, SAMPLES, tuple(CHECKS))] == list(CHECKS)
