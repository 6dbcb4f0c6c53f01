"""Where on this machine is a Git repository at a revision?

Called by rendering and by the generators of ApplicationSets for sources in other repositories than
the stack's own, and for its own at another revision. Each repository is kept bare and shallow in a
cache that all checkouts share, and each commit that was needed as a folder beside it; a commit that
is there needs no network. Submodules and LFS files are not fetched.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib
import re
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from gitops.errors import RenderError, ToolError
from gitops.git import tag_ranges
from gitops.git.failures import meaning
from gitops.git.login import Access, RepositoryCredential, access, credential_for
from gitops.git.working_tree import without_credentials
from gitops.projects import repository

if TYPE_CHECKING:
    import git

_URL = re.compile(r"(https?|ssh|file)://\S+|[\w.-]+@[\w.-]+:\S+|/\S+")
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_REVISION = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./+@-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnRepository:
    """The repository the stack is made from; ``revisions`` are what its checkout stands for."""

    root: Path
    urls: tuple[str, ...] = ()
    revisions: tuple[str, ...] = ()

    def is_at(self, url: str) -> bool:
        """Whether it has that address."""
        return repository(url) in {repository(each) for each in self.urls if each}

    def holds(self, url: str, revision: str) -> bool:
        """Whether the checkout is that repository at that revision."""
        return self.is_at(url) and revision in ("", "HEAD", *self.revisions)


@dataclass(slots=True)
class Repositories:
    """Git repositories by address and revision; safe for several threads and processes at once."""

    directory: Path
    own: OwnRepository
    credentials: Mapping[str, RepositoryCredential] = field(default_factory=dict)
    _commits: dict[tuple[str, str], str | RenderError] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def tree(self, url: str, revision: str) -> Path:
        """The folder with a repository's files at a branch, tag or commit.

        Raises:
            RenderError: the repository cannot be reached, or has no such revision.
            ToolError: Git is not on PATH.
        """
        if self.own.holds(url, revision):
            return self.own.root
        with self._lock:
            commit = self.commit(url, revision)
            folder = self.directory / "trees" / f"{_digest(url)}-{commit}"
            if not folder.is_dir():
                with self._bare(url) as repository_git:
                    _check_out(repository_git, commit, folder)
        return folder

    def commit(self, url: str, revision: str) -> str:
        """The commit a revision is; a branch is looked up once per pass.

        Raises:
            RenderError, ToolError: as ``tree``.
        """
        with self._lock:
            found = self._commits.get((url, revision))
            if found is None:
                try:
                    found = self._resolved(url, revision or "HEAD")
                except RenderError as error:
                    found = error
                self._commits[url, revision] = found
        if isinstance(found, RenderError):
            raise found
        return found

    def _resolved(self, url: str, revision: str) -> str:
        _check(url, revision)
        if tag_ranges.is_range(revision):
            revision = self._tag(url, revision)
        if _COMMIT.fullmatch(revision):
            with self._bare(url) as bare:
                if not _has(bare, revision):
                    self._fetch(bare, url, revision)
            return revision
        with self._bare(url) as bare:
            reference = self._reference(bare, url, revision)
            self._fetch(
                bare, url, reference or "+refs/heads/*:refs/heads/*", shallow=bool(reference)
            )
            name = "FETCH_HEAD" if reference else revision
            try:
                return str(bare.git.rev_parse("--verify", "--end-of-options", f"{name}^{{commit}}"))
            except _library().GitCommandError as error:
                raise _no_revision(url, revision) from error

    def _tag(self, url: str, revision: str) -> str:
        """The newest tag of a range; a branch may have a name that reads like one."""
        with self._bare(url) as bare:
            listed = self._run(bare, url, "ls-remote", "--tags", "--refs", "--", url)
        names = [line.partition("\trefs/tags/")[2] for line in listed.splitlines()]
        return tag_ranges.newest(revision, names) or revision

    def _reference(self, bare: git.Repo, url: str, revision: str) -> str:
        """The full name of a branch or tag; empty for what may be a short commit."""
        wanted = (
            ("HEAD",) if revision == "HEAD" else (f"refs/heads/{revision}", f"refs/tags/{revision}")
        )
        listed = self._run(bare, url, "ls-remote", "--", url, *wanted)
        names = {line.partition("\t")[2] for line in listed.splitlines()}
        found = next((name for name in wanted if name in names), "")
        if not found and not re.fullmatch(r"[0-9a-f]{7,39}", revision):
            raise _no_revision(url, revision)
        return found

    def _fetch(self, bare: git.Repo, url: str, reference: str, *, shallow: bool = True) -> None:
        try:
            depth = ("--depth=1",) if shallow else ()
            self._run(bare, url, "fetch", "--no-tags", "--force", *depth, "--", url, reference)
        except RenderError:
            if not _COMMIT.fullmatch(reference):
                raise
            # some servers hand out branches and tags alone
            self._run(
                bare, url, "fetch", "--force", "--tags", "--", url, "+refs/heads/*:refs/heads/*"
            )
            if not _has(bare, reference):
                raise _no_revision(url, reference) from None

    def _run(self, bare: git.Repo, url: str, *arguments: str) -> str:
        with self._access(url) as login:
            environment = {**login.environment, "GIT_ALLOW_PROTOCOL": "https:http:ssh:file"}
            try:
                return str(bare.git.execute(["git", *arguments], env=environment))
            except _library().GitCommandError as error:
                login.refused(str(error.stderr))
                cause, remedy = meaning(str(error.stderr), remedy=login.remedy)
                reason = f"cannot be read: {cause}"
                raise RenderError(f"repository {url}", reason, remedy=remedy) from error

    @contextmanager
    def _bare(self, url: str) -> Iterator[git.Repo]:
        """The bare repository of an address, made when missing."""
        library = _library()
        folder = self.directory / "repositories" / f"{_digest(url)}.git"
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _alone(folder.with_suffix(".lock")):
            found = (
                library.Repo(folder) if folder.is_dir() else library.Repo.init(folder, bare=True)
            )
            with found:
                yield found

    def _access(self, url: str) -> AbstractContextManager[Access]:
        return access(url, credential_for(url, self.credentials), own=self.own.is_at(url))


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Keep other processes out for as long as the context lasts."""
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _check_out(bare: git.Repo, commit: str, folder: Path) -> None:
    """Write a commit's files; the folder appears once all of them are there."""
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".new-") as name:
        tree = Path(name, "tree")
        tree.mkdir()
        environment: dict[str, Any] = {"GIT_INDEX_FILE": str(Path(name, "index"))}
        bare.git.execute(
            ["git", f"--work-tree={tree}", "checkout", "--force", commit, "--", "."],
            env=environment,
        )
        if not folder.is_dir():
            tree.rename(folder)


