"""Where does a pass read Git from, and at which commit?

A working copy per stack in the cache folder, fetched and set to the target revision by every pass.
Called by the pass; it belongs to nobody else, so whatever a killed pass left in it is put right,
and one that is damaged is fetched anew.
"""

from __future__ import annotations

import configparser
import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gitops.credentials.errors import LoginError
from gitops.errors import HomeOpsError
from gitops.git.failures import meaning
from gitops.git.login import access
from gitops.git.working_tree import without_credentials
from gitops.stores import cache_root

if TYPE_CHECKING:
    import git

HEAD = "HEAD"
FETCH = ("+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*")
TIMEOUT_SECONDS = 120
LEFT_BEHIND = ("*.lock", "tmp_pack_*", "tmp_idx_*", "tmp_rev_*", "tmp_obj_*")
CHECK = "check the URL, the credentials and the network, then run again"
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
        directory: where the copy is; a folder in the cache unless given.
        stack: what the copy is for, as each stack has its own.
    """

    def __init__(self, url: str, directory: Path | None = None, *, stack: str = "") -> None:
        self.url = url
        name = hashlib.sha256(f"{stack}\0{url}".encode()).hexdigest()[:16]
        self.root = directory or cache_root() / "repositories" / name
        self._shown = without_credentials(url)
        self._repository: git.Repo | None = None

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other passes of this machine out, which are no others of the stack, for they would
        hold its lease; but one that only looks has none."""
        self.root.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self.root.with_name(f"{self.root.name}.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # let go of with the process, however it ends
            yield

    def update(self, revision: str) -> tuple[Commit, Path, str]:
        """Get what is new and make the tree what the target revision names.

        Args:
            revision: a branch, a tag, or a commit; the remote's default branch when empty.

        Returns:
            The commit, the tree, and why it may not be the newest one; empty where it is.

        Raises:
            RepositoryError: there is no such revision, or nothing at all that could be read.
        """
        stale = ""
        try:
            self.fetch()
        except RepositoryError as error:
            # What was fetched before is still what Git said last: drift is found and healed.
            stale = "" if self._replaced_if_damaged() else str(error)
        try:
            return (*self._at(revision), stale)
        except RepositoryError:
            if not self._replaced_if_damaged():
                raise
            return (*self._at(revision), "")

    def fetch(self) -> None:
        """Get what is new.

        Raises:
            RepositoryError: the repository cannot be reached or read.
        """
        repository = self._opened()
        # What a killed pass left is nobody's: no two passes are here at once.
        for pattern in LEFT_BEHIND:
            for left in Path(repository.git_dir).rglob(pattern):
                left.unlink(missing_ok=True)
        self._ask(
            "cannot be fetched",
            lambda git: git.fetch(
                "--prune", "--force", "origin", *FETCH, kill_after_timeout=TIMEOUT_SECONDS
            ),
        )
        self._ask("has no default branch", lambda git: git.remote("set-head", "origin", "--auto"))

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
        except (ValueError, git.GitError, git.exc.ODBError) as error:
            raise RepositoryError(
                f"repository {self._shown}", f"has no commit {commit}", remedy="fetch it again"
            ) from error

    def _at(self, revision: str) -> tuple[Commit, Path]:
        commit = self.commit(self.resolve(revision))
        return commit, self.check_out(commit.id)

    def _is_at(self, commit: str) -> bool:
        from git import GitCommandError

        git = self._opened().git
        try:
            if git.rev_parse("--verify", "--quiet", "HEAD^{commit}") != commit:
                return False
            return not git.status("--porcelain", "--untracked-files=all")
        except GitCommandError:
            return False

    def _replaced_if_damaged(self) -> bool:
        """Fetch everything anew where the copy is damaged; whether it was, and now is not. While
        the repository cannot be reached what there is stays."""
        from git import GitCommandError

        try:
            self._opened().git.fsck("--no-dangling", "--no-progress")
            return False
        except GitCommandError:
            pass
        anew = Workspace(self.url, self.root.with_name(f"{self.root.name}.new"))
        shutil.rmtree(anew.root, ignore_errors=True)
        try:
            anew.fetch()
        except RepositoryError:
            shutil.rmtree(anew.root, ignore_errors=True)
            return False
        anew._close()
        self._close()
        shutil.rmtree(self.root, ignore_errors=True)
        for tree in self.root.parent.glob(f"{self.root.name}-*"):
            shutil.rmtree(tree, ignore_errors=True)  # other working trees of the same copy
        anew.root.rename(self.root)
        return True

    def _close(self) -> None:
        if self._repository is not None:
            self._repository.close()
        self._repository = None

    def _opened(self) -> git.Repo:
        import git

        if self._repository is not None:
            return self._repository
        with suppress(git.GitError, ValueError, OSError, configparser.Error):
            self._repository = self._with_origin(git.Repo(self.root))
            return self._repository
        # what is there is a half-made copy at most
        shutil.rmtree(self.root, ignore_errors=True)
        self.root.mkdir(parents=True, mode=0o700)
        self._repository = self._with_origin(git.Repo.init(self.root))
        return self._repository

    def _with_origin(self, repository: git.Repo) -> git.Repo:
        repository.git.update_environment(
            **{name: os.environ.get(name, value) for name, value in ENVIRONMENT.items()},
            # Git would look for a repository further up where this one is damaged
            GIT_CEILING_DIRECTORIES=str(self.root.parent),
        )
        origin = [remote for remote in repository.remotes if remote.name == "origin"]
        if not origin:
            repository.create_remote("origin", self.url)
        elif self.url not in origin[0].urls:
            origin[0].set_url(self.url)
        return repository

    def _ask(self, failing: str, command: Any) -> None:
        """Run what goes to the server, with the login a mounted Secret has at this moment."""
        try:
            with access(self.url, None, own=True) as login:

                def logged_in(git: Any) -> None:
                    with git.custom_environment(**login.environment):
                        command(git)

                self._run(failing, logged_in, remedy=login.remedy if login.login else CHECK)
        except LoginError as error:
            subject = f"repository {self._shown}"
            raise RepositoryError(subject, error.reason, remedy=error.remedy) from error
        except RepositoryError as error:
            login.refused(error.reason)
            raise

    def _run(self, failing: str, command: Any, *, remedy: str = CHECK) -> None:
        import git

        try:
            command(self._opened().git)
        except git.GitCommandError as error:
            said = str(error.stderr or error).replace(self.url, self._shown)
            cause, remedy = meaning(said, remedy=remedy)
            raise RepositoryError(
                f"repository {self._shown}", f"{failing}: {cause}", remedy=remedy
            ) from error
