"""samples/*/language.yaml and fixtures/scenarios/* → the grid.

A folder of `samples/` is a language when it holds a language.yaml, a folder of `fixtures/scenarios/` is a
scenario when it holds a scenario.yaml; nothing else is consulted.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Iterable, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from msgspec import structs

from harness.contract.canonical import canonical_body
from harness.contract.differences import differences
from harness.contract.hosts import why_no_host_name
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
    samples = tuple(
        Sample(language=one, scenario=other, path=one.folder / filled(one.source, names_of(other.name)))
        for one in languages
        for other in scenarios
    )
    return Catalogue(root=root, languages=languages, scenarios=scenarios, samples=samples)


def matching(samples: Iterable[Sample], patterns: tuple[str, ...]) -> tuple[Sample, ...]:
    """The samples whose id one of `patterns` matches (`python/*`, `*/chat_*`, `python`); all without a pattern.

    Raises:
        UsageError: a pattern matches nothing.
    """
    samples = tuple(samples)
    for pattern in patterns:
        if not any(matches(sample.id, pattern) for sample in samples):
            ids = [sample.id for sample in samples]
            raise UsageError(
                f"no sample matches {pattern!r}",
                "a pattern over LANGUAGE/SCENARIO, such as "
                + f"'{ids[0].partition('/')[0]}/*' or '*/{ids[0].partition('/')[2]}'",
                pattern,
                "`conform list` shows every id",
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
            remedy="run: [PROGRAM, '{source}']",
        )
    _known(lines, ("source",), file.source, SOURCE_PLACEHOLDERS)
    if "{scenario}" not in file.source and "{Scenario}" not in file.source:
        expected = "a path with {scenario} or {Scenario} in it"
        raise lines.error("source", problem="source is the same for every scenario", expected=expected, got=file.source)
    for index, argument in enumerate(file.run):
        _known(lines, ("run", index), argument, COMMAND_PLACEHOLDERS)
    for key, commands, placeholders in (("build", file.build, COMMAND_PLACEHOLDERS), ("setup", file.setup, ())):
        for number, command in enumerate(commands):
            if not command:
                raise lines.error(key, number, problem="an empty command", expected="[PROGRAM, ARGUMENT, …]", got="[]")
            for index, argument in enumerate(command):
                _known(lines, (key, number, index), argument, placeholders)
    for name, value in file.environment.items():
        _known(lines, ("environment", name), value, ENVIRONMENT_PLACEHOLDERS)
    for index, name in enumerate((*file.setup_files, *file.path)):
        key, index = (
            ("setup_files", index) if index < len(file.setup_files) else ("path", index - len(file.setup_files))
        )
        if Path(name).is_absolute() or ".." in Path(name).parts:
            raise lines.error(
                key, index, problem=f"{key}: {name!r} leaves the folder", expected="a path below it", got=name
            )
        if key == "setup_files" and not (folder / name).is_file():
            there = ", ".join(sorted(entry.name for entry in folder.iterdir() if entry.is_file()))
            raise lines.error(
                key, index, problem=f"setup_files: no file {name!r} in {folder}", expected="a file", got=there
            )
    for index, toolchain in enumerate(file.toolchains):
        _version_pattern(lines, index, toolchain.version_pattern)
        if not re.fullmatch(r"\d+(\.\d+)*", toolchain.at_least):
            problem = "at_least is no version"
            raise lines.error(
                "toolchains", index, "at_least", problem=problem, expected="numbers with dots", got=toolchain.at_least
            )
        if not toolchain.version_command:
            raise lines.error(
                "toolchains", index, problem="version_command is empty", expected="[PROGRAM, --version]", got="[]"
            )
    for key in ("setup_timeout_s", "build_timeout_s", "run_timeout_s"):
        if not 0 < getattr(file, key) <= 3600:
            raise lines.error(
                key,
                problem=f"{key} is out of range",
                expected="seconds, above 0, at most 3600",
                got=str(getattr(file, key)),
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
    endpoint = urlsplit(file.endpoint)
    example = "https://YOUR-RESOURCE-NAME.openai.azure.com/openai/v1/"
    if (
        endpoint.scheme != "https"
        or not endpoint.hostname
        or not endpoint.path.endswith("/")
        or endpoint.query
        or endpoint.port
    ):
        problem = "endpoint is not the base address of an API"
        raise lines.error("endpoint", problem=problem, expected=f"such as {example}, ending in /", got=file.endpoint)
    if why := why_no_host_name(endpoint.hostname):
        raise lines.error("endpoint", problem=f"endpoint: {why}", expected=f"such as {example}", got=file.endpoint)
    if (file.sign_in == "entra_id") != (file.scope is not None):
        problem = "scope is missing" if file.scope is None else "scope, but sign_in is api_key"
        expected = "scope with sign_in: entra_id, none with api_key"
        remedy = "scope: https://cognitiveservices.azure.com/.default" if file.scope is None else "remove scope"
        raise lines.error(
            "scope" if file.scope else "sign_in", problem=problem, expected=expected, got=file.sign_in, remedy=remedy
        )
    for name, value in file.environment.items():
        _known(lines, ("environment", name), value, CREDENTIAL_PLACEHOLDERS)
    if file.request.path.startswith("/") or file.request.path.startswith("http"):
        raise lines.error(
            "request",
            "path",
            problem="request.path is not below the endpoint",
            expected="such as responses",
            got=file.request.path,
        )
    recording, recording_lines = read_yaml(folder / RECORDING_FILE, Recording)
    _held_to(file, endpoint.path, recording, recording_lines)
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


def _held_to(file: ScenarioFile, base_path: str, recording: Recording, lines: Lines) -> None:
    """A recording must answer the very request that the scenario documents, or the grid proves nothing."""
    if not recording.exchanges:
        raise lines.error("exchanges", problem="no exchange is recorded", expected="at least one", got="[]")
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
    try:
        names = [name for _, name, _, _ in string.Formatter().parse(text) if name is not None]
    except ValueError:
        names = re.findall(r"\{(\w+)\}", text)  # a lone brace is text
    for name in names:
        if name.isidentifier() and name not in placeholders:
            known = ", ".join(f"{{{one}}}" for one in placeholders) or "no placeholder"
            problem = f"unknown placeholder {{{name}}}"
            raise lines.error(*place, problem=problem, expected=known, got=text, remedy=f"use {known} here")


def _version_pattern(lines: Lines, index: int, pattern: str) -> None:
    place = ("toolchains", index, "version_pattern")
    try:
        groups = re.compile(pattern).groups
    except re.error as error:
        raise lines.error(
            *place, problem=f"version_pattern: {error}", expected="a regular expression", got=pattern
        ) from error
    if groups != 1:
        expected = r"one group, the version: v(\d+(?:\.\d+)*)"
        raise lines.error(*place, problem=f"version_pattern has {groups} groups", expected=expected, got=pattern)


def _legal_name(folder: Path, path: Path) -> None:
    if not _NAME.fullmatch(folder.name):
        expected = "letters, digits and _ . + - (it is part of ids and patterns)"
        raise CatalogueError(path, None, f"folder name {folder.name!r}", expected, folder.name, "rename the folder")
