"""Which Applications and projects does a revision have?

The directories that the config's ApplicationSets match, and what an ArgoCD repository declares in
manifests. Called by composition, before anything is checked or placed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gitops import stores
from gitops.application import ApplicationSpec, Discovery
from gitops.argocd import repository
from gitops.argocd.declarations import without
from gitops.argocd.set_policy import Recall, SetInGit, nothing_made
from gitops.config import Settings
from gitops.discovery import discover
from gitops.errors import DiscoveryError, HomeOpsError
from gitops.git.repositories import Repositories
from gitops.projects import DEFAULT, AppProject
from gitops.render import Rendered, render_all
from gitops.versions import ClusterVersions

_RECENT = "1.36.0"
Outcomes = Mapping[str, Rendered | HomeOpsError]


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """The Applications and projects of a revision, and what could not become one.

    ``manifests`` says whether objects of ArgoCD's kinds declare Applications, or are objects like
    any other: without ``home-ops:argocd`` in the config they belong to somebody's ArgoCD. ``sets``
    are the ApplicationSets among them.
    """

    applications: tuple[ApplicationSpec, ...]
    projects: Mapping[str, AppProject]
    errors: tuple[DiscoveryError, ...] = ()
    warnings: tuple[str, ...] = ()
    manifests: bool = False
    sets: tuple[SetInGit, ...] = ()

    def applied(self, outcomes: Outcomes) -> Outcomes:
        """What was rendered, without what only declares Applications."""
        return without(outcomes) if self.manifests else outcomes


def declared(
    settings: Settings,
    *,
    root: Path,
    render: Callable[[Sequence[ApplicationSpec]], Outcomes],
    repositories: Repositories | None,
    recall: Recall = nothing_made,
) -> Declared:
    """Everything a revision declares.

    Args:
        settings: the stack's config.
        root: the repository.
        render: what Applications render to, to find those that declare others.
        repositories: other repositories, for generators; needed for an ArgoCD repository alone.
        recall: what ApplicationSets in Git made in earlier runs.

    Raises:
        DiscoveryError: there is no tree to read at all.
    """
    configured = {project.name: project for project in settings.projects}
    found = Discovery(applications=())
    if settings.application_sets or settings.argocd is None:
        found = discover(root, settings.application_sets)
    if settings.argocd is None or repositories is None:
        return Declared(applications=found.applications, projects=configured, errors=found.errors)
    more = repository.read(
        settings.argocd,
        found.applications,
        root=root,
        render=render,
        trees=repositories.tree,
        recall=recall,
    )
    projects, twice = _projects(configured, more.projects)
    return Declared(
        applications=more.applications,
        projects=projects,
        errors=(*found.errors, *more.errors, *twice),
        warnings=more.warnings,
        manifests=True,
        sets=more.sets,
    )


def in_git(
    settings: Settings, *, root: Path, recall: Recall = nothing_made
) -> tuple[ApplicationSpec, ...]:
    """The Applications of the working tree, found without a cluster; wrong ones are left out.

    Which Applications are declared seldom depends on the cluster: manifests are rendered for the
    Kubernetes version in the config, or for a recent one.

    Raises:
        DiscoveryError: there is no tree to read at all.
    """
    if settings.argocd is None:
        return discover(root, settings.application_sets).applications
    others = stores.repositories(settings, root)
    pinned = settings.kubernetes
    charts, cache = stores.chart_store(settings, root), stores.render_cache()

    def render(specs: Sequence[ApplicationSpec]) -> Outcomes:
        found = render_all(
            specs,
            root=root,
            versions=ClusterVersions(pinned.version or _RECENT, pinned.api_versions),
            charts=charts,
            cache=cache,
            load_restrictor=settings.load_restrictor,
            repositories=others,
        )
        return {**found.rendered, **found.errors}

    found = declared(settings, root=root, render=render, repositories=others, recall=recall)
    return found.applications


def _projects(
    configured: Mapping[str, AppProject], read: Sequence[AppProject]
) -> tuple[dict[str, AppProject], list[DiscoveryError]]:
    """All projects; one in Git takes the place of the default project that is always there."""
    projects, errors = dict(configured), []
    for project in read:
        if projects.get(project.name, DEFAULT) in (DEFAULT, project):
            projects[project.name] = project
            continue
        errors.append(
            DiscoveryError(
                f"AppProject {project.name}",
                "is both in the config and in Git, and they differ",
                remedy="remove one of the two",
            )
        )
    return projects, errors
