"""Programs that are there already: used if they fit, and looked at again when they change."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.toolchain.tiny import tiny
from toolchain import store
from toolchain.acquire.on_path import fits, fitting, version_in
from toolchain.install import install
from toolchain.pins import TOOLS
from toolchain.tools import Fit, PathCheck

pytestmark = pytest.mark.usefixtures("cache")

CHECK = PathCheck(arguments=("version",), fit=Fit.SAME_MAJOR)


def put_on_path(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder.mkdir(exist_ok=True)
    program = folder / "tiny"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return program


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ("v3.259.0\n", (3, 259, 0)),
        ("v3.22.0+g1234567", (3, 22, 0)),
        ("Client Version: v1.36.3\nKustomize Version: v5.8.1", (1, 36, 3)),
        ("etcd Version: 3.6.8\nGit SHA: Not provided", (3, 6, 8)),
        ("Kubernetes v1.36.3", (1, 36, 3)),
        ("{5.8.1  2026-01-01T00:00:00Z}", (5, 8, 1)),
        ("kwok version v0.8.0 go1.26.8 (linux/amd64)", (0, 8, 0)),
        ("(devel)", None),
    ],
)
def test_version_in_what_a_program_says(said: str, version: tuple[int, int, int] | None) -> None:
    """The version is found in the words of each of the tools."""
    assert version_in(said) == version


@pytest.mark.parametrize(
    ("offered", "fit", "answer"),
    [
        ((1, 4, 2), Fit.SAME_MAJOR, True),
        ((1, 4, 0), Fit.SAME_MAJOR, True),
        ((1, 9, 0), Fit.SAME_MAJOR, True),
        ((1, 3, 9), Fit.SAME_MAJOR, False),
        ((2, 4, 2), Fit.SAME_MAJOR, False),
        ((1, 4, 0), Fit.SAME_MINOR, True),
        ((1, 5, 0), Fit.SAME_MINOR, False),
    ],
)
def test_which_versions_fit(offered: tuple[int, int, int], fit: Fit, answer: bool) -> None:  # noqa: FBT001  # a table's column
    """An engine or client may be newer within its major version, the control plane may not."""
    assert fits(offered, (1, 4, 2), fit) is answer


def test_fitting_program_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program on PATH that fits is linked to, and asked its version only once."""
    asked = tmp_path / "asked"
    script = f"echo once >> {asked}; echo v1.5.0"
    program = put_on_path(tmp_path / "bin", script, monkeypatch)
    tool = tiny(None, path_check=CHECK)
    for _ in range(2):
        assert install([tool], progress=None, checkout=None) == ()
    assert (store.links_directory([tool]) / "tiny").resolve() == program
    assert asked.read_text() == "once\n"


@pytest.mark.parametrize("script", ["echo v1.3.0", "echo v2.4.2", "echo hello", "exit 3"])
def test_unfitting_program_is_not_used(
    module: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    """An older, too new, silent or failing program on PATH is passed over for a build."""
    put_on_path(tmp_path / "bin", script, monkeypatch)
    tool = tiny(module, path_check=CHECK)
    assert install([tool], progress=None, checkout=None) == ()
    found = (store.links_directory([tool]) / "tiny").resolve()
    assert found == store.content_directory(tool) / "tiny"


def test_changed_program_is_looked_at_again(
    module: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Downgrading the program on PATH makes another set of links: the former is not trusted."""
    program = put_on_path(tmp_path / "bin", "echo v1.4.9", monkeypatch)
    tool = tiny(module, path_check=CHECK)
    install([tool], progress=None, checkout=None)
    former = store.links_directory([tool])
    program.write_text("#!/bin/sh\necho v1.0.0 is older\n")
    assert store.links_directory([tool]) != former
    assert install([tool], progress=None, checkout=None) == ()
    assert (store.links_directory([tool]) / "tiny").resolve() != program


def test_program_is_judged_by_its_neighbour(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program without a version of its own fits if the one it was released with does."""
    program = put_on_path(tmp_path / "bin", "exit 3", monkeypatch)
    neighbour = program.with_name("engine")
    check = PathCheck(
        arguments=("version",), fit=Fit.SAME_MAJOR, beside="engine", version="3.259.0"
    )
    tool = tiny(None, path_check=check)
    assert fitting(tool) is None
    neighbour.write_text("#!/bin/sh\necho v3.259.1\n")
    neighbour.chmod(0o755)
    assert fitting(tool) == program
    neighbour.write_text("#!/bin/sh\necho v3.100.0\n")
    assert fitting(tool) is None


def test_our_own_links_are_not_the_users_program(
    module: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the toolchain's links on PATH the set of tools stays the same."""
    tool = tiny(module, path_check=CHECK)
    install([tool], progress=None, checkout=None)
    links = store.links_directory([tool])
    monkeypatch.setenv("PATH", f"{links}{os.pathsep}{os.environ['PATH']}")
    assert store.links_directory([tool]) == links


def test_links_to_removed_tools_are_made_again(module: Path) -> None:
    """Links whose tool was removed from the cache do not count as installed."""
    tool = tiny(module)
    install([tool], progress=None, checkout=None)
    (store.content_directory(tool) / "tiny").unlink()
    store.content_directory(tool).rmdir()
    assert not store.is_complete(store.links_directory([tool]))
    assert install([tool], progress=None, checkout=None) == ()
    assert store.is_complete(store.links_directory([tool]))


def test_every_name_is_linked_once() -> None:
    """No two tools of the table claim the same name on PATH."""
    names = [name for tool in TOOLS for name in tool.links]
    assert len(names) == len(set(names))
