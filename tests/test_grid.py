"""The real grid: this repository's samples with the machine's own toolchains."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from roots import REPOSITORY, conform, started, states

from harness.catalogue import catalogue
from harness.errors import ToolchainMissing
from harness.runners.toolchains import found_for

pytestmark = pytest.mark.toolchains

CATALOGUE = catalogue(REPOSITORY)


def here(language) -> bool:
    try:
        found_for(language, dict(os.environ))
    except ToolchainMissing:
        return False
    return True


AVAILABLE = [language.name for language in CATALOGUE.languages if here(language)]
EXPECTED = {sample.id: "passed" if sample.language.name in AVAILABLE else "unavailable" for sample in CATALOGUE.samples}


@pytest.fixture(scope="module")
def grids(tmp_path_factory: pytest.TempPathFactory) -> dict[int, dict]:
    """The results of the whole grid, with 0 and with 4 workers."""
    folder = tmp_path_factory.mktemp("grids")
    grids = {}
    for workers in (0, 4):
        files = ("--json", folder / f"{workers}.json", "--junit", folder / f"{workers}.xml")
        done = conform("run", "--root", REPOSITORY, "-n", workers, *files, timeout_s=900)
        assert done.returncode == 0, done.stdout + done.stderr
        grids[workers] = json.loads((folder / f"{workers}.json").read_text())
        cases = ElementTree.parse(folder / f"{workers}.xml").getroot().iter("testcase")
        assert {f"{case.get('classname')}/{case.get('name')}" for case in cases} == set(EXPECTED)
    return grids


def test_every_sample_passes(grids):
    """Each sample whose toolchain is here passes; each other is unavailable; none is left out."""
    assert states(grids[0]) == EXPECTED


def test_workers_change_nothing(grids):
    """With 4 workers: the same cells with the same states and findings, one gateway, one set-up a language."""
    for results in grids.values():
        assert results["gateways"] == 1
        set_ups = [build["id"] for build in results["builds"] if build["kind"] == "set-up"]
        assert sorted(set_ups) == AVAILABLE
        samples = [build["id"] for build in results["builds"] if build["kind"] == "sample"]
        assert sorted(samples) == sorted(one for one, state in EXPECTED.items() if state == "passed")
    sequential, parallel = (
        [(cell["id"], cell["state"], cell["findings"]) for cell in grids[n]["cells"]] for n in (0, 4)
    )
    assert sequential == parallel


def test_second_run_builds_nothing(grids):
    """What did not change is not set up or built again."""
    assert {build["state"] for build in grids[4]["builds"]} == {"cached"}


# One edit to a real sample: what is there, what is there instead, the finding, its place, whether it names the line.
EDITS = {
    "wrong model": ("gpt-4.1-nano", "gpt-4o", "sends_the_documented_request", "body.model", True),
    "wrong host": ("YOUR-RESOURCE-NAME", "YOUR-RESOURCE_NAME", "reaches_only_documented_hosts", "host", True),
    "wrong path": ("/openai/v1/", "/openai/v2/", "sends_the_documented_request", "path", True),
    "other variable": ("AZURE_OPENAI_API_KEY", "AZURE_API_KEY", None, None, False),
    "other question": ("How do you say", "How do you spell", "sends_the_documented_request", None, False),
}


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict]:
    """Real samples with one edit each, all languages in one invocation an edit: 'LANGUAGE, EDIT' → cell."""
    root = tmp_path_factory.mktemp("broken")
    others = [one.name for one in CATALOGUE.scenarios if one.name != "responses_api_key"]
    unwanted = shutil.ignore_patterns(*(f"{name}.*" for name in others))
    shutil.copytree(REPOSITORY / "samples", root / "samples", ignore=unwanted)
    shutil.copytree(
        REPOSITORY / "fixtures" / "scenarios" / "responses_api_key", root / "fixtures/scenarios/responses_api_key"
    )
    cells = {}
    for edit, (old, new, *_) in EDITS.items():
        for sample in CATALOGUE.samples:
            if sample.scenario.name == "responses_api_key":
                text = sample.path.read_text()
                assert old in text
                (root / sample.path.relative_to(REPOSITORY)).write_text(text.replace(old, new))
        assert conform("run", "--root", root, "-n", "2", timeout_s=600).returncode == 1
        for cell in json.loads((root / ".conform" / "results.json").read_text())["cells"]:
            cells[f"{cell['language']}, {edit}"] = cell
    return cells


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("language", AVAILABLE)
def test_broken_sample_of_each_language_is_found(broken, language, edit):
    """The same mistake is the same finding in every language, at the line on which it was made."""
    old, new, check, at, names_line = EDITS[edit]
    cell = broken[f"{language}, {edit}"]
    assert cell["state"] == "failed"
    first = cell["findings"][0]
    assert check is None or first["check"] == check, cell["findings"]
    assert at is None or first["at"] == at
    if names_line:
        line = (REPOSITORY / cell["file"]).read_text().replace(old, new).splitlines()[first["line"] - 1]
        assert new in line
    assert all(
        finding["because_of"] == first["check"] for finding in cell["findings"] if finding["check"] != first["check"]
    )


# ---------------------------------------------------------------- plain pytest


def plain_pytest(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY, timeout=300, check=False)


def test_plain_pytest_runs_the_grid(tmp_path):
    """`pytest samples` with -k selects by ordinary ids, and passes; another suite never notices the plugin."""
    options = ("--conform-json", tmp_path / "r.json", "--conform-junit", tmp_path / "r.xml")
    done = plain_pytest("samples", "-k", "curl/chat_api_key or curl/responses_api_key", "-v", *options)
    assert done.returncode == 0, done.stdout
    assert "::curl/chat_api_key PASSED" in done.stdout
    assert "2 passed" in done.stdout
    assert len(json.loads((tmp_path / "r.json").read_text())["cells"]) == 2
    collected = plain_pytest("samples", "--collect-only", "-q", *options)
    assert all(f"::{sample.id}\n" in collected.stdout for sample in CATALOGUE.samples)


@pytest.mark.parametrize("runner", ["conform", "pytest"])
def test_last_failed_and_exit_first(tmp_path, runner):
    """-x stops at the first failure, --lf runs what failed last, in both forms."""
    for name in ("samples/curl", "fixtures"):
        shutil.copytree(REPOSITORY / name, tmp_path / name)
    for scenario in ("chat_api_key", "responses_api_key"):
        path = tmp_path / "samples" / "curl" / f"{scenario}.sh"
        path.write_text(path.read_text().replace("api-key: $", "api-key: x$"))

    def run(*options: str) -> dict[str, str]:
        if runner == "conform":
            conform("run", "--root", tmp_path, *options)
        else:
            plain_pytest("--rootdir", tmp_path, "-c", "/dev/null", tmp_path / "samples", *options)
        return states(json.loads((tmp_path / ".conform" / "results.json").read_text()))

    assert run("-x") == {"curl/chat_api_key": "failed"}
    assert sorted(run().values()) == ["failed"] * 2 + ["passed"] * 5
    assert run("--lf") == {"curl/chat_api_key": "failed", "curl/responses_api_key": "failed"}


# ---------------------------------------------------------------- commands


def test_kept_run_can_be_repeated_by_hand(tmp_path):
    """--keep leaves the folder, and the command that it prints repeats the run."""
    for name in ("samples/curl", "fixtures"):
        shutil.copytree(REPOSITORY / name, tmp_path / name)
    done = conform("run", "curl/chat_entra_id", "--root", tmp_path, "--keep")
    command = next(line for line in done.stdout.splitlines() if line.startswith("  cd ")).strip()
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    again = subprocess.run(["bash", "-c", command], capture_output=True, text=True, env=environment, check=False)
    assert again.returncode == 0, again.stderr
    assert '"object":"chat.completion"' in again.stdout.replace(" ", "")
    assert "→ 200" in again.stdout
    assert list((tmp_path / ".conform" / "sessions").iterdir()) == []


def test_serve_says_how_to_reach_it_and_answers(tmp_path):
    """`conform serve` prints base URL, key and CA, and a curl command that works as printed; Ctrl-C ends it."""
    for name in ("samples/curl", "fixtures"):
        shutil.copytree(REPOSITORY / name, tmp_path / name)
    log = tmp_path / "log"
    with started("serve", "--root", tmp_path, "--key", "my-key", log=log) as process:
        while "What arrives:" not in log.read_text():
            assert process.poll() is None, log.read_text()
        text = log.read_text()
        start = text.index("  curl http")
        command = text[start : text.index("\n\n", start)].replace("\\\n", " ")
        plain = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
        assert json.loads(plain.stdout)["object"] == "chat.completion"
        exports = "\n".join(line.strip() for line in text.splitlines() if line.startswith("  export "))
        script = REPOSITORY / "samples" / "curl" / "responses_entra_id.sh"
        sample = subprocess.run(["bash", "-c", f"{exports}\n. {script}"], capture_output=True, text=True, check=True)
        assert json.loads(sample.stdout)["object"] == "response"
        process.send_signal(2)
        assert process.wait(20) == 0
    assert list((tmp_path / ".conform" / "sessions").iterdir()) == []


def test_doctor_and_list():
    """`conform doctor` names each toolchain; `conform list` shows every sample, as text and as JSON."""
    doctor = conform("doctor", "--root", REPOSITORY)
    assert doctor.returncode == (0 if len(AVAILABLE) == len(CATALOGUE.languages) else 2), doctor.stdout
    for language in CATALOGUE.languages:
        assert f"(for {language.title})" in doctor.stdout
    listed = json.loads(conform("list", "--root", REPOSITORY, "--format", "json").stdout)
    assert [one["id"] for one in listed] == [sample.id for sample in CATALOGUE.samples]
    assert conform("list", "--root", REPOSITORY, "curl").stdout.count("\ncurl/") == 6
