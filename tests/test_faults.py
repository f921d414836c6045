"""What goes wrong around the samples: each fault told for what it is, exit 2, and nothing left behind."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from roots import HANGING, add_language, conform, processes_of, started, states, text_of, until


def results_of(root: Path) -> dict:
    return json.loads((root / ".conform" / "results.json").read_text())


def sessions_of(root: Path) -> list[Path]:
    return list((root / ".conform" / "sessions").iterdir())


def hanging_sample(root: Path) -> list[psutil.Process]:
    """Running programs of the languages whose names begin with "hangs"."""
    return [one for one in processes_of(root) if "/runs/hangs" in one.environ().get("TMPDIR", "")]


# ---------------------------------------------------------------- interrupted, killed


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_run_leaves_nothing(tmp_path, workers, number):
    """Ctrl-C (to the whole process group, as a terminal sends it) or SIGTERM (to the command, as CI does) ends all."""
    add_language(tmp_path, "hangs", HANGING, run_timeout_s="60")
    add_language(tmp_path, "hangs_too", HANGING, run_timeout_s="60")
    log = tmp_path / "log"
    with started("run", "--root", tmp_path, "-n", workers, log=log) as process:
        until(lambda: len(hanging_sample(tmp_path)) >= (2 if workers else 1))
        if number is signal.SIGINT:
            os.killpg(process.pid, number)
        else:
            process.send_signal(number)
        assert process.wait(30) == 2, log.read_text()
    assert "interrupted" in log.read_text()
    until(lambda: processes_of(tmp_path) == [], 5)
    assert sessions_of(tmp_path) == []


@pytest.mark.parametrize("workers", [0, 2])
def test_killed_run_is_swept_by_the_next(tmp_path, workers):
    """After `kill -9` of the harness, the next start ends what it left: samples, gateway, workers, folders."""
    add_language(tmp_path, "hangs", HANGING, run_timeout_s="60")
    add_language(tmp_path, "right")
    with started("run", "hangs", "--root", tmp_path, "-n", workers, log=tmp_path / "log") as process:
        until(lambda: hanging_sample(tmp_path))
        process.kill()
        process.wait()
    done = conform("run", "right", "--root", tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    until(lambda: processes_of(tmp_path) == [], 20)
    assert sessions_of(tmp_path) == []


def test_live_session_is_not_swept(tmp_path):
    """A second command in the same folder does not touch what the first one runs."""
    add_language(tmp_path, "hangs", HANGING, run_timeout_s="60")
    add_language(tmp_path, "right")
    with started("run", "hangs", "--root", tmp_path, log=tmp_path / "log") as process:
        until(lambda: hanging_sample(tmp_path))
        mine = {one.pid for one in processes_of(tmp_path)}
        assert conform("run", "right", "--root", tmp_path).returncode == 0
        assert mine <= {one.pid for one in processes_of(tmp_path)}
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(30) == 2
    until(lambda: processes_of(tmp_path) == [], 5)


def test_two_runs_at_once_from_cold(tmp_path):
    """Two commands at once in one folder, nothing set up yet: both green, the set-up made once, no mixing."""
    setup = "setup: [[sh, -c, 'sleep 1; echo x >> made']]\n"
    for name in ("one", "two"):
        add_language(tmp_path, name, more=setup)
    add_language(tmp_path, "broken", text_of("wrong_model"), more=setup)
    logs = [tmp_path / "log1", tmp_path / "log2"]
    options = [("--json", tmp_path / f"{number}.json", "--junit", tmp_path / f"{number}.xml") for number in (1, 2)]
    with (
        started("run", "--root", tmp_path, "-n", 2, *options[0], log=logs[0]) as first,
        started("run", "--root", tmp_path, "-n", 2, *options[1], log=logs[1]) as second,
    ):
        assert (first.wait(60), second.wait(60)) == (1, 1), [log.read_text() for log in logs]
    expected = {f"{name}/responses_api_key": "passed" for name in ("one", "two")} | {
        "broken/responses_api_key": "failed"
    }
    for number in (1, 2):
        results = json.loads((tmp_path / f"{number}.json").read_text())
        assert states(results) == expected
    made = list((tmp_path / ".conform" / "workspaces").glob("*/set-up/made"))
    assert [path.read_text() for path in made] == ["x\n"] * 3
    assert sessions_of(tmp_path) == []


# ---------------------------------------------------------------- the gateway, the workers


def test_dead_gateway_is_told_and_never_excused(tmp_path):
    """The gateway dies: exit 2, every cell after it an error, also one that known-failing.txt excuses."""
    add_language(tmp_path, "hangs", HANGING, run_timeout_s="3")
    add_language(tmp_path, "next")
    excuse = "*/responses_api_key ends_in_time, sends_at_least_one_request, prints_the_answer, exits_cleanly  # told\n"
    (tmp_path / "fixtures" / "known-failing.txt").write_text(excuse)
    log = tmp_path / "log"
    with started("run", "--root", tmp_path, log=log) as process:
        until(lambda: hanging_sample(tmp_path))
        gateway = [one for one in psutil.Process(process.pid).children() if "harness.gateway" in one.cmdline()]
        assert len(gateway) == 1
        gateway[0].kill()
        assert process.wait(30) == 2
    assert states(results_of(tmp_path)) == {"hangs/responses_api_key": "error", "next/responses_api_key": "error"}
    reasons = [cell["reason"] for cell in results_of(tmp_path)["cells"]]
    assert all(reason.startswith("gateway: ") and "  try: " in reason for reason in reasons), reasons
    assert "2 error in" in log.read_text()
    assert sessions_of(tmp_path) == []


def test_dead_worker_is_an_error_of_its_cell(tmp_path):
    """A worker process that dies makes its cell an error and exit 2; the other cells are run."""
    add_language(tmp_path, "hangs", HANGING, run_timeout_s="60")
    add_language(tmp_path, "right")
    log = tmp_path / "log"
    with started("run", "--root", tmp_path, "-n", 2, log=log) as process:
        until(lambda: hanging_sample(tmp_path))
        psutil.Process(hanging_sample(tmp_path)[0].ppid()).kill()
        assert process.wait(60) == 2, log.read_text()
    assert states(results_of(tmp_path)) == {"hangs/responses_api_key": "error", "right/responses_api_key": "passed"}
    until(lambda: processes_of(tmp_path) == [], 5)
    assert sessions_of(tmp_path) == []


# ---------------------------------------------------------------- data, set-up, disk


def test_wrong_data_files_are_all_told_and_nothing_runs(tmp_path):
    """A wrong language.yaml is exit 2 with file, line, expected, got and what to try, before anything runs."""
    add_language(tmp_path, "right")
    add_language(tmp_path, "wrong", more="run_timeout: 5\n")
    add_language(tmp_path, "wrong_too", run="python here.py")
    done = conform("run", "--root", tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    shown = done.stderr.replace(str(tmp_path), "ROOT")
    assert "ROOT/samples/wrong/language.yaml:10: unknown key 'run_timeout'" in shown
    assert "did you mean 'run_timeout_s'?" in shown
    assert "ROOT/samples/wrong_too/language.yaml:4: run: wrong type" in shown
    assert not (tmp_path / ".conform").exists()


def test_failed_set_up_is_told_once_and_others_run(tmp_path):
    """A set-up that can't fetch (no network) is exit 2 with the command's own words; other languages are run."""
    fetching = f"setup: [['{sys.executable}', -m, pip, download, --no-deps, --retries, '0', six]]\n"
    add_language(tmp_path, "offline", more=fetching)
    add_language(tmp_path, "right")
    done = conform(
        "run", "--root", tmp_path, PIP_INDEX_URL="http://127.0.0.1:9/simple", PIP_NO_INDEX="", PIP_FIND_LINKS=""
    )
    assert done.returncode == 2, done.stdout
    assert states(results_of(tmp_path)) == {"offline/responses_api_key": "error", "right/responses_api_key": "passed"}
    assert done.stdout.count("set-up of offline failed") == 1
    assert "offline: set-up: " in done.stdout
    assert "exit code 1" in done.stdout
    assert "without a network packages can't be fetched" in done.stdout
    assert [(one["id"], one["state"]) for one in results_of(tmp_path)["builds"] if one["kind"] == "set-up"] == [
        ("offline", "failed"),
        ("right", "done"),
    ]


def test_progress_is_shown_while_it_goes_on(tmp_path):
    """Without workers too, a set-up that takes a while is announced before it ends, and its end is told."""
    add_language(tmp_path, "slow", more="setup: [[sleep, '2']]\n")
    log = tmp_path / "log"
    with started("run", "--root", tmp_path, "-n", 0, log=log) as process:
        until(lambda: "set-up slow: still going on" in log.read_text())
        assert "set-up of slow" not in log.read_text()
        assert process.wait(30) == 0
    text = log.read_text()
    assert text.index("still going on") < text.index("set-up of slow done") < text.index("passed         slow/")


def test_interrupted_set_up_is_made_anew(tmp_path):
    """A set-up that was killed half-way is not taken for a whole one."""
    add_language(tmp_path, "slow", more="setup: [[sh, -c, 'echo half > half; test -e ../../../go || sleep 60']]\n")
    with started("run", "--root", tmp_path, log=tmp_path / "log") as process:
        until(lambda: list(tmp_path.glob(".conform/workspaces/slow-*/set-up/half")))
        process.kill()
        process.wait()
    (tmp_path / ".conform" / "go").touch()
    done = conform("run", "--root", tmp_path)
    assert done.returncode == 0, done.stdout
    assert next((one["id"], one["state"]) for one in results_of(tmp_path)["builds"]) == ("slow", "done")
    until(lambda: processes_of(tmp_path) == [], 5)


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 1 MiB, mounted for this test."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", place], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("mounting a small disk needs root")
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)


@pytest.mark.parametrize("free_kib", [0, 12, 30])
def test_full_disk_is_told(small_disk, free_kib):
    """A full disk is exit 2 and says where and what to do, wherever it strikes; never a green or excused cell."""
    add_language(small_disk, "right")
    filler = small_disk / "filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"x" * 4096)
    kept = max(0, filler.stat().st_size - free_kib * 1024)
    os.truncate(filler, kept)
    done = conform("run", "--root", small_disk)
    text = done.stdout + done.stderr
    assert done.returncode == 2, text
    assert "No space left on device" in text, text
    assert "free some space there" in text, text
    assert "Traceback" not in text, text
    filler.unlink()
    assert conform("run", "--root", small_disk).returncode == 0
    assert sessions_of(small_disk) == []


def test_results_that_cannot_be_written_are_exit_2(tmp_path):
    """A green run whose results can't be written is not green."""
    add_language(tmp_path, "right")
    (tmp_path / "file").touch()
    done = conform("run", "--root", tmp_path, "--json", tmp_path / "file" / "results.json")
    assert done.returncode == 2
    assert "could not write the results: " in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


