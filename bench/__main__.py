"""The grid warm, beside the same programs run bare; and the gateway's start.

    python -m bench [-r ROUNDS]

`bare` runs the grid's own programs, as many at a time, against the same kind of gateway, without the harness
around them; the ratio is what the harness costs. Machines are noisy: quote medians and ratios.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from harness.catalogue import catalogue, command_of
from harness.errors import ToolchainMissing
from harness.gateway.client import GatewayClient, GatewayProcess
from harness.model import Sample
from harness.session import Session
from harness.settings import STATE_FOLDER, Settings

WORKERS = 2


def main() -> None:
    """Take every figure, in turn, and print the medians."""
    parser = argparse.ArgumentParser(prog="python -m bench")
    parser.add_argument("-r", "--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    root = Path.cwd()
    conform_run(root)  # warm: set-ups and builds are there
    figures: dict[str, list[float]] = {"conform run": [], "bare": [], "gateway start": []}
    for _ in range(rounds):
        figures["conform run"].append(conform_run(root))
        figures["bare"].append(bare(root))
        figures["gateway start"].append(gateway_start())
    medians = {name: statistics.median(values) for name, values in figures.items()}
    for name, values in figures.items():
        print(f"{name:<14} median {medians[name]:.2f} s  ({', '.join(f'{value:.2f}' for value in values)})")
    print(f"conform run / bare, {WORKERS} at a time: {medians['conform run'] / medians['bare']:.2f}")


def conform_run(root: Path) -> float:
    """Seconds of `conform run -n 2`."""
    began = time.perf_counter()
    command = [sys.executable, "-m", "harness.cli", "run", "--root", root, "-n", str(WORKERS)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def bare(root: Path) -> float:
    """Seconds of the grid's programs alone, two at a time, each with a run of its own at the gateway."""
    settings = Settings(root=root, state=root / STATE_FOLDER)
    session = Session.start(settings, dict(os.environ))
    try:
        with ExitStack() as runs:
            jobs = []
            for sample in catalogue(root).samples:
                try:
                    jobs.append(job(session, sample, runs))
                except ToolchainMissing:
                    continue
            began = time.perf_counter()
            with ThreadPoolExecutor(WORKERS) as pool:
                list(
                    pool.map(
                        lambda one: subprocess.run(one[0], cwd=one[1], env=one[2], check=True, capture_output=True),
                        jobs,
                    )
                )
            return time.perf_counter() - began
    finally:
        session.stop()


def job(session: Session, sample: Sample, runs: ExitStack) -> tuple[tuple[str, ...], Path, dict[str, str]]:
    """A sample's command, folder and environment, ready to be started."""
    ready = session.prepare(sample.language)
    built = session.runner.build(sample, ready)
    folder = runs.enter_context(session.folder_for(sample))
    run = runs.enter_context(session.opened(sample.scenario))
    environment = dict(session.runner.environment(sample, ready, folder, run.credentials, run.door))
    for name in ("HOME", "TMPDIR"):
        Path(environment[name]).mkdir(exist_ok=True)
    command = command_of(sample, sample.language.run)
    return ("env", *command), built.folder, environment


def gateway_start() -> float:
    """Seconds from nothing to a gateway that answers."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        process = GatewayProcess.start(Path(folder) / "gateway.log")
        GatewayClient(process.address).health()
        seconds = time.perf_counter() - began
        process.stop()
    return seconds


if __name__ == "__main__":
    main()