def _check(url: str, revision: str) -> None:
    if urlsplit(url).password:
        raise RenderError(
            f"repository {without_credentials(url)}",
            "its address holds a password, which would be shown wherever the address is",
            remedy="take it out, change it, and use home-ops:repositoryCredentials",
        )
    if not _URL.fullmatch(url):
        raise RenderError(
            f"repository {url}",
            "is no address of a Git repository",
            remedy="write https://, ssh://, file:// or user@host:path",
        )
    named = tag_ranges.is_range(revision) or _REVISION.fullmatch(revision)
    if not named or ".." in revision:
        raise _no_revision(url, revision)


def _has(bare: git.Repo, commit: str) -> bool:
    try:
        bare.git.cat_file("-e", f"{commit}^{{commit}}")
    except _library().GitCommandError:
        return False
    return True


def _no_revision(url: str, revision: str) -> RenderError:
    more = ", nor a tag in that range" if tag_ranges.is_range(revision) else ""
    return RenderError(
        f"repository {url}",
        f"has no branch, tag or commit {revision!r}{more}",
        remedy="correct targetRevision",
    )


def _digest(url: str) -> str:
    return hashlib.sha256(url.encode()).hexdigest()[:24]


def _library() -> ModuleType:
    # it takes a tenth of a second to load, and most runs need no other repository
    try:
        return importlib.import_module("git")
    except ImportError as error:
        raise ToolError("git", "is not on PATH", remedy="install Git") from error