# ---------------------------------------------------------------- what is not there


def test_missing_toolchain_is_unavailable(tmp_path):
    """What this machine lacks is named, counted in the last line, red only with --strict; nothing passed is exit 2."""
    needs = """\
toolchains:
  - {{name: Ocarina, version_command: [{0}, --version], version_pattern: '(\\d+[.]\\d+)', at_least: '{1}', get: 'https://example.com'}}
"""
    add_language(tmp_path, "absent", more=needs.format("no-such-program", "1.0"))
    add_language(tmp_path, "old", more=needs.format(f"'{sys.executable}'", "99.0"))
    add_language(tmp_path, "right")
    done = conform("run", "--root", tmp_path)
    assert done.returncode == 0, done.stdout
    assert done.stdout.splitlines()[-1].startswith("1 passed, 2 unavailable in ")
    assert (
        "absent needs Ocarina 1.0 or later, found no no-such-program on PATH; get it: https://example.com"
        in done.stdout
    )
    assert "old needs Ocarina 99.0 or later, found 3." in done.stdout
    strict = conform("run", "--root", tmp_path, "--strict")
    assert strict.returncode == 2
    alone = conform("run", "absent", "--root", tmp_path)
    assert alone.returncode == 2, alone.stdout


def test_missing_sample_is_red_when_strict(tmp_path):
    """A language without a scenario's sample is shown as missing; with --strict that is a failure."""
    add_language(tmp_path, "right")
    add_language(tmp_path, "other", text_of("entra_id"), "responses_entra_id")
    done = conform("run", "--root", tmp_path)
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1].startswith("2 passed, 2 missing in ")
    assert conform("run", "--root", tmp_path, "--strict").returncode == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("run", "nothing/*"), "no sample matches 'nothing/*'"),
        (("run", "--runner", "docker"), "the docker runner is not there yet"),
        (("run", "-n", "many"), "-n is no number of workers"),
        (("serve", "--sample", "right"), "nothing after --"),
        (("serve", "--", "true"), "a COMMAND needs a sample"),
    ],
)
def test_what_cannot_be_done_is_exit_2_with_a_way_out(tmp_path, arguments, words):
    """A wrong request says what was expected, and what to try."""
    add_language(tmp_path, "right")
    command, *rest = arguments
    done = conform(command, "--root", tmp_path, *rest)
    assert done.returncode == 2
    assert words in done.stderr
    assert "  try: " in done.stderr
    assert "Traceback" not in done.stderr


