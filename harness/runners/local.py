"""The local runner: the machine's own toolchains, a process group and an empty environment for each run.

It can't forbid a program that ignores the proxy it was given to reach the network, or to write outside its
folder; the docker runner can.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from time import monotonic

import msgspec

from harness.catalogue import command_of
from harness.errors import SetUpError
from harness.model import Build, BuildResult, Command, Credentials, Ended, Language, Sample
from harness.runners import Built, Door, SetUp
from harness.runners.environment import language_variables, proxy_variables, scenario_variables
from harness.runners.processes import execute
from harness.runners.storage import key_of, locked, mirror, storing, write_whole
from harness.runners.toolchains import found_for

#: What a set-up or a build may not see of the environment around the harness.
FOREIGN_PREFIXES = ("OPENAI_", "AZURE_")
#: The folder of a run in which its program starts.
WORK = "work"
#: How much of a command's output a message quotes.
LAST_LINES = 15


class LocalRunner:
    """Runs samples with what is on PATH.

    Workspaces and builds stay in `state` from one session to the next; `session` holds what doesn't.
    """

    def __init__(self, state: Path, session: Path, ambient: Mapping[str, str], output_limit_bytes: int) -> None:
        self._state = state
        self._session = session
        self._ambient = {
            name: value for name, value in ambient.items() if not name.upper().startswith(FOREIGN_PREFIXES)
        }
        self._output_limit_bytes = output_limit_bytes

    def set_up(self, language: Language) -> SetUp:
        found = found_for(language, self._ambient)
        files = {name: (language.folder / name).read_bytes() for name in language.setup_files}
        versions = [(one.name, one.version, one.path) for one in found]
        key = key_of(str(self._state), language.setup, versions, *(part for item in files.items() for part in item))
        folder = self._state / "workspaces" / f"{language.name}-{key}"
        workspace, stamp = folder / "set-up", folder / "set-up.json"
        began = monotonic()
        with locked(self._state, folder.name, language.setup_timeout_s), storing(folder):
            state: str = "cached"
            if not stamp.exists():
                state = "done"
                shutil.rmtree(folder, ignore_errors=True)  # what an interrupted set-up left
                workspace.mkdir(parents=True)
                for name, text in files.items():
                    (workspace / name).parent.mkdir(parents=True, exist_ok=True)
                    (workspace / name).write_bytes(text)
                for command in language.setup:
                    self._set_up_step(language, command, workspace)
                write_whole(stamp, msgspec.json.encode({"versions": versions}))
        seconds = monotonic() - began
        build = Build(kind="set-up", id=language.name, state="cached" if state == "cached" else "done", seconds=seconds)
        return SetUp(workspace=workspace, key=key, build=build)

    def build(self, sample: Sample, ready: SetUp) -> Built:
        language = sample.language
        name = str(sample.path.relative_to(language.folder))
        source = sample.path.read_bytes()
        key = key_of(ready.key, language.build, language.path, name, source)
        folder = ready.workspace.parent / "builds" / f"{sample.scenario.name}-{key}"
        stamp = folder.with_suffix(".json")
        with locked(self._state, f"{language.name}-{folder.name}", language.build_timeout_s), storing(folder):
            if stamp.exists():
                known = msgspec.json.decode(stamp.read_bytes(), type=BuildResult | None)
                return Built(folder=folder, result=known and msgspec.structs.replace(known, cached=True))
            shutil.rmtree(folder, ignore_errors=True)
            (folder / name).parent.mkdir(parents=True)
            (folder / name).write_bytes(source)
            mirror(ready.workspace, folder)
            result = self._build_steps(sample, ready, folder)
            if result is None or result.exit_code == 0:  # a failure is tried again: it may have been the machine's
                write_whole(stamp, msgspec.json.encode(result))
        return Built(folder=folder, result=result)

    def environment(
        self, sample: Sample, ready: SetUp, folder: Path, credentials: Credentials, door: Door
    ) -> dict[str, str]:
        return {
            "PATH": self._path(sample.language, ready.workspace),
            "HOME": str(folder / "home"),
            "TMPDIR": str(folder / "tmp"),  # by which a later session knows what a dead one left
            "LANG": "C.UTF-8",
            "LC_ALL": "C.UTF-8",
            **proxy_variables(door),
            **language_variables(sample.language, door, str(ready.workspace)),
            **scenario_variables(sample.scenario, credentials),
        }

    def run(self, sample: Sample, built: Built, folder: Path, environment: Mapping[str, str]) -> Ended:
        work = folder / WORK
        with storing(folder):
            shutil.copytree(built.folder, work, symlinks=True)
            for name in ("home", "tmp"):
                (folder / name).mkdir(exist_ok=True)
        limit_s, command = sample.language.run_timeout_s, command_of(sample, sample.language.run)
        return execute(command, work, environment, limit_s, self._output_limit_bytes, sample.id)

    def _path(self, language: Language, workspace: Path) -> str:
        own = [str(workspace / entry) for entry in language.path]
        return os.pathsep.join([*own, self._ambient.get("PATH", os.defpath)])

    def _making(self) -> dict[str, str]:
        """The environment of set-ups and builds: the user's own (proxies, mirrors, caches), no credentials."""
        tmp = self._session / "tmp"
        tmp.mkdir(exist_ok=True)
        return {**self._ambient, "TMPDIR": str(tmp)}

    def _set_up_step(self, language: Language, command: Command, workspace: Path) -> None:
        environment = {**self._making(), "PATH": self._path(language, workspace)}
        shown = " ".join(command)
        ended = execute(
            command, workspace, environment, language.setup_timeout_s, 64 * 1024 * 1024, f"{language.name}: set-up"
        )
        if ended.exit_code == 0:
            return
        if ended.timed_out:
            problem = f"still running after {language.setup_timeout_s:g} s"
        else:
            problem = f"exit code {ended.exit_code}" if ended.signal is None else f"ended by signal {ended.signal}"
        remedy = (
            "run it by hand in the language's folder; without a network packages can't be fetched (behind a proxy:"
            " HTTPS_PROXY, or a mirror in the package manager's own settings)"
        )
        raise SetUpError(language.name, shown, problem, _last_lines(ended.stdout + b"\n" + ended.stderr), remedy)

    def _build_steps(self, sample: Sample, ready: SetUp, folder: Path) -> BuildResult | None:
        language, result, seconds = sample.language, None, 0.0
        environment = {**self._making(), "PATH": self._path(language, ready.workspace)}
        for step in language.build:
            command = command_of(sample, step)
            where = f"{sample.id}: build"
            ended = execute(command, folder, environment, language.build_timeout_s, self._output_limit_bytes, where)
            seconds += ended.seconds
            result = BuildResult(
                command=command,
                exit_code=ended.exit_code if ended.signal is None else 128 + ended.signal,
                output=_last_lines(ended.stdout + ended.stderr, 60),
                seconds=seconds,
                cached=False,
            )
            if result.exit_code != 0:
                break
        return result


def _last_lines(output: bytes, count: int = LAST_LINES) -> str:
    lines = [line for line in output.decode("utf-8", "replace").splitlines() if line.strip()]
    return "\n".join(lines[-count:])
