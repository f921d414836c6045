"""One invocation's work: the gateway up, languages set up and built once, a sample run → RunResult.

The process that starts a session owns it; the workers of pytest-xdist join it and share its gateway, its
set-ups and its folder.
"""

from __future__ import annotations

import contextlib
import shutil
import time
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal, Self, TypeVar
from urllib.parse import urlsplit

import msgspec

from harness.errors import GatewayError, HarnessError, SetUpError, ToolchainMissing, UsageError
from harness.gateway.client import GatewayAddress, GatewayClient, GatewayProcess, last_lines
from harness.gateway.control import ENTRA_SCOPE, RunOrder
from harness.model import ArrivalKind, Build, Credentials, Event, Journal, Language, RunResult, Sample, Scenario, Value
from harness.runners import Built, Door, Runner, SetUp
from harness.runners.local import WORK, LocalRunner
from harness.runners.storage import end_session, locked, new_session, storing, write_whole
from harness.settings import Settings

T = TypeVar("T")
Phase = Literal["set-up", "build", "run"]
HTTP_FAULT = 500
#: Logs of gateways that met problems; older ones go.
KEPT_LOGS = 10


class _Prepared(Value, frozen=True, kw_only=True):
    """What came of a language's set-up in this session, for all its workers."""

    ready: SetUp | None = None
    missing: ToolchainMissing | None = None
    failed: SetUpError | None = None


