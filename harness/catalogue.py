"""samples/*/language.yaml and fixtures/scenarios/* → the grid.

A folder of `samples/` is a language when it holds a language.yaml, a folder of `fixtures/scenarios/` is a
scenario when it holds a scenario.yaml; nothing else is consulted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from msgspec import structs

from harness.contract.canonical import canonical_body
from harness.contract.differences import differences
from harness.contract.hosts import why_no_host_name
from harness.contract.operations import verdict
from harness.datafiles import Lines, read_text, read_yaml
from harness.errors import CatalogueError, CatalogueErrors, UsageError
from harness.model import Catalogue, Command, Language, LanguageFile, Recording, Sample, Scenario, ScenarioFile

T = TypeVar("T")

LANGUAGE_FILE = "language.yaml"
SCENARIO_FILE = "scenario.yaml"
RECORDING_FILE = "recording.yaml"
STDOUT_FILE = "stdout.txt"

#: What `{…}` may stand for: in source; in build and run; in a language's environment; in a scenario's environment.
SOURCE_PLACEHOLDERS = ("scenario", "Scenario")
COMMAND_PLACEHOLDERS = (*SOURCE_PLACEHOLDERS, "source")
ENVIRONMENT_PLACEHOLDERS = ("ca_pem", "proxy_host", "proxy_port", "workspace")
CREDENTIAL_PLACEHOLDERS = ("api_key", "tenant_id", "client_id", "client_secret", "given_token")

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]*")


def catalogue(root: Path) -> Catalogue:
    """Everything under `root`: languages and scenarios by name, samples by language, then scenario.

    Raises:
        CatalogueErrors: a data file is wrong, with the first fault of each file; or there is nothing under `root`.
    """
    errors: list[CatalogueError] = []

    def read(paths: Iterable[Path], reader: Callable[[Path], T]) -> tuple[T, ...]:
        values = []
        for path in sorted(paths):
            try:
                values.append(reader(path))
            except CatalogueError as error:
                errors.append(error)
        return tuple(values)

    languages = read(root.glob(f"samples/*/{LANGUAGE_FILE}"), language)
    scenarios = read(root.glob(f"fixtures/scenarios/*/{SCENARIO_FILE}"), scenario)
    for kind, found, pattern in (
        ("language", languages, f"samples/*/{LANGUAGE_FILE}"),
        ("scenario", scenarios, f"fixtures/scenarios/*/{SCENARIO_FILE}"),
    ):
        if not found and not errors:
            remedy = "name the folder that holds samples/ and fixtures/ with --root DIR"
            errors.append(CatalogueError(root, None, f"no {kind} here", f"at least one {pattern}", "none", remedy))
    if errors:
        raise CatalogueErrors(tuple(errors))
    _nothing_unseen(root, languages, scenarios)
    samples = tuple(
        Sample(language=one, scenario=other, path=one.folder / filled(one.source, names_of(other.name)))
        for one in languages
        for other in scenarios
    )
    return Catalogue(root=root, languages=languages, scenarios=scenarios, samples=samples)


def _nothing_unseen(root: Path, languages: Iterable[Language], scenarios: Iterable[Scenario]) -> None:
    """See that no file which looks like a sample, and no folder of scenarios, is one that would never be run.

    Raises:
        CatalogueErrors: there are such files or folders.
    """
    names = [one.name for one in scenarios]
    folders = sorted(path for path in (root / "fixtures" / "scenarios").iterdir() if path.is_dir())
    errors = [
        CatalogueError(folder, None, f"no {SCENARIO_FILE} here", "one in each folder", _inside(folder), "add it")
        for folder in folders
        if folder.name not in names
    ]
    for language in languages:
        key = "scenario" if "{scenario}" in language.source else "Scenario"
        known = {names_of(name)[key]: name for name in names}
        before, _, after = language.source.partition(f"{{{key}}}")
        for path in sorted(language.folder.glob(f"{before}*{after}")):
            name = str(path.relative_to(language.folder))[len(before) :].removesuffix(after)
            if name.isidentifier() and name not in known:
                close = get_close_matches(name, known, 1)
                remedy = (
                    f"did you mean {close[0]!r}?" if close else f"add fixtures/scenarios/{name}, or move the file away"
                )
                expected = f"a scenario's name in place of {{{key}}} in {language.source}"
                errors.append(CatalogueError(path, None, "a sample of no scenario", expected, name, remedy))
    if errors:
        raise CatalogueErrors(tuple(errors))


def _inside(folder: Path) -> str:
    return ", ".join(sorted(entry.name for entry in folder.iterdir())) or "an empty folder"


def matching(samples: Iterable[Sample], patterns: tuple[str, ...]) -> tuple[Sample, ...]:
    """The samples whose id one of `patterns` matches (`python/*`, `*/chat_*`, `python`); all without a pattern.

    Raises:
        UsageError: a pattern matches nothing.
    """
    samples = tuple(samples)
    for pattern in patterns:
        if not any(matches(sample.id, pattern) for sample in samples):
            language_name, _, scenario_name = samples[0].id.partition("/") if samples else ("LANGUAGE", "", "SCENARIO")
            expected = f"a pattern over LANGUAGE/SCENARIO, such as '{language_name}/*' or '*/{scenario_name}'"
            raise UsageError(
                f"no sample matches {pattern!r}", expected, pattern, "`conform list` shows the id of every sample"
            )
    return tuple(one for one in samples if not patterns or any(matches(one.id, pattern) for pattern in patterns))


def matches(sample_id: str, pattern: str) -> bool:
    """Whether `pattern` names the sample; a pattern without a slash names a language."""
    return fnmatchcase(sample_id, pattern if "/" in pattern else f"{pattern}/*")


def language(path: Path) -> Language:
    """The language that a language.yaml describes.

    Raises:
        CatalogueError: at the first fault.
    """
    file, lines = read_yaml(path, LanguageFile)
    folder = path.parent
    _legal_name(folder, path)
    if not file.run:
        raise lines.error(
            "run",
            problem="run is empty",
            expected="the command that runs one sample",
            got="[]",
            remedy="run: [PROGRAM, '{source}']",
        )
    _known(lines, ("source",), file.source, SOURCE_PLACEHOLDERS)
    if "{scenario}" not in file.source and "{Scenario}" not in file.source:
        problem, expected = "source is the same for every scenario", "a path with {scenario} or {Scenario} in it"
        remedy = "write {scenario} where the file's name tells the scenario"
        raise lines.error("source", problem=problem, expected=expected, got=file.source, remedy=remedy)
    _below(lines, ("source",), "source", file.source)
    for index, argument in enumerate(file.run):
        _known(lines, ("run", index), argument, COMMAND_PLACEHOLDERS)
    for key, commands, placeholders in (("build", file.build, COMMAND_PLACEHOLDERS), ("setup", file.setup, ())):
        for number, command in enumerate(commands):
            if not command:
                problem, expected = f"{key}: an empty command", "[PROGRAM, ARGUMENT, …]"
                remedy = f"remove it; {key}: [] where there is none"
                raise lines.error(key, number, problem=problem, expected=expected, got="[]", remedy=remedy)
            for index, argument in enumerate(command):
                _known(lines, (key, number, index), argument, placeholders)
    for name, value in file.environment.items():
        _known(lines, ("environment", name), value, ENVIRONMENT_PLACEHOLDERS)
    for index, name in enumerate(file.path):
        _below(lines, ("path", index), "path", name)
    for index, name in enumerate(file.setup_files):
        _below(lines, ("setup_files", index), "setup_files", name)
        if not (folder / name).is_file():
            there = ", ".join(sorted(entry.name for entry in folder.iterdir() if entry.is_file()))
            problem, remedy = f"setup_files: no file {name!r}", "add it, or correct the name"
            raise lines.error(
                *("setup_files", index), problem=problem, expected=f"a file in {folder}", got=there, remedy=remedy
            )
    for index, toolchain in enumerate(file.toolchains):
        _version_pattern(lines, index, toolchain.version_pattern)
        if not re.fullmatch(r"\d+(\.\d+)*", toolchain.at_least):
            place, expected = ("toolchains", index, "at_least"), "numbers with dots between them"
            problem, remedy = "at_least is no version", 'write the version alone, in quotes: "22.21"'
            raise lines.error(*place, problem=problem, expected=expected, got=toolchain.at_least, remedy=remedy)
        if not toolchain.version_command:
            place, expected = ("toolchains", index, "version_command"), "a command that prints the version"
            problem, remedy = "version_command is empty", "version_command: [PROGRAM, --version]"
            raise lines.error(*place, problem=problem, expected=expected, got="[]", remedy=remedy)
    for key in ("setup_timeout_s", "build_timeout_s", "run_timeout_s"):
        if not 0 < getattr(file, key) <= 3600:
            raise lines.error(
                key,
                problem=f"{key} is out of range",
                expected="seconds, above 0, at most 3600",
                got=f"{getattr(file, key):g}",
                remedy=f"write a number such as {key}: 60",
            )
    return Language(**structs.asdict(file), name=folder.name, folder=folder)


def scenario(path: Path) -> Scenario:
    """The scenario that a scenario.yaml, with the files beside it, describes.

    Raises:
        CatalogueError: at the first fault.
    """
    file, lines = read_yaml(path, ScenarioFile)
    folder = path.parent
    _legal_name(folder, path)
    base_path = _base_path(file.endpoint, lines)
    if (file.sign_in == "entra_id") != (file.scope is not None):
        problem = "scope is missing" if file.scope is None else "scope, but sign_in is api_key"
        expected = "a scope with sign_in: entra_id, none with sign_in: api_key"
        got = f"sign_in: {file.sign_in}, " + ("no scope" if file.scope is None else f"scope: {file.scope}")
        remedy = "add scope: https://cognitiveservices.azure.com/.default"
        remedy = remedy if file.scope is None else "remove scope, or write sign_in: entra_id"
        raise lines.error(
            "sign_in" if file.scope is None else "scope", problem=problem, expected=expected, got=got, remedy=remedy
        )
    for name, value in file.environment.items():
        _known(lines, ("environment", name), value, CREDENTIAL_PLACEHOLDERS)
    _documented(file, lines)
    recording, recording_lines = read_yaml(folder / RECORDING_FILE, Recording)
    _held_to(file, base_path, recording, recording_lines)
    return Scenario(
        **structs.asdict(file),
        name=folder.name,
        folder=folder,
        recording=recording,
        stdout=read_text(folder / STDOUT_FILE),
    )


def names_of(scenario_name: str) -> dict[str, str]:
    """The two spellings of a scenario's name: as the folder has it, and in CamelCase."""
    return {
        "scenario": scenario_name,
        "Scenario": "".join(part[:1].upper() + part[1:] for part in re.split(r"[_-]", scenario_name)),
    }


