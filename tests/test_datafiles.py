"""Data files that are wrong, and what is said of each: whole messages, as the people who write the files see them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import pytest

from harness.datafiles import read_text, read_yaml
from harness.errors import CatalogueError
from harness.model import DataFileValue, Recording


class Tool(DataFileValue, frozen=True, kw_only=True):
    name: str
    at_least: str = ""


class Page(DataFileValue, frozen=True, kw_only=True):
    """Every kind of value that a data file holds."""

    title: str
    colour: Literal["red", "green"] = "red"
    limit_s: float = 1.0
    count: int = 0
    note: str | None = None
    words: tuple[str, ...] = ()
    tools: tuple[Tool, ...] = ()
    environment: Mapping[str, str] = {}
    body: Mapping[str, object] = {}


KEYS = "title, colour, limit_s, count, note, words, tools, environment, body"


def read(folder: Path, text: str | bytes) -> Page:
    path = folder / "page.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_yaml(path, Page)[0]


def message(folder: Path, text: str | bytes) -> str:
    """What is said of a file with this text, without the folder."""
    with pytest.raises(CatalogueError) as caught:
        read(folder, text)
    return str(caught.value).replace(f"{folder}/", "")


#: What is wrong → the file, and the whole message.
FAULTS = {
    "empty": (
        "",
        """\
page.yaml:1: key 'title' is missing
  expected: title
  got: nothing
  try: add 'title'""",
    ),
    "comments alone": (
        "# later\n",
        """\
page.yaml:1: key 'title' is missing
  expected: title
  got: nothing
  try: add 'title'""",
    ),
    "missing key": (
        "count: 1\nwords: []\n",
        """\
page.yaml:1: key 'title' is missing
  expected: title
  got: count, words
  try: add 'title'""",
    ),
    "missing key, inside": (
        'title: x\ntools:\n  - name: a\n  - at_least: "1"\n',
        """\
page.yaml:4: key 'name' is missing in tools[1]
  expected: name
  got: at_least
  try: add 'name'""",
    ),
    "misspelt key": (
        "title: x\ncolor: red\n",
        f"""\
page.yaml:2: unknown key 'color'
  expected: one of {KEYS}
  got: color
  try: did you mean 'colour'?""",
    ),
    "unknown key": (
        "title: x\nzzz: red\n",
        f"""\
page.yaml:2: unknown key 'zzz'
  expected: one of {KEYS}
  got: zzz
  try: remove 'zzz'""",
    ),
    "unknown key, inside": (
        "title: x\ntools:\n  - name: a\n    atleast: 1\n",
        """\
page.yaml:4: unknown key 'atleast'
  expected: one of name, at_least
  got: atleast
  try: did you mean 'at_least'?""",
    ),
    "key given twice": (
        "title: x\ncount: 1\ntitle: y\n",
        """\
page.yaml:3: key 'title' is given twice
  expected: each key once
  got: lines 1 and 3
  try: remove one of them""",
    ),
    "key given twice, inside": (
        "title: x\nenvironment:\n  A: b\n  A: c\n",
        """\
page.yaml:4: key 'A' is given twice
  expected: each key once
  got: lines 3 and 4
  try: remove one of them""",
    ),
    "number for text": (
        "title: 42\n",
        """\
