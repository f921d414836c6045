"""harness/runners/processes.py: how programs end, and that nothing of them stays."""

from __future__ import annotations

import os
import subprocess

import psutil
import pytest

from harness.errors import RunnerError
from harness.runners.processes import end_processes_of, execute

ENVIRONMENT = {"PATH": os.environ["PATH"]}


def run(tmp_path, script: str, timeout_s: float = 20.0, limit: int = 100_000):
    return execute(["sh", "-c", script], tmp_path, ENVIRONMENT, timeout_s, limit, "here")


def test_output_and_exit_code_are_kept_apart(tmp_path):
    """Standard output, standard error and the exit code come back as they were, in the folder and environment given."""
    ended = run(tmp_path, "pwd; echo err >&2; env | cut -d= -f1 | sort | tr '\\n' ' '; exit 3")
    assert ended.exit_code == 3
    assert ended.stdout.decode().startswith(f"{tmp_path}\n")
    assert "HOME" not in ended.stdout.decode().split()
    assert ended.stderr == b"err\n"
    assert (ended.signal, ended.timed_out, ended.flooded, ended.left_behind) == (None, False, False, ())


def test_signal_is_no_exit_code(tmp_path):
    """A program that dies of a signal has that signal, and no exit code."""
    ended = run(tmp_path, "kill -9 $$")
    assert (ended.exit_code, ended.signal) == (None, 9)


@pytest.mark.parametrize("script", ["sleep 88", "trap '' TERM; sleep 88 & wait; while :; do sleep 1; done"])
def test_limit_ends_program_and_children(tmp_path, script):
    """At its time limit a program and all that it started are gone, whether or not it heeds SIGTERM."""
    ended = run(tmp_path, script, timeout_s=0.5)
    assert ended.timed_out
    assert ended.ignored_sigterm == ("trap" in script)
    assert (ended.exit_code, ended.signal, ended.left_behind) == (None, None, ())
    assert not [one for one in psutil.Process().children(recursive=True) if "88" in one.cmdline()]


@pytest.mark.parametrize("script", ["sleep 89 &", "setsid sleep 89 &", "(setsid sleep 89 >/dev/null 2>&1 &) ; exit 0"])
def test_what_is_left_behind_is_named_and_ended(tmp_path, script):
    """A child that outlives the program is named, and killed, also in a session of its own with its streams closed."""
    ended = run(tmp_path, script)
    assert ended.left_behind == ("sleep 89",)
    assert ended.exit_code == 0
    assert not [one for one in psutil.Process().children(recursive=True) if "89" in one.cmdline()]


def test_flood_is_cut_at_its_limit(tmp_path):
    """More output than the limit ends the program; what is kept is within the limit."""
    ended = run(tmp_path, "while :; do echo xxxxxxxxxxxxxxxxxxxxxxxx; done", limit=10_000)
    assert ended.flooded
    assert not ended.timed_out
    assert len(ended.stdout) + len(ended.stderr) <= 10_000


def test_closed_streams_do_not_end_the_watch(tmp_path):
    """A program that closes its streams and goes on is waited for."""
    assert run(tmp_path, "exec >&- 2>&-; sleep 0.3; exit 4").exit_code == 4


def test_program_that_is_not_there(tmp_path):
    """What can't be started is an error of ours that says what, for whom, and what to try."""
    with pytest.raises(RunnerError) as caught:
        execute(["no-such-program"], tmp_path, ENVIRONMENT, 1.0, 1000, "go/chat: build")
    assert str(caught.value) == (
        "go/chat: build: no-such-program: can't be started: No such file or directory\n"
        "  try: `conform doctor` shows what is on this machine"
    )


def test_processes_of_a_folder_are_found_by_tmpdir(tmp_path):
    """Of a dead session, exactly the programs that worked in its folder are ended."""
    mine, other = (
        subprocess.Popen(["sleep", "90"], env={**ENVIRONMENT, "TMPDIR": str(tmp_path / name / "runs" / "tmp")})
        for name in ("mine", "mine-not")
    )
    try:
        end_processes_of(tmp_path / "mine")
        assert not psutil.pid_exists(mine.pid)
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()
        mine.wait()
