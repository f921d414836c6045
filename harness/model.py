"""The values that pass between the rooms. No I/O, no behaviour beyond names and shapes.

Every value is frozen. JSON text of a value (control API, pytest-xdist, reports) is made by msgspec;
`bytes` are base64 there.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Literal

from msgspec import Struct

Headers = tuple[tuple[str, str], ...]  # as received, in order, names as sent
Command = tuple[str, ...]  # an argument list, never a shell string; {placeholders} still in it


class Value(Struct, frozen=True, kw_only=True):
    """What every value here is."""


class DataFileValue(Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A value written by hand in a data file: a key that is not a field is an error."""


# ---------------------------------------------------------------- exchanges


class Request(Value, frozen=True, kw_only=True):
    method: str
    scheme: Literal["http", "https"]
    host: str  # lower case, without port
    path: str  # as sent, without the query
    query: str  # as sent, without "?"; empty when there was none
    headers: Headers
    body: bytes


class Response(Value, frozen=True, kw_only=True):
    status: int
    headers: Headers
    body: bytes


class DocumentedRequest(DataFileValue, frozen=True, kw_only=True):
    """The request that every language's sample of a scenario must send."""

    method: str
    path: str  # below the scenario's endpoint: "chat/completions"
    body: dict[str, object]


class RecordedRequest(DataFileValue, frozen=True, kw_only=True):
    method: str
    path: str  # whole: "/openai/v1/chat/completions"
    body: dict[str, object]


class RecordedResponse(DataFileValue, frozen=True, kw_only=True):
    status: int
    headers: dict[str, str]  # without those that each connection makes anew (date, content-length, connection)
    body: dict[str, object]


class RecordedExchange(DataFileValue, frozen=True, kw_only=True):
    request: RecordedRequest
    response: RecordedResponse


class Provenance(DataFileValue, frozen=True, kw_only=True):
    """Where an exchange comes from, so that a reader knows how far to trust it."""

    source: Literal["authored", "recorded"]
    date: datetime.date
    api: str
    note: str = ""


class Recording(DataFileValue, frozen=True, kw_only=True):
    provenance: Provenance
    exchanges: tuple[RecordedExchange, ...]


# ---------------------------------------------------------------- catalogue


class Toolchain(DataFileValue, frozen=True, kw_only=True):
    """A program that must be on the machine (local runner)."""

    name: str
    version_command: Command
    version_pattern: str  # a regular expression; its first group is the version, numbers with dots
    at_least: str
    get: str  # where to get it, in words or as an address


class LanguageFile(DataFileValue, frozen=True, kw_only=True):
    """A language.yaml: how a language's samples are set up, built and run."""

    title: str
    source: str  # "{scenario}.py"; {Scenario} gives ResponsesApiKey
    run: Command
    api_key_header: Literal["authorization", "api-key"]
    entra: Literal["provider", "given_token"]
    prints: Literal["text", "body"]
    toolchains: tuple[Toolchain, ...] = ()
    setup_files: tuple[str, ...] = ()  # copied into the workspace; with the commands, the key of the set-up
    setup: tuple[Command, ...] = ()
    path: tuple[str, ...] = ()  # folders of the workspace that come first on PATH
    build: tuple[Command, ...] = ()
    environment: Mapping[str, str] = {}
    setup_timeout_s: float = 600.0
    build_timeout_s: float = 120.0
    run_timeout_s: float = 30.0
    lacks: tuple[str, ...] = ()


class Language(LanguageFile, frozen=True, kw_only=True):
    name: str  # the folder's
    folder: Path


class ScenarioFile(DataFileValue, frozen=True, kw_only=True):
    """A scenario.yaml: what a sample is to do."""

    title: str
    endpoint: str  # as the samples write it: https://NAME/openai/v1/
    sign_in: Literal["api_key", "entra_id"]
    request: DocumentedRequest
    environment: Mapping[str, str]  # what a reader sets; {placeholders} are a run's credentials
    scope: str | None = None  # of the Entra ID token; with sign_in entra_id
    needs: tuple[str, ...] = ()  # features that a language may lack


class Scenario(ScenarioFile, frozen=True, kw_only=True):
    name: str  # the folder's
    folder: Path
    recording: Recording
    stdout: str  # what a sample that prints the text prints; "..." as in stdout.txt


class Sample(Value, frozen=True, kw_only=True):
    """One scenario in one language: the file that readers copy."""

    language: Language
    scenario: Scenario
    path: Path

    @property
    def id(self) -> str:
        return f"{self.language.name}/{self.scenario.name}"


class Catalogue(Value, frozen=True, kw_only=True):
    root: Path
    languages: tuple[Language, ...]
    scenarios: tuple[Scenario, ...]
    samples: tuple[Sample, ...]  # languages × scenarios, also those whose file is missing


# ---------------------------------------------------------------- runs