def command_of(sample: Sample, command: Command) -> Command:
    """A build or run command of the sample's language, its placeholders filled."""
    values = {**names_of(sample.scenario.name), "source": str(sample.path.relative_to(sample.language.folder))}
    return tuple(filled(argument, values) for argument in command)


def filled(text: str, values: Mapping[str, str]) -> str:
    """`text` with each `{name}` of `values` replaced; any other brace stays."""
    return re.sub(r"\{(\w+)\}", lambda found: values.get(found[1], found[0]), text)


def _base_path(endpoint: str, lines: Lines) -> str:
    """The path of a scenario's endpoint, below which its requests are."""
    example = "https://YOUR-RESOURCE-NAME.openai.azure.com/openai/v1/"
    remedy = f"write it as readers do: {example}"
    expected = "https://HOST/PATH/, ending in a slash, without port and query"
    try:
        parts = urlsplit(endpoint)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise lines.error(
            "endpoint", problem=f"endpoint: {error}", expected=expected, got=endpoint, remedy=remedy
        ) from error
    rest = parts.query or parts.fragment or parts.username
    if parts.scheme != "https" or not host or not parts.path.endswith("/") or rest or port:
        problem = "endpoint is not the base address of an API"
        raise lines.error("endpoint", problem=problem, expected=expected, got=endpoint, remedy=remedy)
    if why := why_no_host_name(host):
        expected = "a host name that DNS can hold"
        raise lines.error("endpoint", problem=f"endpoint: {why}", expected=expected, got=endpoint, remedy=remedy)
    return parts.path


