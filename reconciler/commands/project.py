"""Which repository is this, and what does the stack's file say?

Lets the command line know the Applications in Git and the stack's cluster without the engine. The
program itself gets its config from the engine.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from gitops.application import ApplicationSpec
from gitops.config import Settings, parse
from gitops.deployment.stack_file import stack_values
from gitops.deployment.stack_names import main_stack
from gitops.discovery import discover
from gitops.errors import ConfigError, HomeOpsError

if TYPE_CHECKING:
    from gitops.chart_store.locking import LockedCharts

PROJECT_FILE = "Pulumi.yaml"


def find_root(start: Path) -> Path:
    """The nearest folder at or above ``start`` that holds a Pulumi project.

    Raises:
        ConfigError: there is none.
    """
    for folder in (start.resolve(), *start.resolve().parents):
        if (folder / PROJECT_FILE).is_file():
            return folder
    raise ConfigError(
        str(start), f"no {PROJECT_FILE} here or above", remedy="run gitops in the repository"
    )


def stack_settings(root: Path, stack: str) -> Settings:
    """The stack's config, read from its file.

    Raises:
        ConfigError: the file is missing, is no YAML, or holds a wrong key or value.
    """
    return parse(stack_values(root, main_stack(stack)))


def applications_in_git(root: Path, settings: Settings) -> tuple[ApplicationSpec, ...]:
    """The Applications of the working tree; those it cannot read are left out."""
    try:
        return _declared(root, settings)
    except HomeOpsError:
        return ()


def lock_charts(root: Path, settings: Settings) -> LockedCharts:
    """Record the digest of every chart the Applications in Git use.

    Raises:
        DiscoveryError: there is no tree to read.
        ChartError: charts.lock cannot be read or written.
    """
    from gitops.chart_store import locking
    from gitops.stores import chart_store, repositories

    return locking.lock_charts(
        _declared(root, settings),
        root=root,
        charts=chart_store(settings, root, record=True),
        repositories=repositories(settings, root) if settings.argocd else None,
    )


def _declared(root: Path, settings: Settings) -> tuple[ApplicationSpec, ...]:
    if settings.argocd is None:
        return discover(root, settings.application_sets).applications
    from gitops.declared import in_git  # it renders, which most commands do not need

    return in_git(settings, root=root)
