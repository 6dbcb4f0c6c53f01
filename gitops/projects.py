"""What does an AppProject let its Applications do?

Called by composition: ``check_application`` before an Application is rendered, ``check_manifest``
for each of its objects. The rules are ArgoCD's ("Projects"): a list that allows, in which an entry
that begins with ``!`` forbids.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from gitops.application import ApplicationSpec, Destination
from gitops.configuration.suggestions import did_you_mean
from gitops.errors import ProjectError
from gitops.git.working_tree import without_credentials
from gitops.impersonation import DestinationServiceAccount, read_accounts
from gitops.objects.manifest import Manifest, ResourceKey
from gitops.policy import windows
from gitops.policy.windows import SyncWindow

IN_CLUSTER = "in-cluster"
SERVER = "https://kubernetes.default.svc"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectDestination:
    """One destination of a project: globs for the namespace and, by name or server, the cluster;
    with neither, every cluster is meant."""

    namespace: str
    name: str = ""
    server: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupKind:
    """Globs for the kinds of objects an entry is about, and for their names."""

    group: str
    kind: str
    name: str = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """A role of a project: policies of ArgoCD's, and the groups that have it."""

    name: str
    description: str = ""
    policies: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OrphanedResources:
    """What a project says about objects in its Applications' namespaces that belong to none
    (ArgoCD, "Orphaned Resources Monitoring"): whether people are warned, and of which never."""

    warn: bool = True
    ignore: tuple[GroupKind, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AppProject:
    """The limits of a group of Applications; nothing is allowed that no entry allows, but
    namespaced kinds: without a whitelist all of them are."""

    name: str
    description: str = ""
    source_repos: tuple[str, ...] = ()
    destinations: tuple[ProjectDestination, ...] = ()
    cluster_resource_whitelist: tuple[GroupKind, ...] = ()
    cluster_resource_blacklist: tuple[GroupKind, ...] = ()
    namespace_resource_whitelist: tuple[GroupKind, ...] | None = None
    namespace_resource_blacklist: tuple[GroupKind, ...] = ()
    roles: tuple[Role, ...] = ()
    sync_windows: tuple[SyncWindow, ...] = ()
    orphaned_resources: OrphanedResources | None = None
    destination_service_accounts: tuple[DestinationServiceAccount, ...] = ()


DEFAULT = AppProject(
    name="default",
    source_repos=("*",),
    destinations=(ProjectDestination(namespace="*"),),
    cluster_resource_whitelist=(GroupKind(group="*", kind="*"),),
)
"""The project every ArgoCD begins with."""


def read(values: Mapping[str, Any]) -> AppProject:
    """A project, as ArgoCD's AppProject spec writes it and its schema allows.

    Raises:
        ConfigError: a sync window's schedule, duration or time zone is none, or a ServiceAccount.
    """

    def kinds(key: str) -> tuple[GroupKind, ...]:
        return tuple(GroupKind(**entry) for entry in values.get(key, ()))

    return AppProject(
        name=values["name"],
        description=values.get("description", ""),
        source_repos=tuple(values.get("sourceRepos", ())),
        destinations=tuple(ProjectDestination(**entry) for entry in values.get("destinations", ())),
        cluster_resource_whitelist=kinds("clusterResourceWhitelist"),
        cluster_resource_blacklist=kinds("clusterResourceBlacklist"),
        namespace_resource_whitelist=(
            kinds("namespaceResourceWhitelist") if "namespaceResourceWhitelist" in values else None
        ),
        namespace_resource_blacklist=kinds("namespaceResourceBlacklist"),
        roles=tuple(
            Role(
                name=role["name"],
                description=role.get("description", ""),
                policies=tuple(role.get("policies", ())),
                groups=tuple(role.get("groups", ())),
            )
            for role in values.get("roles", ())
        ),
        sync_windows=tuple(
            windows.read(entry, subject=f"AppProject {values['name']}: syncWindows[{number}]")
            for number, entry in enumerate(values.get("syncWindows", ()))
        ),
        orphaned_resources=_orphaned(values.get("orphanedResources")),
        destination_service_accounts=read_accounts(values),
    )


def _orphaned(values: Mapping[str, Any] | None) -> OrphanedResources | None:
    if values is None:
        return None
    return OrphanedResources(
        warn=values.get("warn", True),
        ignore=tuple(
            # without a kind or a name, any is meant; without a group, the core group
            GroupKind(
                group=entry.get("group", ""),
                kind=entry.get("kind") or "*",
                name=entry.get("name") or "*",
            )
            for entry in values.get("ignore", ())
        ),
    )


def check_application(
    spec: ApplicationSpec, projects: Mapping[str, AppProject]
) -> list[ProjectError]:
    """Whether an Application's project lets it read its repository and write where it does.

    Args:
        spec: the Application; an empty ``repo_url`` (no source is configured) is not checked.
        projects: every project by name.
    """
    project = projects.get(spec.project)
    if project is None:
        existing = ", ".join(sorted(projects)) or "none is configured"
        return [
            ProjectError(
                spec.subject,
                f"there is no AppProject {spec.project!r}",
                remedy=f"use one of: {existing}{did_you_mean(spec.project, projects)}",
            )
        ]
    urls = {spec.repo_url, *(source.repo_url for source in spec.sources)}
    errors = [
        ProjectError(
            spec.subject,
            f"AppProject {project.name} does not permit repository {without_credentials(url)}",
            remedy=f"add it to sourceRepos; {_listed(project.source_repos)}",
        )
        for url in sorted(urls)
        if url and not _permitted(project.source_repos, repository(url))
    ]
    if not _permits_destination(project, spec.destination):
        errors.append(_refused_namespace(spec.subject, project, spec.destination.namespace))
    return errors


def check_manifest(
    manifest: Manifest, project: AppProject, *, namespaced: bool, subject: str = ""
) -> list[ProjectError]:
    """Whether a project permits an object: its kind, and where a namespaced one goes.

    Args:
        manifest: the object, its namespace filled in.
        project: the Application's project.
        namespaced: whether the object's kind has a namespace.
        subject: the Application, as errors call it.
    """
    subject = subject or manifest.source or str(manifest.key)
    if namespaced:
        allowed, denied = project.namespace_resource_whitelist, project.namespace_resource_blacklist
        lists = "namespaceResourceWhitelist or namespaceResourceBlacklist"
    else:
        allowed, denied = project.cluster_resource_whitelist, project.cluster_resource_blacklist
        lists = "clusterResourceWhitelist or clusterResourceBlacklist"
    errors = []
    key = manifest.key
    if (allowed is not None and not covers(allowed, key)) or covers(denied, key):
        scope = "namespaced" if namespaced else "cluster-scoped"
        errors.append(
            ProjectError(
                subject,
                f"AppProject {project.name} does not permit {scope} {manifest.key}",
                remedy=f"change its {lists}, or remove the object",
            )
        )
    destination = Destination(namespace=manifest.key.namespace)
    if namespaced and not _permits_destination(project, destination):
        errors.append(_refused_namespace(subject, project, destination.namespace, manifest))
    return errors


def _refused_namespace(
    subject: str, project: AppProject, namespace: str, manifest: Manifest | None = None
) -> ProjectError:
    about = f" of {manifest.key}" if manifest else ""
    return ProjectError(
        subject,
        f"AppProject {project.name} does not permit namespace {namespace!r}{about}",
        remedy=f"add it to destinations; {_listed(e.namespace for e in project.destinations)}",
    )


def _permits_destination(project: AppProject, destination: Destination) -> bool:
    """ArgoCD, ``IsDestinationPermitted``: an entry matches, and none that forbids applies."""
    permitted = False
    for entry in project.destinations:
        by_name = bool(entry.name) and _matches(entry.name, IN_CLUSTER)
        by_server = bool(entry.server) and _matches(entry.server, SERVER)
        cluster = by_name or by_server or not (entry.name or entry.server)
        namespace = _matches(entry.namespace, destination.namespace)
        if cluster and namespace:
            permitted = True
        elif (namespace and (_denies(entry.name) or _denies(entry.server))) or (
            cluster and _denies(entry.namespace)
        ):
            return False
    return permitted


def _permitted(globs: Iterable[str], url: str) -> bool:
    """ArgoCD, ``IsSourcePermitted``: an entry matches, and none that forbids applies."""
    permitted = False
    for glob in globs:
        normalized = f"!{repository(glob[1:])}" if _denies(glob) else repository(glob)
        if _matches(normalized, url, separator="/"):
            permitted = True
        elif _denies(glob):
            return False
    return permitted


def _denies(glob: str) -> bool:
    return glob.startswith("!")


def covers(entries: Iterable[GroupKind], key: ResourceKey) -> bool:
    """Whether one of a project's entries is about an object."""
    return any(
        _matches(entry.group, key.group)
        and _matches(entry.kind, key.kind)
        and _matches(entry.name, key.name)
        for entry in entries
    )


def repository(url: str) -> str:
    """A repository's address without what does not tell repositories apart (ArgoCD,
    ``NormalizeGitURL``)."""
    return url.strip().lower().removesuffix("/").removesuffix(".git")


def _matches(glob: str, text: str, *, separator: str = "") -> bool:
    """Whether text matches a glob; ``!glob`` matches what the glob does not."""
    if glob == "*":
        return True
    found = _compiled(glob.removeprefix("!"), separator).fullmatch(text) is not None
    return found is not _denies(glob)


@lru_cache(maxsize=1024)
def _compiled(glob: str, separator: str) -> re.Pattern[str]:
    """``*`` and ``?`` stop at the separator, ``**`` does not."""
    one = f"[^{separator}]" if separator else "."
    words = {"**": ".*", "*": f"{one}*", "?": one}
    parts = (words.get(part) or re.escape(part) for part in re.split(r"(\*\*|[*?])", glob))
    return re.compile("".join(parts), re.DOTALL)


def _listed(entries: Iterable[str]) -> str:
    return f"it has {', '.join(entries) or 'no entry'}"
