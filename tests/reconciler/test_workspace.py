"""A pass reads exactly the commit Git names, whatever an earlier one left behind."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from reconciler.workspace import RepositoryError, Workspace


class Origin:
    """A repository somebody pushes to."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir()
        self.git("init", "--quiet", "--initial-branch", "main")

    def git(self, *arguments: str) -> str:
        author = ["-c", "user.name=Ada", "-c", "user.email=ada@home-ops.example"]
        command = ["git", *author, *arguments]
        done = subprocess.run(command, cwd=self.root, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def commit(self, name: str, text: str) -> str:
        (self.root / name).write_text(text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", f"Write {name}")
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def origin(tmp_path: Path) -> Origin:
    return Origin(tmp_path / "origin")


@pytest.fixture
def workspace(origin: Origin, tmp_path: Path) -> Workspace:
    return Workspace(str(origin.root), tmp_path / "cache" / "copy")


def test_follows_a_branch(origin: Origin, workspace: Workspace) -> None:
    """Each fetch finds what was pushed since, a forced push too."""
    first = origin.commit("a", "1")
    workspace.fetch()
    assert workspace.resolve("main") == workspace.resolve("HEAD") == first
    assert (workspace.check_out(first) / "a").read_text() == "1"
    second = origin.commit("a", "2")
    workspace.fetch()
    assert workspace.resolve("main") == second
    origin.git("reset", "--quiet", "--hard", first)
    third = origin.commit("b", "3")
    workspace.fetch()
    assert workspace.resolve("main") == third
    tree = workspace.check_out(third)
    assert ((tree / "a").read_text(), (tree / "b").read_text()) == ("1", "3")
    assert workspace.commit(third).author == "Ada"
    assert workspace.commit(third).message == "Write b"


def test_tags_and_commits(origin: Origin, workspace: Workspace) -> None:
    """A tag, annotated or not, and a commit are revisions as well; anything else is named."""
    first = origin.commit("a", "1")
    origin.git("tag", "--annotate", "v1", "--message", "one")
    origin.commit("a", "2")
    workspace.fetch()
    assert workspace.resolve("v1") == workspace.resolve(first) == first
    with pytest.raises(RepositoryError, match="no branch, tag or commit 'v2'"):
        workspace.resolve("v2")


def test_leftovers(origin: Origin, workspace: Workspace) -> None:
    """Files and locks of a killed pass do not stay, and a broken copy is made anew."""
    commit = origin.commit("a", "1")
    workspace.fetch()
    tree = workspace.check_out(commit)
    (tree / "a").write_text("edited")
    (tree / "untracked").write_text("")
    (tree / ".git" / "index.lock").touch()
    again = Workspace(str(origin.root), tree)
    again.fetch()
    assert sorted(path.name for path in again.check_out(commit).iterdir()) == [".git", "a"]
    assert (tree / "a").read_text() == "1"
    (tree / ".git" / "HEAD").unlink()
    broken = Workspace(str(origin.root), tree)
    broken.fetch()
    assert (broken.check_out(commit) / "a").read_text() == "1"


def test_an_older_tree(origin: Origin, workspace: Workspace) -> None:
    """An older commit can be read beside the one that is checked out."""
    first = origin.commit("a", "1")
    second = origin.commit("a", "2")
    workspace.fetch()
    tree = workspace.check_out(second)
    assert (workspace.tree_at(first) / "a").read_text() == "1"
    assert workspace.tree_at(first) == workspace.tree_at(first)
    assert (tree / "a").read_text() == "2"


def test_git_is_away(origin: Origin, workspace: Workspace) -> None:
    """A repository that cannot be reached is an error, and what was fetched before stays."""
    commit = origin.commit("a", "1")
    workspace.fetch()
    origin.root.rename(origin.root.with_name("moved"))
    with pytest.raises(RepositoryError, match="cannot be fetched"):
        workspace.fetch()
    assert (workspace.check_out(commit) / "a").read_text() == "1"


def test_credentials_are_not_shown(tmp_path: Path) -> None:
    """A password in the URL is in no error."""
    url = "https://ada:correct-horse@127.0.0.1:1/home-ops.git"
    with pytest.raises(RepositoryError) as failed:
        Workspace(url, tmp_path / "copy").fetch()
    assert "127.0.0.1:1" in str(failed.value)
    assert "correct-horse" not in str(failed.value)
