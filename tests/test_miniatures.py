"""The checks, on real runs: each miniature is found wrong in its one way, and changes no other cell."""

from __future__ import annotations

import json
import subprocess

import pytest
from roots import BROKEN, SCENARIOS, add_language, conform, text_of

RIGHT = tuple(SCENARIOS)


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict]:
    """Every miniature's cell, out of one invocation with four workers."""
    root = tmp_path_factory.mktemp("miniatures")
    for name in (*RIGHT, *BROKEN):
        add_language(root, name, text_of(name), SCENARIOS[BROKEN[name]["of"] if name in BROKEN else name])
    done = conform("run", "--root", root, "-n", "4", timeout_s=300)
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
    """The headline, its place and its words name what is wrong; what follows folds under it; nothing else is said."""
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
