"""A pass reads exactly the commit Git names, whatever an earlier one left behind."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from reconciler.passes.workspace import RepositoryError, Workspace


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


def damage(tree: Path, how: str) -> None:
    """Damage a working copy as a killed process or a full disk does."""
    git = tree / ".git"
    if how == "objects":
        for each in [path for path in (git / "objects").rglob("*") if path.is_file()]:
            each.chmod(0o600)
            each.write_bytes(each.read_bytes()[:10])
    elif how == "refs":
        for each in [path for path in (git / "refs").rglob("*") if path.is_file()]:
            each.write_text("")
        (git / "packed-refs").unlink(missing_ok=True)
    elif how == "half":
        shutil.rmtree(git / "objects")
    else:
        (git / how).write_text("garbage")


@pytest.mark.parametrize("how", ["objects", "refs", "half", "HEAD", "config", "index"])
def test_a_damaged_copy_is_fetched_anew(origin: Origin, workspace: Workspace, how: str) -> None:
    """Whatever a killed pass or a full disk has left, the next pass has the commit."""
    origin.commit("a", "1")
    workspace.update("main")
    damage(workspace.root, how)
    second = origin.commit("a", "2")
    again = Workspace(str(origin.root), workspace.root)
    commit, tree, stale = again.update("main")
    assert (commit.id, stale, (tree / "a").read_text()) == (second, "", "2")
    assert list(tree.parent.glob("*.new")) == []


@pytest.mark.parametrize("lock", ["index.lock", "shallow.lock", "refs/remotes/origin/main.lock"])
def test_what_a_killed_fetch_left(origin: Origin, workspace: Workspace, lock: str) -> None:
    """Locks and half a pack are removed, and nothing is fetched twice for that."""
    origin.commit("a", "1")
    workspace.update("main")
    pack = workspace.root / ".git/objects/pack/tmp_pack_x"
    pack.parent.mkdir(exist_ok=True)
    pack.write_text("half")
    (workspace.root / ".git" / lock).touch()
    kept = (workspace.root / ".git/config").stat().st_ino
    second = origin.commit("a", "2")
    assert workspace.update("main")[0].id == second
    assert not pack.exists()
    assert (workspace.root / ".git/config").stat().st_ino == kept


def test_damaged_while_git_is_away(origin: Origin, workspace: Workspace) -> None:
    """What is damaged stays until something better can be had."""
    origin.commit("a", "1")
    workspace.update("main")
    moved = origin.root.rename(origin.root.with_name("moved"))
    assert "cannot be fetched" in workspace.update("main")[2]
    damage(workspace.root, "objects")
    with pytest.raises(RepositoryError):
        Workspace(str(origin.root), workspace.root).update("main")
    moved.rename(origin.root)
    assert Workspace(str(origin.root), workspace.root).update("main")[2] == ""