page.yaml:1: title: wrong type
  expected: text
  got: 42, a whole number
  try: put quotes around it: "42\"""",
    ),
    "version without quotes": (
        "title: x\ntools:\n  - name: a\n    at_least: 3.10\n",
        """\
page.yaml:4: tools[0].at_least: wrong type
  expected: text
  got: 3.10, a number
  try: put quotes around it: "3.10\"""",
    ),
    "truth value for text": (
        "title: true\n",
        """\
page.yaml:1: title: wrong type
  expected: text
  got: true, a truth value
  try: put quotes around it: "true\"""",
    ),
    "nothing for text": (
        "title:\n",
        """\
page.yaml:1: title: wrong type
  expected: text
  got: nothing
  try: write a value after the colon""",
    ),
    "null for text": (
        "title: ~\n",
        """\
page.yaml:1: title: wrong type
  expected: text
  got: nothing (~)
  try: write a value after the colon""",
    ),
    "list for text": (
        "title: [x]\n",
        """\
page.yaml:1: title: wrong type
  expected: text
  got: a list
  try: write it as text, on the key's own line""",
    ),
    "number for text or nothing": (
        "title: x\nnote: 1\n",
        """\
page.yaml:2: note: wrong type
  expected: text or nothing
  got: 1, a whole number
  try: put quotes around it: "1\"""",
    ),
    "placeholder without quotes": (
        "title: {scenario}\n",
        """\
page.yaml:1: title: wrong type
  expected: text
  got: a mapping
  try: put quotes around it: '{scenario}'""",
    ),
    "placeholder without quotes, in a list": (
        "title: x\nwords: [run, {source}]\n",
        """\
page.yaml:2: words[1]: wrong type
  expected: text
  got: a mapping
  try: put quotes around it: '{source}'""",
    ),
    "placeholder without quotes, in a mapping": (
        "title: x\nenvironment:\n  KEY: {api_key}\n",
        """\
page.yaml:3: environment.KEY: wrong type
  expected: text
  got: a mapping
  try: put quotes around it: '{api_key}'""",
    ),
    "placeholder without quotes, and more": (
        "title: {scenario}.py\n",
        """\
page.yaml:1: not YAML: something that doesn't belong there
  expected: keys and values in YAML
  got: title: {scenario}.py
  try: check the indentation and the quotes there; a value that holds ': ' or '#' or starts with '{' needs quotes""",
    ),
    "number in a list": (
        "title: x\nwords:\n  - a\n  - 2\n",
        """\
page.yaml:4: words[1]: wrong type
  expected: text
  got: 2, a whole number
  try: put quotes around it: "2\"""",
    ),
    "number in a mapping": (
        "title: x\nenvironment:\n  A: b\n  C: 2\n",
        """\
page.yaml:4: environment.C: wrong type
  expected: text
  got: 2, a whole number
  try: put quotes around it: "2\"""",
    ),
    "text for a list": (
        "title: x\nwords: no\n",
        """\
page.yaml:2: words: wrong type
  expected: a list
  got: text 'no'
  try: write it as a list: [ONE, OTHER]; [] for none""",
    ),
    "text for a mapping": (
        "title: x\nbody: hello\n",
        """\
page.yaml:2: body: wrong type
  expected: a mapping
  got: text 'hello'
  try: write KEY: VALUE, one a line, indented; {} for none""",
    ),
    "text for a number": (
        "title: x\nlimit_s: '60'\n",
        """\
page.yaml:2: limit_s: wrong type
  expected: a number
  got: text '60'
  try: write a number, without quotes""",
    ),
    "fraction for a whole number": (
        "title: x\ncount: 1.5\n",
        """\
page.yaml:2: count: wrong type
  expected: a whole number
  got: 1.5, a number
  try: correct it""",
    ),
    "value that is none of the known": (
        "title: x\ncolour: grene\n",
        """\
page.yaml:2: colour: unknown value 'grene'
  expected: one of green, red
  got: grene
  try: did you mean 'green'?""",
    ),
    "value of another kind than the known": (
        "title: x\ncolour: 7\n",
        """\
page.yaml:2: colour: unknown value '7'
  expected: one of green, red
  got: 7
  try: write one of green, red""",
    ),
    "list for the file": (
        "- title\n",
        """\
page.yaml:1: the file: wrong type
  expected: a mapping
  got: a list
  try: write KEY: VALUE, one a line, indented; {} for none""",
    ),
    "text for the file": (
        "hello\n",
        """\
page.yaml:1: the file: wrong type
  expected: a mapping
  got: text 'hello'
  try: write KEY: VALUE, one a line, indented; {} for none""",
    ),
    "tab": (
        "title: x\nenvironment:\n\tA: b\n",
        """\
page.yaml:3: not YAML: a tab before a key or value
  expected: keys and values in YAML
  got: →A: b
  try: indent with spaces""",
    ),
    "colon in a value": (
        "title: x\nnote: a: b\n",
        """\
page.yaml:2: not YAML: mapping values are not allowed here
  expected: keys and values in YAML
  got: note: a: b
  try: check the indentation and the quotes there; a value that holds ': ' or '#' or starts with '{' needs quotes""",
    ),
    "wrong indentation": (
        "title: x\n  count: 1\n",
        """\
page.yaml:2: not YAML: mapping values are not allowed here
  expected: keys and values in YAML
  got: count: 1
  try: check the indentation and the quotes there; a value that holds ': ' or '#' or starts with '{' needs quotes""",
    ),
    "quotes that are not closed": (
        "count: 1\ntitle: 'x\nwords: []\n",
        """\
page.yaml:2: not YAML: quotes that are not closed
  expected: keys and values in YAML
  got: title: 'x
  try: close them""",
    ),
    "bracket that is not closed": (
        "title: x\nwords: [a, b\n",
        """\
page.yaml:2: not YAML: a bracket that is not closed
  expected: keys and values in YAML
  got: words: [a, b
  try: close it""",
    ),
    "two documents": (
        "title: x\n---\ntitle: y\n",
        """\
page.yaml:2: not YAML: a second document
  expected: keys and values in YAML
  got: ---
  try: remove the line ---, and what doesn't belong to the first""",
    ),
    "tag of Python": (
        "title: !!python/object:os.system x\n",
        """\
page.yaml:1: tag 'tag:yaml.org,2002:python/object:os.system' is not taken here
  expected: a value without a tag
  got: x
  try: write the value without the !tag""",
    ),
    "tag of one's own": (
        "title: !mine x\n",
        """\
page.yaml:1: tag '!mine' is not taken here
  expected: a value without a tag
  got: x
  try: write the value without the !tag""",
    ),
    "tag that lies": (
        "title: !!int x\n",
        """\
page.yaml:1: tag 'tag:yaml.org,2002:int' is not taken here
  expected: a value without a tag
  got: x
  try: write the value without the !tag""",
    ),
    "alias": (
        "title: &name x\nnote: *name\n",
        """\
page.yaml:2: not YAML: an alias, which is not taken here
  expected: keys and values in YAML
  got: note: *name
  try: write the value out; one that starts with * needs quotes""",
    ),
    "alias of itself": (
        "title: x\nwords: &words [*words]\n",
        """\
page.yaml:2: not YAML: an alias, which is not taken here
  expected: keys and values in YAML
  got: words: &words [*words]
  try: write the value out; one that starts with * needs quotes""",
    ),
    "list for a key": (
        "title: x\n? [a]\n: b\n",
        """\
page.yaml:2: a key that is no text
  expected: text, then a colon
  got: a list
  try: put quotes around the key: {…} and […] at its beginning are YAML's own""",
    ),
    "placeholder for a key": (
        "title: x\nenvironment:\n  {api_key}: b\n",
        """\
page.yaml:3: a key that is no text
  expected: text, then a colon
  got: a mapping
  try: put quotes around the key: {…} and […] at its beginning are YAML's own""",
    ),
    "nested without end": (
        "title: x\nwords: " + "[" * 400,
        """\
page.yaml: nested too deeply
  expected: lists and mappings a few levels deep
  got: more
  try: look for brackets that are not closed""",
    ),
    "control character": (
        "title: x\nnote: \x07\n",
        """\
page.yaml:2: not YAML: a control character
  expected: text
  got: the character U+0007
  try: remove it""",
    ),
    "Latin-1": (
        "title: x\nnote: Grüße\n".encode("latin-1"),
        """\
page.yaml:2: not UTF-8
  expected: UTF-8 text
  got: byte 0xfc
  try: save the file as UTF-8""",
    ),
    "UTF-16": (
        "title: x\n".encode("utf-16"),
        """\
page.yaml:1: not UTF-8
  expected: UTF-8 text
  got: byte 0xff
  try: save the file as UTF-8""",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_is_explained(tmp_path, fault):
    """A message names file and line, what was expected, what was there, and what to try."""
    text, expected = FAULTS[fault]
    assert message(tmp_path, text) == expected


def test_message_has_four_parts():
    """No message lacks one of its parts."""
    for _, expected in FAULTS.values():
        assert [line.partition(":")[0].strip() for line in expected.splitlines()] == [
            "page.yaml",
            "expected",
            "got",
            "try",
        ]


def test_date_is_explained(tmp_path):
    """A date that is none says what one looks like."""
    path = tmp_path / "recording.yaml"
    path.write_text("exchanges: []\nprovenance:\n  source: authored\n  date: 23 November\n  api: v1\n")
    with pytest.raises(CatalogueError) as caught:
        read_yaml(path, Recording)
    assert str(caught.value).replace(f"{tmp_path}/", "") == (
        """\
recording.yaml:4: provenance.date: no date
  expected: year-month-day
  got: 23 November
  try: write it as in 2026-11-23"""
    )


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("no", "no"),
        ("yes", "yes"),
        ("on", "on"),
        ("Off", "Off"),
        ("NO", "NO"),
        ("y", "y"),
        ("1_000", "1_000"),
        ("12:30:45", "12:30:45"),
        ("0x1F", "0x1F"),
        ("0o17", "0o17"),
        ("1.2.3", "1.2.3"),
        ("2026-11-23", "2026-11-23"),
        ("<<", "<<"),
        (".nan", ".nan"),
        ("=", "="),
        ("'3.10'", "3.10"),
        ("!!str 3.10", "3.10"),
        ("über — 日本", "über — 日本"),
        ("|-\n  a\n  b", "a\nb"),
    ],
)
def test_text_is_text(tmp_path, written, value):
    """What YAML 1.1 took for truth values, dates, sexagesimals or numbers is text, as YAML 1.2's core schema has it."""
    assert read(tmp_path, f"title: {written}\n").title == value


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("true", True),
        ("FALSE", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("12", 12),
        ("-3", -3),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("no", "no"),
        ("[1, '1']", [1, "1"]),
        ("{a: {b: c}}", {"a": {"b": "c"}}),
    ],
)
def test_values_of_a_body(tmp_path, written, value):
    """Where any JSON may stand, scalars have the types of YAML 1.2's core schema."""
    found = read(tmp_path, f"title: x\nbody:\n  it: {written}\n").body["it"]
    assert found == value
    assert type(found) is type(value)


