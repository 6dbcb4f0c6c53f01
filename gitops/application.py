"""What is an Application, and what does its ApplicationSet say about it?

The values discovery makes from Git and config; rendering, pruning and the components read them.
The words are ArgoCD's (Application and ApplicationSet specification).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gitops.errors import DiscoveryError, HomeOpsError
from gitops.ignoring.rules import IgnoreRule

RESOURCES_FINALIZERS = frozenset(
    {
        "resources-finalizer.argocd.argoproj.io",
        "resources-finalizer.argocd.argoproj.io/background",
        "resources-finalizer.argocd.argoproj.io/foreground",
    }
)


WITHHELD = frozenset({"false", "confirm"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where an Application's manifests come from: a directory of a repository, or a chart.

    ``repo_url`` and ``target_revision`` are the Application's where they are empty. A source with a
    ``ref`` is what value files of the other sources may name (``$ref/values.yaml``). ``options``
    are ``helm``, ``kustomize`` and ``directory`` as ArgoCD writes them, already checked.
    """

    path: str
    recurse: bool = False
    repo_url: str = ""
    target_revision: str = ""
    chart: str = ""
    ref: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """The namespace objects without one are put in."""

    namespace: str
    name: str = "in-cluster"


@dataclass(frozen=True, slots=True, kw_only=True)
class Automated:
    """``syncPolicy.automated``: what a sync may do by itself."""

    prune: bool = False
    self_heal: bool = False
    allow_empty: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagedNamespaceMetadata:
    """Labels and annotations of a namespace that CreateNamespace makes."""

    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncPolicy:
    """How an Application is synced; ``sync_options`` maps ``CreateNamespace`` to ``true`` etc."""

    automated: Automated | None = None
    sync_options: Mapping[str, str] = field(default_factory=dict)
    managed_namespace_metadata: ManagedNamespaceMetadata = field(
        default_factory=ManagedNamespaceMetadata
    )
    retry: Mapping[str, Any] = field(default_factory=dict)

    def option(self, name: str) -> bool:
        """True when the sync option is set to ``true``."""
        return self.sync_options.get(name) == "true"

    @property
    def prune(self) -> bool:
        """Whether objects that leave Git may be deleted at all; without ``automated`` a person's
        sync does not prune either, as in ArgoCD. The option Prune is looked at for each object."""
        return self.automated is not None and self.automated.prune

    @property
    def delete(self) -> bool:
        """Whether objects are deleted when the Application leaves Git (``Delete=false``)."""
        return self.sync_options.get("Delete") not in WITHHELD

    @property
    def allow_empty(self) -> bool:
        """Whether the Application may render to nothing."""
        return self.automated is not None and self.automated.allow_empty


@dataclass(frozen=True, slots=True, kw_only=True)
class Commands:
    """Local commands that run before and after an Application's sync."""

    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.before or self.after)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationSpec:
    """One directory of the repository, as the Application it becomes; ``error`` says why its own
    settings cannot be read, which leaves those of its set."""

    name: str
    category: str
    application_set: str
    project: str
    source: Source
    destination: Destination
    sync_policy: SyncPolicy = field(default_factory=SyncPolicy)
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    finalizers: tuple[str, ...] = ()
    preserve_resources_on_deletion: bool = False
    repo_url: str = ""
    target_revision: str = ""
    revision_history_limit: int = 10
    ignore_differences: tuple[IgnoreRule, ...] = ()
    commands: Commands = field(default_factory=Commands)
    confirm: frozenset[str] = frozenset()
    depends_on: tuple[str, ...] = ()
    sources: tuple[Source, ...] = ()
    origin: str = ""
    declares: bool = False
    made_by_set: str = ""
    error: HomeOpsError | None = None

    @property
    def subject(self) -> str:
        """What errors call the Application: ``media/jellyfin``; its name if a manifest declares it
        (``origin``: which)."""
        return self.name if self.origin else self.source.path.removeprefix("apps/")

    @property
    def all_sources(self) -> tuple[Source, ...]:
        """Every source, those that are only referred to among them."""
        return self.sources or (self.source,)

    @property
    def preserved(self) -> bool:
        """Whether its objects stay when it leaves Git: preserveResourcesOnDeletion, unless the
        template asks for the resources finalizer (an explicit finalizer wins, ArgoCD)."""
        return self.preserve_resources_on_deletion and not (
            RESOURCES_FINALIZERS & set(self.finalizers)
        )

    @property
    def retained(self) -> bool:
        """Whether objects that say nothing themselves stay when it leaves Git: it is preserved, or
        Delete=false is among its sync options."""
        return self.preserved or not self.sync_policy.delete


@dataclass(frozen=True, slots=True, kw_only=True)
class GitDirectory:
    """One line of a Git directory generator. An ``overlay`` is one cluster's own: it stands in
    for what another line makes of a directory with the same last two names."""

    path: str
    exclude: bool = False
    overlay: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationSetSpec:
    """A rule that turns directories into Applications.

    ``template`` is the mapping under ``template:`` with ArgoCD's spelling; ``parameters`` are the
    values templates may use besides the directory's own (``cluster``).
    """

    name: str
    directories: tuple[GitDirectory, ...]
    template: Mapping[str, Any]
    parameters: Mapping[str, str] = field(default_factory=dict)
    preserve_resources_on_deletion: bool = False

    @property
    def preserving(self) -> bool:
        """Whether objects stay when an Application of the set leaves Git; an explicit resources
        finalizer in the template wins, as in ``ApplicationSpec.retained``."""
        finalizers = (self.template.get("metadata") or {}).get("finalizers") or ()
        return self.preserve_resources_on_deletion and not RESOURCES_FINALIZERS & set(finalizers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Discovery:
    """The Applications found, and the directories that could not become one."""

    applications: tuple[ApplicationSpec, ...]
    errors: tuple[DiscoveryError, ...] = ()
