"""Folders with samples/ and fixtures/ made out of the miniatures, and `conform` run on them."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psutil
import yaml

HERE = Path(__file__).parent
REPOSITORY = HERE.parent
MINIATURES = HERE / "miniatures"
BROKEN: dict[str, dict] = yaml.safe_load((MINIATURES / "broken.yaml").read_text())
SCENARIOS = {"api_key": "responses_api_key", "entra_id": "responses_entra_id"}

LANGUAGE = """\
title: {name}
source: "{{scenario}}.py"
build: [["{python}", -m, py_compile, "{{source}}"]]
run: ["{python}", "{{source}}"]
environment: {{SSL_CERT_FILE: "{{ca_pem}}"}}
api_key_header: api-key
entra: provider
prints: text
run_timeout_s: 4
"""

HANGING = "import time, sys\nprint('here', flush=True)\ntime.sleep(77)\n"


def text_of(name: str) -> str:
    """The program of a miniature: one of the two right ones, or an entry of broken.yaml."""
    if name in SCENARIOS:
        return (MINIATURES / f"{name}.py").read_text()
    entry = BROKEN[name]
    text = (MINIATURES / f"{entry['of']}.py").read_text()
    count = text.count(entry["replace"])
    assert count == 1, f"{name}: the text to replace stands there {count} times"
    return text.replace(entry["replace"], entry["with"])


def add_language(
    root: Path, name: str, text: str | None = None, scenario: str = "responses_api_key", more: str = "", **keys: str
) -> Path:
    """A language with one sample: `text`, or the right program. `keys` replace lines of its language.yaml."""
    folder = root / "samples" / name
    folder.mkdir(parents=True)
    lines = LANGUAGE.format(name=name, python=sys.executable).splitlines()
    lines = [f"{key}: {keys[key]}" if (key := line.partition(":")[0]) in keys else line for line in lines]
    (folder / "language.yaml").write_text("\n".join(lines) + "\n" + more)
    (folder / f"{scenario}.py").write_text(text_of("api_key") if text is None else text)
    scenarios = Path("fixtures", "scenarios", scenario)
    if not (root / scenarios).exists():
        shutil.copytree(REPOSITORY / scenarios, root / scenarios)
    return folder


def conform(*arguments: object, timeout_s: float = 120, **environment: str) -> subprocess.CompletedProcess[str]:
    """`conform` with these arguments, to its end."""
    return subprocess.run(
        [sys.executable, "-m", "harness.cli", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=timeout_s,
        env={**os.environ, **environment},
    )


@contextmanager
def started(*arguments: object, log: Path) -> Iterator[subprocess.Popen[str]]:
    """`conform` as a terminal starts it: in a process group of its own; killed at the end if it is alive still."""
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "harness.cli", *map(str, arguments)],
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
            process_group=0,
            # A shell that starts its jobs in the background lets them ignore SIGINT; a terminal doesn't.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            for child in psutil.Process(process.pid).children(recursive=True):
                child.kill()
            process.kill()
        process.wait()


def processes_of(root: Path) -> list[psutil.Process]:
    """Every process that works in `root`: samples by their TMPDIR, gateways, workers and commands by their words."""
    found = []
    for one in psutil.process_iter():
        try:
            words = " ".join(one.cmdline())
            in_root = one.environ().get("TMPDIR", "").startswith(str(root)) or str(root) in words
            log = any(str(root) in file.path for file in one.open_files()) if "harness.gateway" in words else False
            if (in_root or log) and one.pid != os.getpid() and one.status() != psutil.STATUS_ZOMBIE:
                found.append(one)
        except psutil.Error:
            continue
    return found


def until(true: Callable[[], object], timeout_s: float = 20.0) -> None:
    """Wait until something holds; an error if it doesn't in time."""
    deadline = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def states(results: Mapping) -> dict[str, str]:
    """Cell id → state, without the missing ones."""
    return {cell["id"]: cell["state"] for cell in results["cells"] if cell["state"] != "missing"}
