"""The exceptions: the tree in the docstring is the tree of the module."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from harness import errors

CLASSES = {name: one for name, one in inspect.getmembers(errors, inspect.isclass) if issubclass(one, BaseException)}


def drawn() -> dict[str, str | None]:
    """Class → the one under which the docstring draws it."""
    parents: dict[str, str | None] = {}
    above: list[tuple[int, str]] = []
    for line in (errors.__doc__ or "").splitlines():
        found = re.match(r"([\s│├└─]*)([A-Z]\w+)(\s{2,}|$)", line)
        if not found or not (found[1].strip() or found[2] == "Exception"):
            continue
        depth = len(found[1])
        above = [one for one in above if one[0] < depth]
        parents[found[2]] = above[-1][1] if above else None
        above.append((depth, found[2]))
    return parents


def test_tree_is_complete():
    """Every exception of the module is in the tree, and nothing else but what they are made from."""
    assert set(drawn()) == set(CLASSES) | {"Exception", "AssertionError"}


@pytest.mark.parametrize("name", CLASSES)
def test_tree_is_true(name):
    """Each exception inherits from the one under which it is drawn, and from no other."""
    assert [base.__name__ for base in CLASSES[name].__bases__] == [drawn()[name]]


@pytest.mark.parametrize("name", CLASSES)
def test_exceptions_are_told(name):
    """Each says in its first line when it is raised."""
    assert re.match(r"[A-Z].*[.;]", CLASSES[name].__doc__ or "")


EVERY = (
    errors.CatalogueError(Path("a.yaml"), 3, "wrong", "this", "that", "so"),
    errors.CatalogueErrors((errors.CatalogueError(Path("a.yaml"), None, "gone"),)),
    errors.UsageError("wrong", "this", "that", "so"),
    errors.SetUpError("go", "go mod download", "exit code 1", "one\ntwo", "so"),
    errors.GatewayError("gone", "one\ntwo", "so"),
    errors.RunnerError("go/chat", "no such program", "so"),
    errors.StorageError(Path("a"), "full", "so"),
    errors.ToolchainMissing("Go", "Go 1.26 or later", "not on PATH", "https://go.dev/dl/"),
)

MESSAGES = (
    "a.yaml:3: wrong\n  expected: this\n  got: that\n  try: so",
    "a.yaml: gone",
    "wrong\n  expected: this\n  got: that\n  try: so",
    "go: set-up: go mod download: exit code 1\n  | one\n  | two\n  try: so",
    "gateway: gone\n  | one\n  | two\n  try: so",
    "go/chat: no such program\n  try: so",
    "a: full\n  try: so",
    "Go needs Go 1.26 or later, found not on PATH; get it: https://go.dev/dl/",
)


@pytest.mark.parametrize(("error", "message"), list(zip(EVERY, MESSAGES, strict=True)))
def test_messages(error, message):
    """A message says where, what was expected, what was there, the last words of a program, and what to try."""
    assert str(error) == message


@pytest.mark.parametrize("error", EVERY)
def test_exceptions_can_be_raised_anywhere(error):
    """An exception can be hashed, and raised through a context manager."""
    assert {error}
    with pytest.raises(type(error)) as caught:
        raise error from ValueError("why")
    assert caught.value.__cause__ is not None


def test_a_sample_that_fails_is_no_fault_of_the_harness():
    """The two kinds of bad news share no class but Exception."""
    assert not issubclass(errors.SampleFailed, errors.HarnessError)
    assert not issubclass(errors.ToolchainMissing, errors.HarnessError)
    assert issubclass(errors.SampleFailed, AssertionError)