def test_keys_are_text(tmp_path):
    """Keys are text, whatever they look like: `on` is no truth value."""
    assert read(tmp_path, "title: x\nbody:\n  on: 1\n  2: two\n  null: x\n").body == {"on": 1, "2": "two", "null": "x"}


def test_byte_order_mark_is_no_text(tmp_path):
    """The mark that some editors put before the text is left out, and lines end as they may."""
    assert read(tmp_path, b"\xef\xbb\xbftitle: x\r\ncount: 1\r\n") == Page(title="x", count=1)


def test_line_of_each_key(tmp_path):
    """The line of a key is its own; of what isn't there, that of what encloses it."""
    path = tmp_path / "page.yaml"
    path.write_text("# a page\ntitle: x\ntools:\n  - name: a\n\n  - name: b\n    at_least: '1'\n")
    _, lines = read_yaml(path, Page)
    places = [("title",), ("tools",), ("tools", 1), ("tools", 1, "at_least"), ("tools", 1, "gone"), ("gone",), ()]
    assert [lines.of(*place) for place in places] == [2, 3, 6, 7, 6, 2, 2]


def test_missing_file(tmp_path):
    """A file that isn't there is told by its path, with what lies beside it."""
    (tmp_path / "stdout.txt").touch()
    (tmp_path / "scenario.yaml").touch()
    with pytest.raises(CatalogueError) as caught:
        read_text(tmp_path / "recording.yaml")
    assert str(caught.value).replace(f"{tmp_path}/", "") == (
        """\
recording.yaml: no such file
  expected: a file recording.yaml
  got: scenario.yaml, stdout.txt
  try: add recording.yaml"""
    )


def test_folder_in_place_of_a_file(tmp_path):
    """What can't be read as a file says why."""
    (tmp_path / "stdout.txt").mkdir()
    with pytest.raises(CatalogueError) as caught:
        read_text(tmp_path / "stdout.txt")
    assert str(caught.value).replace(f"{tmp_path}/", "") == (
        """\
stdout.txt: Is a directory
  expected: a file
  got: Is a directory
  try: make it a file that can be read"""
    )