def _documented(file: ScenarioFile, lines: Lines) -> None:
    """The documented request is one of the API, or no sample could be right."""
    request = file.request
    if request.path.startswith("/") or "://" in request.path or "?" in request.path:
        problem, expected = "request.path is not below the endpoint", "the path's end alone, such as responses"
        remedy = "leave out the endpoint's own path, and any query"
        raise lines.error("request", "path", problem=problem, expected=expected, got=request.path, remedy=remedy)
    if refusal := verdict(request.method, request.path, json.dumps(request.body).encode()):
        key = {404: "path", 405: "method"}.get(refusal.status, "body")
        got = {"path": request.path, "method": request.method}.get(key, json.dumps(request.body, ensure_ascii=False))
        raise lines.error(
            *("request", key, *([refusal.param] if refusal.param else [])),
            problem=f"request.{key}: {refusal.message}",
            expected="a request of the v1 API",
            got=got if len(got) <= 200 else got[:199] + "…",
            remedy="correct it: every sample is held to this request",
        )


def _below(lines: Lines, place: tuple[str | int, ...], key: str, name: str) -> None:
    if Path(name).is_absolute() or ".." in Path(name).parts:
        problem, remedy = f"{key}: {name!r} leaves the folder", "keep it in the folder of language.yaml"
        raise lines.error(*place, problem=problem, expected="a path below the folder", got=name, remedy=remedy)


