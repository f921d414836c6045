"""Typed values out of YAML files, with errors that name file, line, expected and got.

PyYAML reads the text, msgspec holds it to the type; this module adds what neither has: the line of
each key, duplicate keys as errors, and scalars by YAML 1.2's core schema (`no` is text, not false).
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from pathlib import Path
from typing import TypeVar

import msgspec
import yaml

from harness.errors import CatalogueError

T = TypeVar("T")
Place = tuple[str | int, ...]  # keys and indexes from the document's root


class Lines:
    """The line on which each key and item of one file stands, and each scalar as it is written."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.written: dict[Place, str] = {}
        self._lines: dict[Place, int] = {}

    def note(self, place: Place, line: int) -> None:
        """`place` stands on `line`; the first to say so (the key, not its value) is right."""
        self._lines.setdefault(place, line)

    def of(self, *place: str | int) -> int:
        """The line of `place`, or of the nearest place that encloses it; from 1."""
        while place and place not in self._lines:
            place = place[:-1]
        return self._lines.get(place, 1)

    def error(
        self, *place: str | int, problem: str, expected: str = "", got: str = "", remedy: str = ""
    ) -> CatalogueError:
        """A CatalogueError at the line of `place`."""
        return CatalogueError(self.path, self.of(*place), problem, expected, got, remedy)


def read_text(path: Path) -> str:
    """A data file's text.

    Raises:
        CatalogueError: it isn't there, can't be read, or isn't UTF-8.
    """
    try:
        return path.read_bytes().decode("utf-8-sig")  # editors on Windows put a mark before the text
    except FileNotFoundError as error:
        expected, got = f"a file {path.name}", _neighbours(path)
        raise CatalogueError(path, None, "no such file", expected, got, f"add {path.name}") from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        got = f"byte 0x{error.object[error.start]:02x}"
        raise CatalogueError(path, line, "not UTF-8", "UTF-8 text", got, "save the file as UTF-8") from error
    except OSError as error:
        problem = error.strerror or str(error)
        raise CatalogueError(path, None, problem, "a file", problem, "make it a file that can be read") from error


def read_yaml(path: Path, wanted: type[T]) -> tuple[T, Lines]:
    """What `path` says, as a `wanted`, and the line of each of its keys.

    Raises:
        CatalogueError: no such file; not YAML; a key unknown, missing or given twice; a wrong type.
    """
    text = read_text(path)
    lines = Lines(path)
    try:
        node = yaml.compose(text, Loader=_CoreLoader)
        value = {} if node is None else _plain(node, (), lines)
    except yaml.MarkedYAMLError as error:
        raise _not_yaml(path, text, error) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        got = f"the character U+{error.character:04X}"
        raise CatalogueError(path, line, "not YAML: a control character", "text", got, "remove it") from error
    except RecursionError as error:
        problem, remedy = "nested too deeply", "look for brackets that are not closed"
        raise CatalogueError(path, None, problem, "lists and mappings a few levels deep", "more", remedy) from error
    try:
        return msgspec.convert(value, wanted), lines
    except msgspec.ValidationError as error:
        raise _explained(error, value, wanted, lines) from error


def _not_yaml(path: Path, text: str, error: yaml.MarkedYAMLError) -> CatalogueError:
    """What PyYAML can't read, with the line as it stands there."""
    mark = error.problem_mark or error.context_mark
    problem, remedy = error.problem or error.context or "", "check the indentation and the quotes there; "
    remedy += "a value that holds ': ' or '#' or starts with '{' needs quotes"
    if "unexpected end of stream" in problem:
        mark, problem, remedy = error.context_mark or mark, "quotes that are not closed", "close them"
    elif "<stream end>" in problem and "flow" in (error.context or ""):
        mark, problem, remedy = error.context_mark or mark, "a bracket that is not closed", "close it"
    elif "'\\t'" in problem:
        problem, remedy = "a tab before a key or value", "indent with spaces"
    elif "another document" in problem:
        problem, remedy = "a second document", "remove the line ---, and what doesn't belong to the first"
    elif "alias" in problem:
        problem, remedy = (
            "an alias, which is not taken here",
            "write the value out; one that starts with * needs quotes",
        )
    elif "expected" in problem and "found" in problem:
        problem = "something that doesn't belong there"
    line = mark.line + 1 if mark else None
    lines = text.splitlines()
    got = lines[line - 1].replace("\t", "→").strip() if line and line <= len(lines) else "the end of the file"
    return CatalogueError(path, line, f"not YAML: {problem}", "keys and values in YAML", got, remedy)


