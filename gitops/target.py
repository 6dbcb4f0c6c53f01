"""What should be in the cluster, Application by Application?

The composition of all other steps: discovery, projects, rendering, scopes, ownership and the checks
that need more than one Application. Called by the Pulumi program and by whoever wants the target
without Pulumi; it reads Git and the chart store and changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from gitops.application import ApplicationSpec
from gitops.application_order import ApplicationOrder, application_order, in_order
from gitops.application_target import ApplicationTarget
from gitops.argocd.set_policy import Recall, SetInGit, recalled
from gitops.charts import ChartStore
from gitops.config import Settings
from gitops.declared import declared
from gitops.deployment.inventory import Inventory
from gitops.errors import HomeOpsError
from gitops.impersonation import not_in_force, with_account
from gitops.objects.manifest import ResourceKey
from gitops.objects.ownership import Ownership, marked
from gitops.objects.placement import place
from gitops.objects.replacements import with_replacements
from gitops.objects.scope import Scopes, ServedKind, builtin_scopes, defined_kind, is_crd
from gitops.objects.shared_objects import settle
from gitops.projects import AppProject, check_application, check_manifest
from gitops.prune import holds_deletion
from gitops.render import Rendered, Renders, render_all
from gitops.rendering.cache import RenderCache
from gitops.stores import repositories as other_repositories
from gitops.syncing.checks import with_options
from gitops.syncing.options import Permission
from gitops.versions import ClusterVersions


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterView:
    """What composition needs to know of a cluster, from discovery or pinned in the config.

    ``complete`` is False where no cluster was asked: the kinds it may serve are then not known.
    """

    versions: ClusterVersions
    served: tuple[ServedKind, ...] = ()
    complete: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """All Applications of a revision; ``errors`` are those no Application could be made from,
    ``sets`` the ApplicationSets that Git itself declares."""

    applications: tuple[ApplicationTarget, ...]
    errors: tuple[HomeOpsError, ...] = ()
    scopes: Scopes = field(default_factory=Scopes)
    order: ApplicationOrder = field(default_factory=ApplicationOrder)
    warnings: tuple[str, ...] = ()
    projects: tuple[AppProject, ...] = ()
    sets: tuple[SetInGit, ...] = ()

    @property
    def all_errors(self) -> tuple[HomeOpsError, ...]:
        """Every error of the run, those of Applications included."""
        broken = (each.error for each in self.applications if each.error)
        return (*self.errors, *broken)

    @property
    def holds_deletion(self) -> str:
        """Why nothing may be deleted now (docs/adr/0003); empty where it may."""
        return holds_deletion([each.subject for each in self.all_errors])

    @property
    def keys(self) -> tuple[ResourceKey, ...]:
        """The identities of all rendered objects."""
        return tuple(each.key for app in self.applications for each in app.manifests)

    @property
    def hook_keys(self) -> frozenset[ResourceKey]:
        """The identities of all hooks; of one with a generated name it is only the prefix."""
        return frozenset(each.manifest.key for app in self.applications for each in app.hooks)

    @property
    def skipped(self) -> frozenset[ResourceKey]:
        """The objects in Git that are left alone (``argocd.argoproj.io/hook: Skip``)."""
        return frozenset(key for app in self.applications for key in app.skipped)


def compose(
    settings: Settings,
    *,
    root: Path,
    cluster: ClusterView,
    charts: ChartStore,
    cache: RenderCache | None = None,
    inventory: Inventory | None = None,
    stack: str = "",
    recall: Recall | None = None,
) -> Target:
    """Turn the tree under ``root`` into the target of every Application.

    Args:
        settings: the stack's config.
        root: the repository.
        cluster: versions and kinds to render and place for.
        charts: where charts come from.
        cache: renders of earlier runs.
        inventory: the last deployment, to refuse changes of immutable fields.
        stack: the name objects are marked with, to tell stacks on one cluster apart.
        recall: what ApplicationSets made in earlier runs; what the inventory says of it if None.

    Errors are values: an Application that cannot be composed carries its error and no manifests.

    Raises:
        DiscoveryError: there is no tree to read at all.
    """
    repositories = other_repositories(settings, root) if settings.argocd else None
    render = partial(
        render_all,
        root=root,
        charts=charts,
        cache=cache,
        load_restrictor=settings.load_restrictor,
        repositories=repositories,
    )
    found = declared(
        settings,
        root=root,
        render=lambda specs: _rendered(specs, cluster.versions, render),
        repositories=repositories,
        recall=recall or (lambda _: recalled(inventory or Inventory())),
    )
    projects = found.projects
    permitted, refused = _permitted(found.applications, projects)
    checks = _Checks(
        specs=permitted,
        refused=refused,
        rendered=found.applied(_rendered(permitted, cluster.versions, render)),
        projects=projects,
        inventory=inventory or Inventory(),
        cluster=cluster,
        impersonation=settings.impersonation,
    )
    targets, scopes = checks.run()
    applications = sorted(targets, key=lambda target: target.spec.name)
    return Target(
        applications=tuple(_owned(target, stack=stack) for target in applications),
        errors=found.errors,
        warnings=(*found.warnings, *not_in_force(settings, projects.values())),
        projects=tuple(projects.values()),
        sets=found.sets,
        scopes=scopes,
        order=application_order(applications),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Checks:
    """Everything that can break an Application once it is rendered."""

    specs: Sequence[ApplicationSpec]
    refused: Sequence[ApplicationTarget]
    rendered: Mapping[str, Rendered | HomeOpsError]
    projects: Mapping[str, AppProject]
    inventory: Inventory
    cluster: ClusterView
    impersonation: bool = False

    def run(self) -> tuple[list[ApplicationTarget], Scopes]:
        """The Applications, and the kinds that are known once the broken ones are left out.

        A broken Application is not applied, so it provides no definitions and owns nothing. What
        relied on it is looked at again without it, until that breaks nothing more.
        """
        broken = {target.spec.name: target for target in self.refused}
        while True:
            scopes = _scopes(
                self.cluster, {n: each for n, each in self.rendered.items() if n not in broken}
            )
            targets = settle([broken.get(s.name) or self._placed(s, scopes) for s in self.specs])
            targets = [
                *(with_replacements(target, self.inventory) for target in targets),
                *self.refused,
            ]
            targets = in_order(targets)
            found = {each.spec.name: each for each in targets if each.error is not None}
            if found.keys() == broken.keys():
                return targets, scopes
            broken = found

    def _placed(self, spec: ApplicationSpec, scopes: Scopes) -> ApplicationTarget:
        outcome = self.rendered[spec.name]
        if isinstance(outcome, HomeOpsError):
            return ApplicationTarget(spec=spec, error=outcome)
        placed = with_options(place(spec, outcome.manifests, scopes=scopes))
        placed = replace(placed, inputs=outcome.digest, from_cache=outcome.from_cache)
        project = self.projects[spec.project]
        placed = with_account(placed, project) if self.impersonation else placed
        return _within_project(placed, project, scopes)


def _permitted(
    specs: Sequence[ApplicationSpec], projects: Mapping[str, AppProject]
) -> tuple[list[ApplicationSpec], list[ApplicationTarget]]:
    permitted: list[ApplicationSpec] = []
    refused: list[ApplicationTarget] = []
    for spec in specs:
        errors = [spec.error] if spec.error else check_application(spec, projects)
        if errors:
            refused.append(ApplicationTarget(spec=spec, error=errors[0]))
        else:
            permitted.append(spec)
    return permitted, refused


def _rendered(
    specs: Sequence[ApplicationSpec], versions: ClusterVersions, render: Callable[..., Renders]
) -> dict[str, Rendered | HomeOpsError]:
    # A chart may ask which APIs the cluster has. Those that Applications are about to add count as
    # well, or the next run, with the definitions in place, would render something else.
    first = _outcomes(render(specs, versions=versions))
    added = _added_api_versions(versions, first.values())
    again = [
        spec
        for spec in specs
        if added and isinstance(r := first[spec.name], Rendered) and r.depends_on_api_versions
    ]
    if not again:
        return first
    extended = replace(versions, api_versions=(*versions.api_versions, *added))
    return {**first, **_outcomes(render(again, versions=extended))}


def _outcomes(renders: Renders) -> dict[str, Rendered | HomeOpsError]:
    return {**renders.rendered, **renders.errors}


def _added_api_versions(
    versions: ClusterVersions, outcomes: Iterable[Rendered | HomeOpsError]
) -> set[str]:
    added: set[str] = set()
    for kind in _defined(outcomes):
        for version in kind.versions:
            added |= {f"{kind.group}/{version}", f"{kind.group}/{version}/{kind.kind}"}
    return added - set(versions.api_versions)


def _defined(outcomes: Iterable[Rendered | HomeOpsError]) -> list[ServedKind]:
    return [
        defined_kind(manifest.outline)
        for outcome in outcomes
        if isinstance(outcome, Rendered)
        for manifest in outcome.manifests
        if is_crd(manifest.outline)
    ]


def _scopes(cluster: ClusterView, rendered: Mapping[str, Rendered | HomeOpsError]) -> Scopes:
    known = Scopes().extended(cluster.served)
    if not cluster.complete:
        # of a pinned kind the scope is guessed; that of built-in kinds is known
        known = known.extended(builtin_scopes().kinds.values())
    return known.extended(_defined(rendered.values()))


def _within_project(
    target: ApplicationTarget, project: AppProject, scopes: Scopes
) -> ApplicationTarget:
    hooks = (each.manifest for each in target.hooks)
    for manifest in (*target.manifests, *hooks):
        found = scopes.find(manifest.key.group, manifest.key.kind)
        namespaced = found is None or found.namespaced
        errors = check_manifest(manifest, project, namespaced=namespaced, subject=target.subject)
        if errors:
            return target.broken(errors[0])
    return target


def _owned(target: ApplicationTarget, *, stack: str) -> ApplicationTarget:
    ownership = Ownership(application=target.spec.name, stack=stack, retained=target.spec.retained)
    deleted = replace(ownership, retained=target.spec.preserved)
    owned = (
        replace(
            each,
            outline=marked(
                each.outline,
                each.key,
                deleted if target.options_for(each.key).delete is Permission.YES else ownership,
            ),
        )
        for each in target.manifests
    )
    return replace(target, manifests=tuple(owned))