def test_folder_without_samples_says_so(tmp_path):
    """In a folder that is no catalogue, the message says which folder to name."""
    done = conform("run", "--root", tmp_path)
    assert done.returncode == 2
    assert "name the folder that holds samples/ and fixtures/ with --root DIR" in done.stderr


# ---------------------------------------------------------------- the surroundings


def test_ambient_pytest_options_select_nothing(tmp_path):
    """What the user keeps for their own pytest changes no sample's result, and hides none."""
    add_language(tmp_path, "right")
    add_language(tmp_path, "wrong", text_of("wrong_model"))
    done = conform("run", "--root", tmp_path, PYTEST_ADDOPTS="-k right --nosuch", PYTEST_PLUGINS="nosuch")
    assert done.returncode == 1, done.stdout + done.stderr
    assert states(results_of(tmp_path)) == {"right/responses_api_key": "passed", "wrong/responses_api_key": "failed"}


def test_ambient_credentials_reach_no_run(tmp_path):
    """OPENAI_*, AZURE_* and everything else of the user's environment is not in a run's."""
    show = "import os\nprint(sorted(name for name in os.environ if name.startswith(('OPENAI', 'AZURE', 'MINE'))))\n"
    add_language(tmp_path, "shows", show + text_of("api_key"))
    conform("run", "--root", tmp_path, OPENAI_BASE_URL="x", OPENAI_API_KEY="y", AZURE_CLIENT_ID="z", MINE="1")
    assert results_of(tmp_path)["cells"][0]["printed"].startswith("['AZURE_OPENAI_API_KEY']\n")


def test_linked_samples_are_run(tmp_path):
    """A samples/ that is a link to another place is run as if it stood here."""
    add_language(tmp_path / "there", "right")
    (tmp_path / "here").mkdir()
    for name in ("samples", "fixtures"):
        (tmp_path / "here" / name).symlink_to(tmp_path / "there" / name)
    done = conform("run", "--root", tmp_path / "here")
    assert done.returncode == 0, done.stdout + done.stderr


def test_reader_that_goes_away_stops_nothing(tmp_path):
    """`conform run | head -1`: no traceback, and the results are written."""
    add_language(tmp_path, "right")
    command = f"'{sys.executable}' -m harness.cli run --root '{tmp_path}' | head -1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert states(results_of(tmp_path)) == {"right/responses_api_key": "passed"}


def test_odd_folder_names_work(tmp_path):
    """A folder with spaces and letters beyond ASCII: the run passes, and the command to repeat it can be pasted."""
    root = tmp_path / "my docs ü"
    add_language(root, "right")
    done = conform("run", "--root", root, "--keep")
    assert done.returncode == 0, done.stdout + done.stderr
    command = next(line for line in done.stdout.splitlines() if line.startswith("  cd ")).strip()
    again = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr
    assert "→ 200" in again.stdout