class Session:
    """The work of one invocation, in the process that owns it or in a worker that joined."""

    def __init__(self, settings: Settings, folder: Path, address: GatewayAddress, ambient: Mapping[str, str]) -> None:
        self._settings = settings
        self._folder = folder
        self._address = address
        self.gateway = GatewayClient(address)
        self._process: GatewayProcess | None = None
        self.ca_pem = folder / "ca.pem"
        self.runner: Runner = LocalRunner(settings.state, folder, ambient, settings.output_limit_bytes)

    @classmethod
    def start(cls, settings: Settings, ambient: Mapping[str, str]) -> Self:
        """A session of this process, its gateway listening.

        Raises:
            UsageError: the runner is not there yet.
            StorageError: the session's folder can't be made.
            GatewayError: the gateway does not start.
        """
        _check_runner(settings.runner)
        folder = new_session(settings.state)
        try:
            process = GatewayProcess.start(_log_of(settings.state, folder))
        except BaseException:
            end_session(folder)
            raise
        session = cls(settings, folder, process.address, ambient)
        session._process = process
        try:
            with storing(session.ca_pem):
                session.ca_pem.write_text(process.address.ca_pem)
        except BaseException:
            session.stop()
            raise
        return session

    @classmethod
    def join(cls, settings: Settings, shared: Mapping[str, str], ambient: Mapping[str, str]) -> Self:
        """The session that `shared` tells of, in another process than its owner's."""
        address = msgspec.json.decode(shared["gateway"], type=GatewayAddress)
        return cls(settings, Path(shared["folder"]), address, ambient)

    @property
    def shared(self) -> dict[str, str]:
        """What a worker needs in order to join."""
        return {"folder": str(self._folder), "gateway": msgspec.json.encode(self._address).decode()}

    @property
    def events(self) -> Path:
        """Where every process of the session writes its Events, a line of JSON each."""
        return self._folder / "events.jsonl"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End the gateway, every program that is left, and the session's folder; only its owner may."""
        if self._process is not None:
            process, self._process = self._process, None
            process.stop()
            end_session(self._folder)
            log = _log_of(self._settings.state, self._folder)
            with contextlib.suppress(OSError):
                if log.stat().st_size == 0:  # a log with something in it is what a GatewayError names
                    log.unlink()

    def builds(self) -> tuple[Build, ...]:
        """Each set-up and build of the session so far, in the order in which they ended."""
        stamps = sorted(self._folder.glob("builds/*.json"), key=lambda path: path.stat().st_mtime_ns)
        return tuple(msgspec.json.decode(stamp.read_bytes(), type=Build) for stamp in stamps)

    def prepare(self, language: Language) -> SetUp:
        """The language, set up: once a session, whoever asks.

        Raises:
            ToolchainMissing: this machine lacks a program that the language needs.
            SetUpError: a set-up command failed, now or for the worker that asked first.
        """
        outcome = self._folder / f"prepared-{language.name}.json"
        with locked(self._folder, f"prepare-{language.name}", language.setup_timeout_s * 2):
            if outcome.exists():
                prepared = _decoded(outcome.read_bytes(), _Prepared)
            else:
                with self._timed("set-up", language.name) as timing:
                    prepared = self._prepared(language)
                    timing.state = "done" if prepared.ready is None else prepared.ready.build.state
                    timing.state = "failed" if prepared.failed else "unavailable" if prepared.missing else timing.state
                with storing(outcome):
                    write_whole(outcome, _encoded(prepared))
                    if prepared.missing is None:
                        failed = Build(kind="set-up", id=language.name, state="failed", seconds=timing.seconds)
                        self._note(prepared.ready.build if prepared.ready else failed)
        if prepared.ready is None:
            raise prepared.missing or prepared.failed or HarnessError(f"{language.name}: no set-up")
        return prepared.ready

    def run(self, sample: Sample) -> RunResult:
        """One execution of `sample`, with its own credentials, journal and folder.

        Raises:
            ToolchainMissing: this machine lacks a program that its language needs.
            HarnessError: it could not be run.
        """
        began = time.monotonic()
        ready = self.prepare(sample.language)
        prepared_s = time.monotonic() - began
        with self._timed("build", sample.id) as building:
            built = self.runner.build(sample, ready)
            building.state = _state_of(built)
        if built.result is not None:
            with storing(self._folder):
                self._note(Build(kind="sample", id=sample.id, state=_state_of(built), seconds=building.seconds))
        result = RunResult(
            sample=sample,
            source=sample.path.read_bytes().decode("utf-8", "replace"),
            shown_path=_shown(sample.path, self._settings.root),
            build=built.result,
            ran=False,
            phases={"set-up": prepared_s, "build": building.seconds},
        )
        if built.result is not None and built.result.exit_code != 0:
            return result
        with self._timed("run", sample.id):
            return self._ran(result, ready, built)

    @contextlib.contextmanager
    def opened(self, scenario: Scenario) -> Iterator[OpenRun]:
        """A run for `scenario` at the gateway; when it is left, the run is closed and its journal is there.

        Raises:
            GatewayError: the gateway is not there.
        """
        began = time.monotonic()
        opened = self.gateway.open_run(order_for(scenario))
        assert opened.proxy_port is not None, "an order without a proxy port"
        door = Door(host="127.0.0.1", port=opened.proxy_port, ca_pem=self.ca_pem)
        run = OpenRun(opened.credentials, door, time.monotonic() - began)
        try:
            yield run
        finally:
            began = time.monotonic()
            run.journal = self.gateway.close_run(opened.id)
            run.closing_s = time.monotonic() - began

    @contextlib.contextmanager
    def folder_for(self, sample: Sample) -> Iterator[Path]:
        """A folder for one run, gone afterwards."""
        folder = self._folder / "runs" / f"{sample.language.name}-{sample.scenario.name}-{uuid.uuid4().hex[:8]}"
        try:
            with storing(folder):
                folder.mkdir()
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _ran(self, result: RunResult, ready: SetUp, built: Built) -> RunResult:
        """`result`, with what came of running the sample."""
        sample, kept = result.sample, None
        with self.folder_for(sample) as folder:
            with self.opened(sample.scenario) as run:
                environment = self.runner.environment(sample, ready, folder, run.credentials, run.door)
                ended = self.runner.run(sample, built, folder, environment)
            if fault := gateway_fault(run.journal):
                log = Path(self._address.log_path)
                raise GatewayError(fault, last_lines(log), f"report it, with {log}; it says nothing of the sample")
            if self._settings.keep:
                kept = self._keep(sample, folder)
        return msgspec.structs.replace(
            result,
            ran=True,
            **msgspec.structs.asdict(ended),
            credentials=run.credentials,
            journal=run.journal,
            phases={**result.phases, "open": run.opening_s, "run": ended.seconds, "close": run.closing_s},
            kept=kept,
        )

    def _prepared(self, language: Language) -> _Prepared:
        try:
            return _Prepared(ready=self.runner.set_up(language))
        except ToolchainMissing as missing:
            return _Prepared(missing=missing)
        except SetUpError as failed:
            return _Prepared(failed=failed)

    def _keep(self, sample: Sample, folder: Path) -> Path:
        """Where the folder of a run stays for its reader."""
        kept = self._settings.state / "kept" / sample.language.name / sample.scenario.name
        with storing(kept):
            shutil.rmtree(kept, ignore_errors=True)
            shutil.copytree(folder / WORK, kept, symlinks=True)
        return kept

    def _note(self, build: Build) -> None:
        write_whole(self._folder / "builds" / f"{build.id.replace('/', '--')}.json", msgspec.json.encode(build))

    @contextlib.contextmanager
    def _timed(self, phase: Phase, what: str) -> Iterator[_Timing]:
        """Write an Event when it begins and one when it ends."""
        timing, began = _Timing(), time.monotonic()
        self._tell(Event(phase=phase, id=what, began=True, at=time.time()))
        try:
            yield timing
        except BaseException:
            timing.state = "failed"
            raise
        finally:
            timing.seconds = time.monotonic() - began
            self._tell(Event(phase=phase, id=what, began=False, at=time.time(), state=timing.state))

    def _tell(self, event: Event) -> None:
        with storing(self.events), self.events.open("ab", buffering=0) as file:
            file.write(msgspec.json.encode(event) + b"\n")  # one write: lines of other workers don't mix with it