class _CoreLoader(yaml.SafeLoader):
    """Scalars as YAML 1.2's core schema reads them; each value in its own place, so no aliases."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.MarkedYAMLError(problem="alias", problem_mark=self.peek_event().start_mark)  # type: ignore[no-untyped-call]
        return super().compose_node(parent, index)


_CoreLoader.yaml_implicit_resolvers = {}  # else it would add to YAML 1.1's


for _tag, _pattern, _first in (
    ("tag:yaml.org,2002:null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("tag:yaml.org,2002:bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("tag:yaml.org,2002:int", r"[-+]?[0-9]+", list("-+0123456789")),
    ("tag:yaml.org,2002:float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", list("-+.0123456789")),
):
    _CoreLoader.add_implicit_resolver(_tag, re.compile(rf"^(?:{_pattern})$"), _first)


def _plain(node: yaml.Node, place: Place, lines: Lines) -> object:
    lines.note(place, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        mapping: dict[str, object] = {}
        first: dict[str, int] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                problem, kind = (
                    "a key that is no text",
                    "a list" if isinstance(key_node, yaml.SequenceNode) else "a mapping",
                )
                remedy = "put quotes around the key: {…} and […] at its beginning are YAML's own"
                raise CatalogueError(lines.path, line, problem, "text, then a colon", kind, remedy)
            key = str(key_node.value)
            if key in mapping:
                problem = f"key {key!r} is given twice"
                raise CatalogueError(
                    lines.path, line, problem, "each key once", f"lines {first[key]} and {line}", "remove one of them"
                )
            first[key] = line
            lines.note((*place, key), line)
            mapping[key] = _plain(value_node, (*place, key), lines)
        return mapping
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item, (*place, index), lines) for index, item in enumerate(node.value)]
    text = lines.written[place] = str(node.value)
    try:
        match node.tag.removeprefix("tag:yaml.org,2002:"):
            case "null":
                return None
            case "bool":
                return text.lower() == "true"
            case "int":
                return int(text)
            case "float":
                return float(text)
            case "str":
                return text
    except ValueError:
        pass  # the tag says what the text is not
    raise CatalogueError(
        lines.path,
        node.start_mark.line + 1,
        f"tag {node.tag!r} is not taken here",
        expected="a value without a tag",
        got=text,
        remedy="write the value without the !tag",
    )


def _explained(error: msgspec.ValidationError, value: object, wanted: type, lines: Lines) -> CatalogueError:
    message, _, where = str(error).partition(" - at `$")
    place = tuple(
        int(index) if index else key for key, index in re.findall(r"\.([^.\[\]`]+)|\[(\d+)\]", where) if key or index
    )
    if unknown := re.fullmatch(r"Object contains unknown field `(.+)`", message):
        name, known = unknown[1], _fields_at(wanted, place)
        close = get_close_matches(name, known, 1)
        return lines.error(
            *place,
            name,
            problem=f"unknown key {name!r}",
            expected=f"one of {', '.join(known)}",
            got=name,
            remedy=f"did you mean {close[0]!r}?" if close else f"remove {name!r}",
        )
    if missing := re.fullmatch(r"Object missing required field `(.+)`", message):
        return lines.error(
            *place,
            problem=f"key {missing[1]!r} is missing" + (f" in {_dotted(place)}" if place else ""),
            expected=", ".join(_fields_at(wanted, place, required=True)),
            got=", ".join(map(str, got)) if isinstance(got := _at(value, place), dict) and got else "nothing",
            remedy=f"add {missing[1]!r}",
        )
    kinds = re.fullmatch(r"Expected `(.+)`, got `(.+)`(.*)", message)
    if kinds and "[...]" in where:  # msgspec doesn't say which value of a mapping
        place += _first_of_kind(_at(value, place), kinds[2])
    got = _at(value, place)
    choices = _choices_at(wanted, place)
    if choices and not isinstance(got, dict | list):
        shown = lines.written.get(place, str(got))
        close = get_close_matches(shown, choices, 1)
        problem, expected = f"{_dotted(place)}: unknown value {shown!r}", f"one of {', '.join(choices)}"
        remedy = f"did you mean {close[0]!r}?" if close else f"write one of {', '.join(choices)}"
        return lines.error(*place, problem=problem, expected=expected, got=shown, remedy=remedy)
    if kinds:
        return lines.error(
            *place,
            problem=f"{_dotted(place)}: wrong type",
            expected=_in_words(kinds[1] + kinds[3]),
            got=_shown(got, lines.written.get(place, "")),
            remedy=_retyping(kinds[1], got, lines.written.get(place, "")),
        )
    problem, expected = f"{_dotted(place)}: no date", "year-month-day"
    if "date" not in message:
        problem, expected = f"{_dotted(place)}: {message}", "another value"
    remedy = "write it as in 2026-11-23" if "date" in message else f"correct {_dotted(place)}"
    return lines.error(*place, problem=problem, expected=expected, got=str(got), remedy=remedy)


def _shown(value: object, written: str) -> str:
    """A value of the wrong type, as the file has it, and what YAML takes it for."""
    if value is None:
        return f"nothing ({written})" if written else "nothing"
    if isinstance(value, dict | list):
        return _in_words("object" if isinstance(value, dict) else "array")
    return f"text {written!r}" if isinstance(value, str) else f"{written}, {_in_words(type(value).__name__)}"


def _retyping(wanted: str, got: object, written: str) -> str:
    if wanted.startswith("str"):
        if isinstance(got, dict) and len(got) == 1 and None in got.values():
            return f"put quotes around it: '{{{next(iter(got))}}}'"
        if isinstance(got, dict | list):
            return "write it as text, on the key's own line"
        return "write a value after the colon" if got is None else f'put quotes around it: "{written}"'
    if wanted.startswith(("int", "float")) and isinstance(got, str):
        return "write a number, without quotes"
    if wanted.startswith("array"):
        return "write it as a list: [ONE, OTHER]; [] for none"
    return "write KEY: VALUE, one a line, indented; {} for none" if wanted.startswith("object") else "correct it"


def _first_of_kind(value: object, kind: str) -> Place:
    kinds = {str: "str", bool: "bool", int: "int", float: "float", list: "array", dict: "object", type(None): "null"}
    return (
        next(((key,) for key, item in value.items() if kinds[type(item)] == kind), ())
        if isinstance(value, dict)
        else ()
    )


def _in_words(kind: str) -> str:
    words = {
        "str": "text",
        "int": "a whole number",
        "float": "a number",
        "array": "a list",
        "object": "a mapping",
        "null": "nothing",
        "bool": "a truth value",
    }
    return " or ".join(words.get(part.strip(), part.strip()) for part in kind.split("|"))


def _dotted(place: Place) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place).lstrip(".") or "the file"


def _at(value: object, place: Place) -> object:
    for part in place:
        if isinstance(value, dict):
            value = value.get(part, value)
        elif isinstance(value, list) and isinstance(part, int):
            value = value[part]
    return value


def _type_at(wanted: object, place: Place) -> msgspec.inspect.Type:
    kind: msgspec.inspect.Type = msgspec.inspect.type_info(wanted)
    for part in place:
        if isinstance(kind, msgspec.inspect.StructType):
            kind = next((field.type for field in kind.fields if field.encode_name == part), kind)
        elif isinstance(kind, msgspec.inspect.VarTupleType | msgspec.inspect.ListType):
            kind = kind.item_type
    return kind


def _fields_at(wanted: object, place: Place, required: bool = False) -> list[str]:
    kind = _type_at(wanted, place)
    fields = kind.fields if isinstance(kind, msgspec.inspect.StructType) else ()
    return [field.encode_name for field in fields if field.required or not required]


def _choices_at(wanted: object, place: Place) -> list[str]:
    kind = _type_at(wanted, place)
    return [str(value) for value in kind.values] if isinstance(kind, msgspec.inspect.LiteralType) else []


def _neighbours(path: Path) -> str:
    there = sorted(entry.name for entry in path.parent.iterdir()) if path.parent.is_dir() else []
    return ", ".join(there[:8]) or f"nothing yet in {path.parent}"
