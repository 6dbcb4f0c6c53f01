"""Where does this run take charts and earlier renders from?

Called by the composition root: both live in the user's cache folder, shared by checkouts.
"""

from __future__ import annotations

import os
from pathlib import Path

from gitops.charts import ChartStore, Credential
from gitops.config import Settings
from gitops.render_cache import RenderCache

LOCK_FILE = "charts.lock"


def chart_store(settings: Settings, root: Path) -> ChartStore:
    """The chart store, with the repository's lock file and the stack's mirrors and credentials."""
    return ChartStore(
        cache_root() / "charts",
        lock_file=root / LOCK_FILE,
        mirrors=settings.chart_mirrors,
        credentials={
            prefix: Credential(username_env=names.username_env, password_env=names.password_env)
            for prefix, names in settings.chart_credentials.items()
        },
        repository_root=root,
    )


def render_cache() -> RenderCache:
    """The render cache; it may hold Secrets, so only its owner can read it."""
    return RenderCache(cache_root() / "render")


def cache_root() -> Path:
    """This program's folder in the user's cache (XDG Base Directory Specification)."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "home-ops"
