"""Where on this machine are charts and earlier renders?

Called by the composition root and by `gitops charts lock`: both live in the user's cache folder,
shared by checkouts.
"""

from __future__ import annotations

import os
from pathlib import Path

from gitops.charts import ChartStore, Credential
from gitops.config import Settings
from gitops.git import working_tree
from gitops.git.repositories import OwnRepository, Repositories
from gitops.rendering.cache import RenderCache

LOCK_FILE = "charts.lock"


def chart_store(settings: Settings, root: Path, *, record: bool = False) -> ChartStore:
    """The chart store, with the repository's lock file and the stack's mirrors and credentials.

    Args:
        settings: the stack's config.
        root: the repository.
        record: whether charts that are not locked yet are added to the lock file.
    """
    return ChartStore(
        cache_root() / "charts",
        lock_file=root / LOCK_FILE,
        mirrors=settings.chart_mirrors,
        credentials={
            prefix: Credential(
                username_env=names.username_env,
                password_env=names.password_env,
                secret=names.secret,
            )
            for prefix, names in settings.chart_credentials.items()
        },
        repository_root=root,
        record=record,
    )


def repositories(settings: Settings, root: Path) -> Repositories:
    """Other Git repositories, and which addresses and revisions the checkout itself stands for."""
    source, checkout = settings.source, working_tree.revision(root)
    urls = (source.repo_url, checkout.remote_url if checkout else "")
    here = (checkout.branch, checkout.commit) if checkout else ()
    return Repositories(
        directory=cache_root() / "git",
        own=OwnRepository(
            root=root, urls=urls, revisions=tuple(filter(None, (source.target_revision, *here)))
        ),
        credentials=settings.repository_credentials,
    )


def render_cache() -> RenderCache:
    """The render cache; it may hold Secrets, so only its owner can read it."""
    return RenderCache(cache_root() / "render")


def cache_root() -> Path:
    """This program's folder in the user's cache (XDG Base Directory Specification)."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "home-ops"
