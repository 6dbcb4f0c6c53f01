"""Where does a pass read Git from, and at which commit?

A working copy per stack in the cache folder, fetched and set to the target revision by every pass.
Called by the pass; it belongs to nobody else, so whatever a killed pass left in it is put right.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gitops.errors import HomeOpsError
from gitops.git import without_credentials
from gitops.stores import cache_root

if TYPE_CHECKING:
    import git

HEAD = "HEAD"
FETCH = ("+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*")
TIMEOUT_SECONDS = 120
# Git never asks: a pass runs without a terminal. Whoever has set one of these means it.
ENVIRONMENT: Mapping[str, str] = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_SSH_COMMAND": "ssh -o BatchMode=yes",
}


class RepositoryError(HomeOpsError):
    """The repository cannot be fetched, or does not have the revision."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """One commit: what a history shows of it."""

    id: str
    author: str
    message: str
    committed: datetime


class Workspace:
    """The working copy of one repository.

    Args:
        url: the repository, as `git clone` takes it.
        directory: where the copy is; the folder of the URL in the cache unless given.
    """

    def __init__(self, url: str, directory: Path | None = None) -> None:
        self.url = url
        name = hashlib.sha256(url.encode()).hexdigest()[:16]
        self.root = directory or cache_root() / "repositories" / name
        self._shown = without_credentials(url)
        self._repository: git.Repo | None = None

    def fetch(self) -> None:
        """Get what is new.

        Raises:
            RepositoryError: the repository cannot be reached or read.
        """
        repository = self._opened()
        # A lock that a killed pass left is nobody's: passes hold the stack's lease.
        for lock in (Path(repository.git_dir)).rglob("*.lock"):
            lock.unlink(missing_ok=True)
        self._run(
            "cannot be fetched",
            lambda git: git.fetch(
                "--prune", "--force", "origin", *FETCH, kill_after_timeout=TIMEOUT_SECONDS
            ),
        )
        self._run("has no default branch", lambda git: git.remote("set-head", "origin", "--auto"))

    def resolve(self, revision: str) -> str:
        """The commit a target revision names: a branch, a tag, or a commit (ArgoCD, "Tracking and
        Deployment Strategies"); HEAD is the remote's default branch.

        Raises:
            RepositoryError: there is none of that name.
        """
        import git

        repository = self._opened()
        names = [f"refs/remotes/origin/{revision}", f"refs/tags/{revision}", revision]
        for name in ["refs/remotes/origin/HEAD"] if revision in ("", HEAD) else names:
            try:
                return str(repository.git.rev_parse("--verify", "--quiet", f"{name}^{{commit}}"))
            except git.GitCommandError:
                continue
        raise RepositoryError(
            f"repository {self._shown}",
            f"has no branch, tag or commit {revision!r}",
            remedy="correct home-ops:source.targetRevision",
        )

    def check_out(self, commit: str) -> Path:
        """Make the working tree exactly a commit; the tree.

        Raises:
            RepositoryError: it cannot be written.
        """
        if self._is_at(commit):
            return self.root
        self._run("cannot be checked out", lambda git: git.checkout("--force", "--detach", commit))
        self._run("cannot be cleaned", lambda git: git.clean("-ffdx"))
        return self.root

    def tree_at(self, commit: str) -> Path:
        """Another working tree at an older commit, beside the first; kept for the next pass.

        Raises:
            RepositoryError: the commit is unknown, or cannot be written.
        """
        tree = self.root.with_name(f"{self.root.name}-{commit}")
        if tree.is_dir() and (tree / ".complete").exists():
            return tree
        shutil.rmtree(tree, ignore_errors=True)
        self._run("cannot be read", lambda git: git.worktree("prune"))
        self._run(
            f"cannot be read at {commit}",
            lambda git: git.worktree("add", "--force", "--detach", str(tree), commit),
        )
        (tree / ".complete").touch()
        return tree

    def commit(self, commit: str) -> Commit:
        """Who made a commit, when, and why.

        Raises:
            RepositoryError: there is none.
        """
        import git

        try:
            found = self._opened().commit(commit)
            summary = found.summary
            return Commit(
                id=found.hexsha,
                author=str(found.author.name or ""),
                message=summary if isinstance(summary, str) else summary.decode(errors="replace"),
                committed=found.committed_datetime.astimezone(UTC),
            )
        except (ValueError, git.GitError, git.BadName) as error:
            raise RepositoryError(
                f"repository {self._shown}", f"has no commit {commit}", remedy="fetch it again"
            ) from error

    def _is_at(self, commit: str) -> bool:
        repository = self._opened()
        if not repository.head.is_valid() or repository.head.commit.hexsha != commit:
            return False
        return not repository.is_dirty(untracked_files=True)

    def _opened(self) -> git.Repo:
        import git

        if self._repository is not None:
            return self._repository
        try:
            self._repository = git.Repo(self.root)
        except (git.InvalidGitRepositoryError, git.NoSuchPathError):
            # what is there is a half-made copy at most
            shutil.rmtree(self.root, ignore_errors=True)
            self.root.mkdir(parents=True, mode=0o700)
            self._repository = git.Repo.init(self.root)
        self._repository.git.update_environment(
            **{name: os.environ.get(name, value) for name, value in ENVIRONMENT.items()}
        )
        origin = [remote for remote in self._repository.remotes if remote.name == "origin"]
        if not origin:
            self._repository.create_remote("origin", self.url)
        elif self.url not in origin[0].urls:
            origin[0].set_url(self.url)
        return self._repository

    def _run(self, failing: str, command: Any) -> None:
        import git

        try:
            command(self._opened().git)
        except git.GitCommandError as error:
            said = (
                str(error.stderr or error).replace(self.url, self._shown).strip().strip("'").strip()
            )
            raise RepositoryError(
                f"repository {self._shown}",
                f"{failing}: {said.replace(self.url, self._shown)}",
                remedy="check the URL, the credentials and the network, then run again",
            ) from error