class OpenRun:
    """A run that is open at the gateway."""

    def __init__(self, credentials: Credentials, door: Door, opening_s: float) -> None:
        self.credentials = credentials
        self.door = door
        self.opening_s = opening_s
        self.closing_s = 0.0
        self.journal = Journal()  # what arrived, once the run is closed


class _Timing:
    """How long a phase took, known when it ends, and how it ended."""

    seconds = 0.0
    state = ""


def gateway_fault(journal: Journal) -> str:
    """What the gateway could not answer for a reason of its own, in words; empty when it answered everything."""
    arrivals = (one for one in journal.arrivals if one.kind is ArrivalKind.REQUEST and one.status == HTTP_FAULT)
    return next((one.why for one in arrivals if one.why), "")  # a recorded 500 is answered without a why


def order_for(scenario: Scenario) -> RunOrder:
    """What the gateway must know of a scenario in order to answer its samples."""
    endpoint = urlsplit(scenario.endpoint)
    model = scenario.request.body.get("model")
    return RunOrder(
        endpoint_host=endpoint.hostname or "",
        base_path=endpoint.path,
        models=(model,) if isinstance(model, str) else (),
        exchanges=scenario.recording.exchanges,
        scope=scenario.scope or ENTRA_SCOPE,
    )


def _log_of(state: Path, folder: Path) -> Path:
    """Where the gateway of a session writes its problems: outside the session's folder, to be read afterwards."""
    logs = state / "logs"
    with storing(logs):
        logs.mkdir(exist_ok=True)
    with contextlib.suppress(FileNotFoundError):  # another session may remove the same one
        for old in sorted(logs.iterdir(), key=lambda path: path.stat().st_mtime)[:-KEPT_LOGS]:
            old.unlink(missing_ok=True)
    return logs / f"gateway-{folder.name}.log"


def _check_runner(name: str) -> None:
    if name == "docker":
        problem = "the docker runner is not there yet"
        raise UsageError(
            problem, "--runner local, or auto", "docker", "run with --runner local: the machine's own toolchains"
        )


def _state_of(built: Built) -> Literal["done", "cached", "failed"]:
    if built.result is None or built.result.cached:
        return "cached"
    return "done" if built.result.exit_code == 0 else "failed"


def _shown(path: Path, root: Path) -> str:
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)


def _encoded(value: object) -> bytes:
    return msgspec.json.encode(value, enc_hook=str)  # a Path, as text


def _decoded(text: bytes, kind: type[T]) -> T:
    return msgspec.json.decode(text, type=kind, dec_hook=lambda wanted, text: wanted(text))
