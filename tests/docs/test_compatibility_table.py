"""The table of what ArgoCD documents: nothing is missing, and every test it names exists."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitops.objects.manifest import SKIP, SyncPhase
from gitops.syncing.annotations import ON_APPLICATIONS, ON_OBJECTS, PREFIX, REFUSED, WITHOUT_EFFECT
from gitops.syncing.hook_plan import HookDeletePolicy
from gitops.syncing.options import COMPARE, COMPARE_OPTIONS, OPTIONS

TESTS = Path(__file__).parents[1]
PAGE = TESTS.parent / "docs" / "argocd-compatibility.md"
_REFERENCE = re.compile(r"`([\w/]*test_\w+\.py)?(?:::(test_\w+)(?:\[[^`]*\])?)?`")


def references() -> Iterator[tuple[int, str, str]]:
    """Every test the page names: the line, the file below ``tests`` and the function, empty for a
    whole file. ``::name`` is in the file named before it."""
    file = ""
    for number, line in enumerate(PAGE.read_text().splitlines(), start=1):
        for named, function in _REFERENCE.findall(line):
            if named:
                file = named if (TESTS / named).exists() else f"gitops/{named}"
            if named or function:
                yield number, file, function


def rows() -> Iterator[tuple[int, str]]:
    """The last cell of every row of a table that has a column for tests."""
    tested = False
    for number, line in enumerate(PAGE.read_text().splitlines(), start=1):
        if not line.startswith("|"):
            tested = False
        elif line.endswith("| test |"):
            tested = True
        elif tested and not line.startswith("|---"):
            yield number, line.split(" | ")[-1].rstrip("| ")


@functools.cache
def functions(file: str) -> frozenset[str]:
    """The names of the functions in a file of tests."""
    tree = ast.parse((TESTS / file).read_text())
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


@pytest.mark.parametrize(("line", "file", "function"), list(references()))
def test_every_test_it_names_exists(line: int, file: str, function: str) -> None:
    """A test that was renamed or removed is renamed or removed on the page."""
    assert (TESTS / file).is_file(), f"line {line}"
    assert not function or function in functions(file), f"line {line}"


@pytest.mark.parametrize(("line", "cell"), list(rows()))
def test_every_row_names_a_test(line: int, cell: str) -> None:
    """No row is only a promise; where nothing is done, there is nothing to test."""
    assert "pending" not in cell, f"line {line}"
    assert _REFERENCE.search(cell) or cell == "none", f"line {line}"


@pytest.mark.parametrize(
    "name",
    sorted(
        {
            *OPTIONS,
            *(f"{COMPARE_OPTIONS}: {option.partition('=')[0]}" for option in COMPARE),
            *SyncPhase,
            SKIP,
            *HookDeletePolicy,
            *ON_OBJECTS,
            *ON_APPLICATIONS,
            *REFUSED,
            *WITHOUT_EFFECT,
        }
    ),
)
def test_everything_that_is_read_is_on_it(name: str) -> None:
    """Each option, phase, policy and annotation has a row; some annotations share one."""
    bare = re.escape(name.removeprefix(PREFIX))
    assert re.search(rf"`({re.escape(PREFIX)})?{bare}[`=:]", PAGE.read_text())
