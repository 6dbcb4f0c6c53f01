"""Which revision is the working tree at?

Called by the reconciler and the reports; the one module that reads Git itself.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from gitops.errors import DiscoveryError, ToolError

if TYPE_CHECKING:
    import git


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """What a working tree was made from.

    ``branch`` is empty where no branch is checked out, ``remote_url`` where there is no remote; it
    never holds a user name or password. ``dirty``: tracked files differ from the commit, or there
    are files that Git neither knows nor ignores.
    """

    commit: str
    dirty: bool
    branch: str = ""
    remote_url: str = ""


def revision(root: Path) -> Revision | None:
    """The revision of the working tree a directory is in, or None when Git knows nothing of it.

    A repository without a commit counts as none.

    Raises:
        DiscoveryError: there is a repository and Git cannot read it.
        ToolError: Git is not on PATH.
    """
    git = _library()
    try:
        repository = git.Repo(root, search_parent_directories=True)
    except (git.InvalidGitRepositoryError, git.NoSuchPathError):
        return None
    try:
        with repository:
            if repository.bare or _is_unborn(repository):
                return None
            return Revision(
                commit=repository.head.commit.hexsha,
                dirty=repository.is_dirty(untracked_files=True),
                branch="" if repository.head.is_detached else repository.active_branch.name,
                remote_url=_remote_url(repository),
            )
    except (git.GitCommandError, git.GitCommandNotFound, ValueError, OSError) as error:
        raise DiscoveryError(
            str(root), f"Git cannot read its repository: {error}", remedy="try `git status` there"
        ) from error


def _library() -> ModuleType:
    # it takes a tenth of a second to load, and most runs need no revision
    try:
        return importlib.import_module("git")
    except ImportError as error:
        raise ToolError("git", "is not on PATH", remedy="install Git") from error


def _is_unborn(repository: git.Repo) -> bool:
    """Whether the branch that is checked out has no commit yet, as after `git init`."""
    head = repository.head
    return not head.is_detached and head.ref.path not in {ref.path for ref in repository.references}


def _remote_url(repository: git.Repo) -> str:
    remotes = {remote.name: remote for remote in repository.remotes}
    remote = remotes.get("origin") or next(iter(remotes.values()), None)
    return without_credentials(next(iter(remote.urls), "")) if remote else ""


def without_credentials(url: str) -> str:
    """A repository's URL as it may be shown."""
    parts = urlsplit(url)
    if not parts.scheme or "@" not in parts.netloc:
        return url
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
