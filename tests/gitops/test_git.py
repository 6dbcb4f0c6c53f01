"""Revisions, read from real repositories."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gitops.errors import DiscoveryError
from gitops.git.working_tree import Revision, revision


def git(root: Path, *arguments: str) -> str:
    """Run git without any configuration of the machine."""
    environment = {
        **os.environ,
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": "a",
        "GIT_AUTHOR_EMAIL": "a@example.com",
        "GIT_COMMITTER_NAME": "a",
        "GIT_COMMITTER_EMAIL": "a@example.com",
    }
    done = subprocess.run(
        ["git", "-C", str(root), *arguments],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with one commit."""
    git(tmp_path, "init", "--initial-branch", "main")
    (tmp_path / "a").write_text("a")
    (tmp_path / ".gitignore").write_text("ignored\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "first")
    return tmp_path


def test_a_clean_tree(repository: Path) -> None:
    """A clean checkout of a branch is its commit, and ignored files do not make it dirty."""
    (repository / "ignored").write_text("")
    assert revision(repository) == Revision(
        commit=git(repository, "rev-parse", "HEAD"), dirty=False, branch="main"
    )


@pytest.mark.parametrize("name", ["a", "new"])
def test_a_dirty_tree(repository: Path, name: str) -> None:
    """A changed and a new file make the tree dirty."""
    (repository / name).write_text("changed")
    found = revision(repository)
    assert found is not None
    assert found.dirty


def test_a_detached_head(repository: Path) -> None:
    """A commit that is checked out by itself is on no branch."""
    git(repository, "checkout", "--detach")
    found = revision(repository)
    assert found is not None
    assert found.branch == ""


def test_a_directory_inside(repository: Path) -> None:
    """The repository of a directory further up is found."""
    (repository / "apps").mkdir()
    assert revision(repository / "apps") == revision(repository)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://user:token@example.com/x/y.git", "https://example.com/x/y.git"),
        ("https://example.com/x/y.git", "https://example.com/x/y.git"),
        ("git@example.com:x/y.git", "git@example.com:x/y.git"),
        ("ssh://git@example.com/x/y", "ssh://example.com/x/y"),
    ],
)
def test_a_remote(repository: Path, url: str, shown: str) -> None:
    """The remote's address is known, without the password somebody may have put into it."""
    git(repository, "remote", "add", "other", "https://example.com/other")
    git(repository, "remote", "add", "origin", url)
    found = revision(repository)
    assert found is not None
    assert found.remote_url == shown


def test_no_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory in no repository, one that is not there, and one without a commit have none."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert revision(tmp_path) is None
    assert revision(tmp_path / "nothing") is None
    git(tmp_path, "init")
    assert revision(tmp_path) is None


def test_a_broken_repository(repository: Path) -> None:
    """A repository whose commit is lost is an error, not a revision that is unknown."""
    (repository / ".git" / "refs" / "heads" / "main").write_text("not a commit\n")
    with pytest.raises(DiscoveryError, match="git status"):
        revision(repository)


def test_without_git(tmp_path: Path) -> None:
    """A machine without Git is told so, in the words of this program."""
    code = (
        "import pathlib, gitops.git.working_tree; gitops.git.working_tree.revision(pathlib.Path())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"PATH": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)},
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.stderr.splitlines()[-1].endswith("git: is not on PATH; install Git")


def test_git_is_only_loaded_when_asked() -> None:
    """Importing the module does not load GitPython, which takes a tenth of a second."""
    code = "import sys, gitops.git.working_tree; sys.exit('git' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
