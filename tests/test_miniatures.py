"""The checks, on real runs: each miniature is found wrong in its one way, and changes no other cell."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

HERE = Path(__file__).parent
REPOSITORY = HERE.parent
MINIATURES = HERE / "miniatures"
BROKEN = yaml.safe_load((MINIATURES / "broken.yaml").read_text())
RIGHT = ("api_key", "entra_id")
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


def write_language(root: Path, name: str, scenario: str, text: str) -> None:
    folder = root / "samples" / name
    folder.mkdir(parents=True)
    (folder / "language.yaml").write_text(LANGUAGE.format(name=name, python=sys.executable))
    (folder / f"{scenario}.py").write_text(text)


def edited(name: str) -> str:
    entry = BROKEN[name]
    text = (MINIATURES / f"{entry['of']}.py").read_text()
    assert text.count(entry["replace"]) == 1, f"{name}: the text to replace stands there {text.count(entry['replace'])} times"
    return text.replace(entry["replace"], entry["with"])


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict]:
    """Every miniature's cell, out of one invocation with four workers."""
    root = tmp_path_factory.mktemp("miniatures")
    for scenario in SCENARIOS.values():
        folder = Path("fixtures", "scenarios", scenario)
        shutil.copytree(REPOSITORY / folder, root / folder)
    for name in RIGHT:
        write_language(root, name, SCENARIOS[name], (MINIATURES / f"{name}.py").read_text())
    for name, entry in BROKEN.items():
        write_language(root, name, SCENARIOS[entry["of"]], edited(name))
    done = subprocess.run(
        [sys.executable, "-m", "harness.cli", "run", "--root", root, "-n", "4"], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 1, done.stdout + done.stderr
    results = json.loads((root / ".conform" / "results.json").read_text())
    assert list((root / ".conform" / "sessions").iterdir()) == []
    return {cell["language"]: cell for cell in results["cells"] if cell["state"] != "missing"}


@pytest.mark.parametrize("name", RIGHT)
def test_right_miniature_passes(cells, name):
    """A right sample passes, whatever runs beside it."""
    assert (cells[name]["state"], cells[name]["findings"]) == ("passed", [])


@pytest.mark.parametrize("name", BROKEN)
def test_broken_miniature_is_found(cells, name):
    """The headline, its place and its words name what is wrong; what follows from it folds under it; nothing else is said."""
    expected, cell = BROKEN[name], cells[name]
    assert cell["state"] == "failed", cell
    first = cell["findings"][0]
    assert (first["check"], first["at"], first["line"]) == (expected["check"], expected["at"], expected.get("line"))
    assert first["file"] == f"samples/{name}/{SCENARIOS[expected['of']]}.py"
    said = "\n".join(first[key] for key in ("expected", "got", "remedy"))
    assert [words for words in expected["says"] if words not in said] == [], said
    causes = [one["check"] for one in cell["findings"] if one["because_of"] is None]
    assert list(dict.fromkeys(causes)) == [expected["check"], *expected.get("also", [])]
    follows = [one["check"] for one in cell["findings"] if one["because_of"] is not None]
    assert list(dict.fromkeys(follows)) == expected["follows"]


def test_nothing_that_a_miniature_started_is_alive(cells):
    """What hung, ignored SIGTERM, or was left behind is gone when the command has ended."""
    alive = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout.splitlines()
    assert [line for line in alive if line.startswith(("sleep 600", "sleep 601"))] == []
