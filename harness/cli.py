"""`conform`: thin. `run` is pytest with harness/plugin.py."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any, NoReturn

import click
import msgspec

from harness.catalogue import catalogue, matching
from harness.errors import HarnessError, ToolchainMissing, UsageError
from harness.model import Catalogue, CellState, Sample
from harness.settings import STATE_FOLDER, Settings

EXIT_CODES = "Exit codes: 0 all is well, 1 findings, 2 something could not be run."

root_option = click.option(
    "--root",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=".",
    help="The folder that holds samples/ and fixtures/ (default: this folder).",
)


class _Commands(click.Group):
    """Every HarnessError that leaves a command is a message and exit code 2."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except HarnessError as error:
            click.echo(f"could not run: {error}", err=True)
            ctx.exit(2)
        except ToolchainMissing as missing:
            click.echo(f"could not run: {missing}", err=True)
            ctx.exit(2)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]}, epilog=EXIT_CODES)
@click.version_option(package_name="foundry-samples-conformance", prog_name="conform")
def main() -> None:
    """Prove that every sample works: run each as a reader copies it, and check what it sent and printed.

    Start with `conform doctor` (what is on this machine), then `conform run`.
    """


@main.command(epilog=EXIT_CODES)
@click.argument("patterns", nargs=-1, metavar="[PATTERN]…")
@root_option
@click.option(
    "--runner",
    type=click.Choice(["auto", "local", "docker"]),
    default="auto",
    help="Where samples run; docker comes later.",
)
@click.option("--strict", is_flag=True, help="A sample that is unavailable or missing is red.")
@click.option("-n", "workers", metavar="N|auto", default="0", help="Samples at once; auto: as many as there are cores.")
@click.option("-k", "expression", metavar="EXPR", help="pytest's -k: ids that hold these words.")
@click.option("-x", "exitfirst", is_flag=True, help="Stop at the first failure.")
@click.option("--lf", is_flag=True, help="Only what failed last time.")
@click.option(
    "--keep", is_flag=True, help="Leave each run's folder, and print the command that repeats the run by hand."
)
@click.option("-v", "--verbose", is_flag=True, help="Show what every sample sent and printed, passed or not.")
@click.option("--durations", is_flag=True, help="Show the seconds of each phase of each run.")
@click.option(
    "--json", "json_path", type=click.Path(dir_okay=False), help="Results as JSON (default: .conform/results.json)."
)
@click.option(
    "--junit", "junit_path", type=click.Path(dir_okay=False), help="As JUnit XML (default: .conform/results.xml)."
)
def run(
    patterns: tuple[str, ...],
    root: Path,
    runner: str,
    strict: bool,
    workers: str,
    expression: str | None,
    exitfirst: bool,
    lf: bool,
    keep: bool,
    verbose: bool,
    durations: bool,
    json_path: str | None,
    junit_path: str | None,
) -> NoReturn:
    """Run samples against the gateway and check them.

    A PATTERN is over ids, LANGUAGE/SCENARIO: 'python/*', '*/chat_*', or a language's name. Without one, all run.
    """
    root = root.resolve()
    loaded = catalogue(root)
    patterns = _as_ids(loaded, patterns)
    count = _workers(workers, len(matching(loaded.samples, patterns)))
    options: dict[str, str | bool | None] = {
        "--conform-runner": runner,
        "--conform-strict": strict,
        "--conform-keep": keep,
        "--conform-verbose": verbose,
        "--conform-durations": durations,
        "--conform-json": json_path,
        "--conform-junit": junit_path,
        "-k": expression,
        "-x": exitfirst,
        "--lf": lf,
    }
    arguments = [str(root / "samples"), f"--rootdir={root}", f"--conform-root={root}", "--conform-terminal"]
    arguments += [
        "-c",
        str(Path(__file__).with_name("conform.ini")),
        "-o",
        f"cache_dir={root / STATE_FOLDER / 'pytest'}",
    ]
    arguments += ["-s"]  # nothing prints in this process but the live progress, which pytest would capture
    # Plugins are named, not found: a docs repository's own pytest plugins have no say in its samples.
    arguments += ["-p", "no:terminal", "-p", "harness.plugin", "-p", "xdist.plugin"]
    arguments += [f"--conform-select={pattern}" for pattern in patterns]
    for name, value in options.items():
        if value is True:
            arguments.append(name)
        elif value:
            arguments += [name, value]
    if count > 0:
        arguments += ["-n", str(count), "--dist", "worksteal"]
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # read by pytest, in xdist's workers too
    for name in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS"):  # a -k in there would deselect samples unseen
        os.environ.pop(name, None)
    _sigterm_interrupts()
    import pytest  # 0.2 s, which `conform list` and --help need not wait for

    code = int(pytest.main(arguments))
    sys.exit(code if code in (0, 1) else 2)