def _held_to(file: ScenarioFile, base_path: str, recording: Recording, lines: Lines) -> None:
    """A recording must answer the very request that the scenario documents, or the grid proves nothing."""
    if not recording.exchanges:
        problem, remedy = "no exchange is recorded", f"add the answer to the request that {SCENARIO_FILE} documents"
        raise lines.error("exchanges", problem=problem, expected="at least one exchange", got="[]", remedy=remedy)
    request = recording.exchanges[0].request
    path = base_path + file.request.path
    problem = f"exchange 1 was recorded for another request than {SCENARIO_FILE} documents"
    remedy = f"record it again, or correct the request in {SCENARIO_FILE}"
    if (request.method, request.path) != (file.request.method, path):
        expected, got = f"{file.request.method} {path}", f"{request.method} {request.path}"
        raise lines.error("exchanges", 0, "request", problem=problem, expected=expected, got=got, remedy=remedy)
    found = differences(canonical_body(path, file.request.body), canonical_body(path, request.body))
    if found:
        first = found[0]
        raise lines.error(
            *("exchanges", 0, "request", "body"),
            problem=f"{problem}: {first.at}",
            expected=first.expected,
            got=first.got,
            remedy=remedy,
        )


def _known(lines: Lines, place: tuple[str | int, ...], text: str, placeholders: tuple[str, ...]) -> None:
    for name in re.findall(r"\{([\w-]+)\}", text):  # what filled would fill, and what was meant to be
        if name not in placeholders:
            known = ", ".join(f"{{{one}}}" for one in placeholders) or "none"
            problem = f"unknown placeholder {{{name}}} in {place[0]}"
            close = get_close_matches(name, placeholders, 1)
            remedy = f"did you mean {{{close[0]}}}?" if close else f"remove {{{name}}}"
            raise lines.error(*place, problem=problem, expected=f"placeholders: {known}", got=text, remedy=remedy)


def _version_pattern(lines: Lines, index: int, pattern: str) -> None:
    place = ("toolchains", index, "version_pattern")
    remedy = r"write it as in 'v(\d+(?:\.\d+)*)'; a group that is not the version is (?:…)"
    try:
        groups = re.compile(pattern).groups
    except re.error as error:
        problem, expected = f"version_pattern: {error}", "a regular expression"
        raise lines.error(*place, problem=problem, expected=expected, got=pattern, remedy=remedy) from error
    if groups != 1:
        problem, expected = f"version_pattern has {groups} groups", "one group, which is the version"
        raise lines.error(*place, problem=problem, expected=expected, got=pattern, remedy=remedy)


def _legal_name(folder: Path, path: Path) -> None:
    if not _NAME.fullmatch(folder.name):
        problem, expected = f"folder name {folder.name!r} can't be part of an id", "letters, digits and _ . + -"
        raise CatalogueError(path, None, problem, expected, folder.name, "rename the folder")