class Credentials(Value, frozen=True, kw_only=True):
    """The canaries of one run: fresh, random, good for nothing else."""

    api_key: str = ""
    tenant_id: str = ""
    client_id: str = ""
    client_secret: str = ""
    given_token: str = ""  # issued when the run was opened, for languages that take no token themselves

    def secrets(self) -> Mapping[str, str]:
        """Secret → what it is. The tenant's and the client's ids are no secrets."""
        named = {
            self.api_key: "API key",
            self.client_secret: "client secret",
            self.given_token: "given Entra ID token",
        }
        return {secret: what for secret, what in named.items() if secret}


class ArrivalKind(StrEnum):
    REQUEST = "request"  # a whole request to a host that the gateway answers for
    REFUSED_HOST = "refused_host"  # a connection or request to any other host
    BROKEN = "broken"  # what never became a request: malformed, too large, cut short, TLS not agreed


class Arrival(Value, frozen=True, kw_only=True):
    """One thing that reached the gateway in a run."""

    kind: ArrivalKind
    scheme: Literal["http", "https"]
    host: str  # lower case, without port: as the client named it (CONNECT, SNI or Host)
    port: int
    raw: bytes  # exactly what came, head and body; of a refused connection its CONNECT
    at_s: float  # seconds since the run was opened
    status: int | None = None  # what the gateway answered
    why: str = ""  # why it was refused or broken, in words
    verdict: str = ""  # why it is no request of the contract, in words


class IssuedToken(Value, frozen=True, kw_only=True):
    """An Entra ID token that the gateway gave out in a run."""

    token: str
    scope: str
    at_s: float
    lifetime_s: float
    requested: bool  # by the sample; False for the one issued when the run was opened


class Journal(Value, frozen=True, kw_only=True):
    """What arrived in a run, in order."""

    arrivals: tuple[Arrival, ...] = ()
    tokens: tuple[IssuedToken, ...] = ()
    dropped: int = 0  # arrivals beyond the limits of one run's journal
    dropped_bytes: int = 0


class BuildResult(Value, frozen=True, kw_only=True):
    """What the build commands of one sample came to."""

    command: Command
    exit_code: int | None  # None: ended at its time limit
    output: str  # standard output and error together
    seconds: float
    cached: bool


class Ended(Value, frozen=True, kw_only=True):
    """How a program came to its end, and what it printed."""

    exit_code: int | None = None  # None when it was killed, or died of a signal
    signal: int | None = None  # that it died of, by itself
    timed_out: bool = False
    ignored_sigterm: bool = False
    flooded: bool = False  # killed because it printed more than output_limit_bytes
    output_limit_bytes: int = 0  # of standard output and error together
    stdout: bytes = b""
    stderr: bytes = b""
    left_behind: tuple[str, ...] = ()  # command lines of processes that outlived the program
    seconds: float = 0.0


class RunResult(Ended, frozen=True, kw_only=True):
    """One execution of one sample, as it was. Checks are functions of this value alone."""

    sample: Sample
    source: str  # the sample's text, for naming lines
    shown_path: str  # the sample's path as findings show it
    build: BuildResult | None  # None when the language has no build commands
    ran: bool  # False when it did not build
    credentials: Credentials = Credentials()
    journal: Journal = Journal()
    phases: Mapping[str, float] = {}  # seconds of: set-up, build, open, run, close
    kept: Path | None = None  # where its folder stays


# ---------------------------------------------------------------- verdicts


class Finding(Value, frozen=True, kw_only=True):
    """One way in which a check's claim does not hold."""

    check: str = ""  # its name; run_checks gives it
    expected: str
    got: str
    at: str = ""  # the place in what was sent or printed: "body.model", "stdout"
    file: str = ""
    line: int | None = None  # from 1
    remedy: str = ""
    because_of: str | None = None  # the check whose finding explains this one


class CellState(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"
    KNOWN_FAILING = "known failing"
    NOT_APPLICABLE = "not applicable"
    MISSING = "missing"
    UNAVAILABLE = "unavailable"


class Cell(Value, frozen=True, kw_only=True):
    """What came of one sample in one invocation."""

    id: str
    language: str
    scenario: str
    state: CellState
    seconds: float = 0.0
    findings: tuple[Finding, ...] = ()
    file: str = ""
    reason: str = ""  # of an error, an excuse, an absence; in words
    sent: tuple[str, ...] = ()  # the requests as they were sent, redacted, for people
    printed: str = ""  # standard output, redacted, its beginning
    stderr: str = ""  # last lines, redacted; empty for a cell that passed
    kept: str = ""  # with --keep: the command that repeats the run by hand
    phases: Mapping[str, float] = {}  # seconds of: set-up, build, open, run, close


class Build(Value, frozen=True, kw_only=True):
    """One set-up of a language, or one build of a sample, in one invocation."""

    kind: Literal["set-up", "sample"]
    id: str  # the language's name, or the sample's id
    state: Literal["done", "cached", "failed"]
    seconds: float


class Event(Value, frozen=True, kw_only=True):
    """Something that started or ended, for live progress; workers write, the controller reads."""

    phase: Literal["set-up", "build", "run"]
    id: str
    began: bool
    at: float  # time.time()
    state: str = ""  # how it ended
