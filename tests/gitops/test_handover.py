"""What is handed over reaches the run it is meant for, and no other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gitops.application_order import ApplicationOrder
from gitops.deployment import handover
from gitops.deployment.handover import Handover, HandoverError
from gitops.deployment.inventory import Inventory
from gitops.deployment.part import Part
from gitops.objects.manifest import ResourceKey
from gitops.prune import PrunePlan

COMMIT = "0123456789abcdef0123456789abcdef01234567"
KEY = ResourceKey(group="", kind="ConfigMap", namespace="media", name="settings")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A working copy at a commit, without a program of its own."""
    git = tmp_path / "tree" / ".git"
    git.mkdir(parents=True)
    (git / "HEAD").write_text(f"{COMMIT}\n")
    return tmp_path / "tree"


@pytest.fixture
def handed(tree: Path) -> Handover:
    part = Part(
        sets=["apps"],
        applications=(),
        order=ApplicationOrder(),
        inventory=Inventory(urns={KEY: ("urn",)}),
        prune=PrunePlan(),
        namespaces=(),
    )
    program = handover.program_digest(tree)
    return Handover(stack="home", commit=COMMIT, program=program, part=part)


def test_what_is_handed_over(tree: Path, handed: Handover, tmp_path: Path) -> None:
    """It is read as it was written, from a file that is its owner's alone; what a killed run has
    left is gone."""
    first = handover.write(replace(handed, commit=""), tmp_path / "cache")
    file = handover.write(handed, tmp_path / "cache")
    assert not first.exists()
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    assert handover.read(file, stack="home", root=tree) == handed.part


def _break(what: str, file: Path, tree: Path) -> None:
    content = file.read_bytes()
    match what:
        case "commit":
            (tree / ".git" / "HEAD").write_text("f" * 40)
        case "program":
            (tree / "gitops").mkdir()
            (tree / "gitops" / "part.py").write_text("Part = object")
        case "mode":
            file.chmod(0o640)
        case "end":
            file.write_bytes(content[:-1])
        case "format":
            file.write_bytes(content.replace(b"handover 1", b"handover 0", 1))
        case _:
            file.unlink()


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        ("commit", "is for commit 0123"),
        ("program", "was made by another version"),
        ("mode", "can be read or written by others"),
        ("end", "is not whole"),
        ("format", "has another format"),
        ("file", "cannot be read"),
    ],
)
def test_what_is_stale(
    tree: Path, handed: Handover, tmp_path: Path, what: str, reason: str
) -> None:
    """What is not meant for this run is refused; the error names the variable to unset."""
    file = handover.write(handed, tmp_path / "cache")
    _break(what, file, tree)
    with pytest.raises(HandoverError, match=reason) as error:
        handover.read(file, stack="home", root=tree)
    assert "unset HOME_OPS_HANDOVER" in str(error.value)


def test_another_stack(tree: Path, handed: Handover, tmp_path: Path) -> None:
    """What was decided for one stack is not declared in another."""
    file = handover.write(handed, tmp_path / "cache")
    with pytest.raises(HandoverError, match="is for stack home, and this is away"):
        handover.read(file, stack="away", root=tree)
