"""What ARCHITECTURE.md says of harness/, held by looking at its source."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import yaml

REPOSITORY = Path(__file__).parent.parent
HARNESS = REPOSITORY / "harness"
MODULES = sorted(HARNESS.rglob("*.py"))

#: A module imports only from layers above its own; a package is one layer, free inside itself.
LAYERS = (
    "errors",
    "model",
    "settings",
    "datafiles",
    "wire",
    "contract",
    "redaction",
    "catalogue",
    "known_failing",
    "checks",
    "cells",
    "gateway",
    "runners",
    "session",
    "doctor",
    "serving",
    "reports",
    "plugin",
    "cli",
)
RANK = {layer: rank for rank, layer in enumerate(LAYERS)}

#: Who may look at the environment: the edges, where an invocation begins.
READS_ENVIRONMENT = {"cli", "plugin"}


def name_of(path: Path) -> str:
    return str(path.relative_to(HARNESS))


def layer_of(path: Path) -> str:
    return path.relative_to(HARNESS).parts[0].removesuffix(".py")


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imported_by(path: Path) -> Iterator[str]:
    """Every layer of harness that a module imports from, wherever the import stands."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            names = [f"{node.module}.{one.name}" for one in node.names] if node.module == "harness" else [node.module]
        elif isinstance(node, ast.Import):
            names = [one.name for one in node.names]
        else:
            continue
        for name in names:
            package, _, rest = (name or "").partition(".")
            if package == "harness":
                yield rest.partition(".")[0]


def docstrings(tree: ast.Module) -> set[int]:
    """The ids of the nodes that are docstrings."""
    holders = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    return {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, holders) and node.body and isinstance(node.body[0], ast.Expr)
    }


def public(tree: ast.Module) -> Iterator[ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every public class and function of a module, and the public methods of its public classes."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from (
                    one
                    for one in node.body
                    if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef) and not one.name.startswith("_")
                )


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_go_one_way(path):
    """A harness module imports only from modules that stand above it in ARCHITECTURE.md's list."""
    own = layer_of(path)
    if own == "__init__":
        assert list(imported_by(path)) == []
        return
    assert own in RANK, f"{own} is in no layer: give it its place in LAYERS, and in ARCHITECTURE.md"
    assert {layer for layer in imported_by(path) if RANK[layer] > RANK[own]} == set()


def test_every_layer_is_there():
    """The list of layers names what there is."""
    assert set(RANK) == {layer_of(path) for path in MODULES} - {"__init__"}


def language_names() -> set[str]:
    """Names and titles of the languages of samples/."""
    files = REPOSITORY.glob("samples/*/language.yaml")
    return {name for file in files for name in (file.parent.name, yaml.safe_load(file.read_text())["title"])}


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_engine_knows_no_language(path):
    """No text in harness/ is a language's name: a seventh language is one folder."""
    tree = tree_of(path)
    not_meant = docstrings(tree)
    known = {name.lower() for name in language_names()}
    assert known
    found = {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in not_meant
    }
    assert {text for text in found if text.lower() in known} == set()


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_environment_is_read_at_the_edges(path):
    """Only where an invocation begins is the environment read; everything below is told what it must know."""
    reads = {
        ast.unparse(node)
        for node in ast.walk(tree_of(path))
        if (isinstance(node, ast.Attribute) and ast.unparse(node) in ("os.environ", "os.environb", "os.getenv"))
        or (isinstance(node, ast.ImportFrom) and node.module == "os" and {"environ", "getenv"} & _names(node))
        or (isinstance(node, ast.Attribute) and ast.unparse(node) in ("os.path.expandvars", "os.path.expanduser"))
    }
    assert reads == set() or layer_of(path) in READS_ENVIRONMENT, reads


def _names(node: ast.ImportFrom) -> set[str]:
    return {one.name for one in node.names}


def documented_elsewhere(tree: ast.Module) -> set[str]:
    """What pytest calls by its own names, and what implements a Protocol, which says it for all."""
    protocols = [
        node
        for path in MODULES
        for node in tree_of(path).body
        if isinstance(node, ast.ClassDef) and "Protocol" in map(ast.unparse, node.bases)
    ]
    methods = {one.name for node in protocols for one in node.body if isinstance(one, ast.FunctionDef)}
    of_pytest = {"collect", "setup", "runtest", "reportinfo", "repr_failure"}
    return {node.name for node in public(tree) if node.name.startswith("pytest_")} | methods | of_pytest


def is_a_record(node: ast.AST) -> bool:
    """Whether a class has fields alone, which say what it is, or is a Protocol, which its module's text is about."""
    if not isinstance(node, ast.ClassDef):
        return False
    methods = [one for one in node.body if isinstance(one, ast.FunctionDef) and not one.decorator_list]
    return not methods or "Protocol" in map(ast.unparse, node.bases)


@pytest.mark.parametrize("path", [path for path in MODULES if layer_of(path) != "gateway"], ids=name_of)
def test_what_is_public_is_documented(path):
    """Every module, public class and public function has a docstring; what a function's says first is a sentence."""
    tree = tree_of(path)
    assert ast.get_docstring(tree)
    elsewhere = documented_elsewhere(tree)
    for node in public(tree):
        text = ast.get_docstring(node)
        if text is None:
            assert is_a_record(node) or node.name in elsewhere or _is_property(node), f"{node.name} has no docstring"
            continue
        first = " ".join(text.partition("\n\n")[0].split())
        assert re.fullmatch(r"[A-Z`].*[.:;]|pytest.*|xdist: .*", first), f"{node.name}: {first}"


def _is_property(node: ast.AST) -> bool:
    """Whether it is a value by its name, such as an id."""
    return isinstance(node, ast.FunctionDef) and "property" in map(ast.unparse, node.decorator_list)


def test_no_module_has_a_name_that_says_nothing():
    """No module is a drawer."""
    drawers = {"utils", "helpers", "common", "misc", "base", "manager"}
    assert {path.stem for path in MODULES} & drawers == set()


def test_functions_stay_small():
    """No function is longer than a screen and a half."""
    functions = (
        (name_of(path), node)
        for path in MODULES
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    assert {f"{name}: {node.name}" for name, node in functions if node.end_lineno - node.lineno > 80} == set()