@main.command(name="list")
@root_option
@click.argument("patterns", nargs=-1, metavar="[PATTERN]…")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
def list_samples(root: Path, patterns: tuple[str, ...], form: str) -> None:
    """Show every sample's id, file and title."""
    loaded = catalogue(root.resolve())
    samples = matching(loaded.samples, _as_ids(loaded, patterns))
    rows = [
        {
            "id": sample.id,
            "language": sample.language.name,
            "scenario": sample.scenario.name,
            "title": sample.scenario.title,
            "file": str(sample.path),
            "state": "here" if sample.path.is_file() else CellState.MISSING.value,
        }
        for sample in samples
    ]
    if form == "json":
        click.echo(msgspec.json.format(msgspec.json.encode(rows), indent=2).decode())
        return
    width = max(len(row["id"]) for row in rows)
    for row in rows:
        shown = os.path.relpath(row["file"]) if row["state"] == "here" else f"missing: {os.path.relpath(row['file'])}"
        click.echo(f"{row['id']:<{width}}  {row['title']}  ({shown})")


@main.command(epilog="Exit codes: 0 everything is there, 2 something is missing.")
@root_option
def doctor(root: Path) -> None:
    """Show what is on this machine, what is missing, and how to get it."""
    from harness.doctor import observations

    root = root.resolve()
    missing = 0
    settings = Settings(root=root, state=root / STATE_FOLDER)
    for one in observations(catalogue(root).languages, settings, dict(os.environ)):
        click.echo(f"{'ok     ' if one.good else 'missing'}  {one.about}: {one.found}")
        if one.remedy:
            click.echo(f"         try: {one.remedy}")
        missing += not one.good
    click.echo(
        "everything is there" if not missing else f"{missing} missing: samples of those languages are unavailable"
    )
    sys.exit(2 if missing else 0)


@main.command()
@root_option
@click.option("--http-port", default=0, help="Port for plain HTTP (default: any free one).")
@click.option("--tls-port", default=0, help="Port for TLS (default: any free one).")
@click.option("--proxy-port", default=0, help="Port of the proxy for unmodified programs (default: any free one).")
@click.option("--key", help="The API key to take (default: a fresh one).")
@click.option("--sample", "sample_id", metavar="ID", help="Serve one sample's scenario, in the environment of its run.")
@click.argument("command", nargs=-1, type=click.UNPROCESSED, metavar="[-- COMMAND…]")
def serve(
    root: Path,
    http_port: int,
    tls_port: int,
    proxy_port: int,
    key: str | None,
    sample_id: str | None,
    command: tuple[str, ...],
) -> None:
    """Run the gateway alone: a mock v1 endpoint for any client, answering with the recordings.

    With --sample ID and a COMMAND it runs that command in the environment of the sample's run, and shows what arrived.
    """
    from harness.serving import serve_command, serve_until_interrupted

    root = root.resolve()
    loaded = catalogue(root)
    settings, ambient = Settings(root=root, state=root / STATE_FOLDER), dict(os.environ)
    _sigterm_interrupts()
    if sample_id is None:
        if command:
            raise UsageError(
                "a COMMAND needs a sample", "--sample ID -- COMMAND", " ".join(command), "`conform list` shows the ids"
            )
        serve_until_interrupted(settings, ambient, loaded, http_port, tls_port, proxy_port, key)
        return
    sys.exit(serve_command(settings, ambient, _sample(loaded, sample_id), command))


def _sample(loaded: Catalogue, sample_id: str) -> Sample:
    found = matching(loaded.samples, (sample_id,))
    if len(found) != 1:
        raise UsageError(
            f"{sample_id!r} is not one sample's id", "LANGUAGE/SCENARIO", f"{len(found)} samples", "`conform list`"
        )
    return found[0]


def _as_ids(loaded: Catalogue, patterns: tuple[str, ...]) -> tuple[str, ...]:
    """`patterns`, with a sample's file (samples/x/y.z) in place of its id read as the id."""
    files = {str(sample.path.resolve()): sample.id for sample in loaded.samples}
    return tuple(files.get(str(Path(pattern).resolve()), pattern) for pattern in patterns)


def _workers(text: str, samples: int) -> int:
    if text == "auto":
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        return min(cores, samples) if samples > 1 and cores > 1 else 0
    if not text.isdecimal():
        raise UsageError("-n is no number of workers", "a whole number, or auto", text, "-n auto")
    return int(text)


def _sigterm_interrupts() -> None:
    """End on SIGTERM as on Ctrl-C: what runs is killed and the folders go; CI systems cancel with SIGTERM."""

    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)


if __name__ == "__main__":
    main()
