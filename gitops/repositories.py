"""Where on this machine is a Git repository at a revision?

Called by rendering and by the generators of ApplicationSets for sources in other repositories than
the stack's own, and for its own at another revision. Each repository is kept bare and shallow in a
cache that all checkouts share, and each commit that was needed as a folder beside it; a commit that
is there needs no network. Submodules and LFS files are not fetched.
"""

from __future__ import annotations

import base64
import fcntl
import hashlib
import importlib
import os
import re
import tempfile
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from gitops.errors import RenderError, ToolError
from gitops.projects import repository

if TYPE_CHECKING:
    import git

_URL = re.compile(r"(https?|ssh|file)://\S+|[\w.-]+@[\w.-]+:\S+|/\S+")
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_REVISION = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./+@-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryCredential:
    """The environment variables that hold what a repository's server wants.

    Either a user name and a password (or token) for HTTPS, or a private key for SSH, as text.
    """

    username_env: str = ""
    password_env: str = ""
    ssh_key_env: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnRepository:
    """The repository the stack is made from; ``revisions`` are what its checkout stands for."""

    root: Path
    urls: tuple[str, ...] = ()
    revisions: tuple[str, ...] = ()

    def holds(self, url: str, revision: str) -> bool:
        """Whether the checkout is that repository at that revision."""
        known = {repository(each) for each in self.urls if each}
        return repository(url) in known and revision in ("", "HEAD", *self.revisions)


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
        with self._environment(url) as environment:
            try:
                return str(bare.git.execute(["git", *arguments], env=dict(environment)))
            except _library().GitCommandError as error:
                cause = " ".join(str(error.stderr).split()).removeprefix("stderr: ").strip("' ")
                raise RenderError(
                    f"repository {url}",
                    f"cannot be read: {cause}",
                    remedy="check the address, and home-ops:repositoryCredentials",
                ) from error

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

    @contextmanager
    def _environment(self, url: str) -> Iterator[Mapping[str, str]]:
        """What Git needs to log in; a password stands in no command line and in no file."""
        environment = {"GIT_TERMINAL_PROMPT": "0", "GIT_ALLOW_PROTOCOL": "https:http:ssh:file"}
        prefix = _prefix(url, self.credentials)
        with tempfile.TemporaryDirectory(prefix="home-ops-git-") as name:
            if prefix is not None:
                environment |= _login(url, self.credentials[prefix], Path(name))
            yield environment


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Keep other processes out for as long as the context lasts."""
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _prefix(url: str, prefixes: Iterable[str]) -> str | None:
    """The longest prefix that ends where a part of the address ends: ``git@example.com:`` too."""
    fitting = (
        prefix
        for prefix in prefixes
        if url.startswith(prefix)
        and (prefix.endswith(("/", ":")) or url[len(prefix) :][:1] in ("", "/", ":"))
    )
    return max(fitting, key=len, default=None)


def _login(url: str, credential: RepositoryCredential, folder: Path) -> dict[str, str]:
    wanted = [credential.ssh_key_env] if credential.ssh_key_env else []
    wanted = wanted or [credential.username_env, credential.password_env]
    if not all(wanted):
        raise RenderError(
            f"repository {url}",
            "its repositoryCredentials are incomplete",
            remedy="name usernameEnv and passwordEnv, or sshPrivateKeyEnv",
        )
    missing = [name for name in wanted if not os.environ.get(name)]
    if missing:
        raise RenderError(
            f"repository {url}",
            f"needs credentials, and {' and '.join(missing)} is not set",
            remedy="export the variables that repositoryCredentials names",
        )
    if credential.ssh_key_env:
        key = folder / "key"
        key.touch(mode=0o600)
        key.write_text(os.environ[credential.ssh_key_env].rstrip("\n") + "\n")
        return {"GIT_SSH_COMMAND": f"ssh -i {key} -o IdentitiesOnly=yes -o BatchMode=yes"}
    login = f"{os.environ[credential.username_env]}:{os.environ[credential.password_env]}"
    header = f"Authorization: Basic {base64.b64encode(login.encode()).decode()}"
    return {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "http.extraHeader",
        "GIT_CONFIG_VALUE_0": header,
    }


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
    if not _URL.fullmatch(url):
        raise RenderError(
            f"repository {url}",
            "is no address of a Git repository",
            remedy="write https://, ssh://, file:// or user@host:path",
        )
    if not _REVISION.fullmatch(revision) or ".." in revision:
        raise _no_revision(url, revision)


def _has(bare: git.Repo, commit: str) -> bool:
    try:
        bare.git.cat_file("-e", f"{commit}^{{commit}}")
    except _library().GitCommandError:
        return False
    return True


def _no_revision(url: str, revision: str) -> RenderError:
    return RenderError(
        f"repository {url}",
        f"has no branch, tag or commit {revision!r}",
        remedy="correct targetRevision; version ranges are not looked for among tags",
    )


def _digest(url: str) -> str:
    return hashlib.sha256(url.encode()).hexdigest()[:24]


def _library() -> ModuleType:
    # it takes a tenth of a second to load, and most runs need no other repository
    try:
        return importlib.import_module("git")
    except ImportError as error:
        raise ToolError("git", "is not on PATH", remedy="install Git") from error
