"""Which Applications and projects does an ArgoCD repository declare?

Called by composition: the manifests under the paths in the config, what they render to, and what
that declares in turn (app of apps), until nothing new is found. Errors are values: one wrong
manifest keeps the others from nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from gitops.application import ApplicationSpec, Destination, Source
from gitops.argocd import application_sets, applications, appprojects
from gitops.argocd.application_sets import Surroundings
from gitops.argocd.applications import DECLARED, Declaration
from gitops.argocd.declarations import KINDS, declares
from gitops.argocd.set_policy import (
    NEVER_DELETED,
    Recall,
    SetInGit,
    nothing_made,
    set_in_git,
)
from gitops.argocd.settings import ArgoCDSettings
from gitops.argocd.templating import Templates
from gitops.errors import DiscoveryError, HomeOpsError
from gitops.objects.manifest import Manifest
from gitops.projects import AppProject
from gitops.render import Rendered

Outcomes = Mapping[str, Rendered | HomeOpsError]


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """Everything an ArgoCD repository declares; ``applications`` holds those given, too."""

    applications: tuple[ApplicationSpec, ...] = ()
    projects: tuple[AppProject, ...] = ()
    errors: tuple[DiscoveryError, ...] = ()
    warnings: tuple[str, ...] = ()
    sets: tuple[SetInGit, ...] = ()


def read(
    settings: ArgoCDSettings,
    given: Sequence[ApplicationSpec],
    *,
    root: Path,
    render: Callable[[Sequence[ApplicationSpec]], Outcomes],
    trees: Callable[[str, str], Path],
    recall: Recall = nothing_made,
) -> Declared:
    """Everything the repository declares.

    Args:
        settings: where to begin.
        given: Applications known from elsewhere; their objects may declare more.
        root: the repository.
        render: what Applications render to; an Application that cannot be rendered declares
            nothing, and composition reports it.
        trees: a repository at a revision, for generators.
        recall: what sets made in earlier runs.
    """
    with Templates() as templates:
        reading = _Reading(
            settings=settings,
            around=Surroundings(
                templates=templates,
                trees=trees,
                clusters=settings.clusters,
                policy=settings.policy,
                recall=recall,
            ),
        )
        for spec in given:
            reading.add(spec, parent="")
        reading.begin(root, render)
        while reading.waiting:
            reading.take(render)
        reading.recall()
        while reading.waiting:
            reading.take(render)
    return Declared(
        applications=tuple(sorted(reading.known.values(), key=lambda spec: spec.name)),
        projects=tuple(reading.projects[name] for name in sorted(reading.projects)),
        errors=tuple(sorted(set(reading.errors), key=str)),
        warnings=tuple(sorted(set(reading.warnings))),
        sets=tuple(reading.sets[name] for name in sorted(reading.sets)),
    )


@dataclass(slots=True, kw_only=True)
class _Reading:
    """One walk over everything that declares something."""

    settings: ArgoCDSettings
    around: Surroundings
    known: dict[str, ApplicationSpec] = field(default_factory=dict)
    parents: dict[str, str] = field(default_factory=dict)
    waiting: list[ApplicationSpec] = field(default_factory=list)
    projects: dict[str, AppProject] = field(default_factory=dict)
    sets: dict[str, SetInGit] = field(default_factory=dict)
    errors: list[DiscoveryError] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def begin(self, root: Path, render: Callable[[Sequence[ApplicationSpec]], Outcomes]) -> None:
        """Read what stands under the paths of the config."""
        files = {path: (root / path).is_file() for path in self.settings.paths}
        specs = [_beginning(path, is_file=is_file) for path, is_file in files.items()]
        outcomes = render(specs) if specs else {}
        for spec in specs:
            outcome = outcomes[spec.name]
            if isinstance(outcome, HomeOpsError):
                self.errors.append(DiscoveryError(spec.name, outcome.reason, remedy=outcome.remedy))
                continue
            for manifest in outcome.manifests:
                if declares(manifest):
                    self._declared(manifest, origin=manifest.source or spec.name, parent="")
                else:
                    self.errors.append(_refused_object(manifest, spec.name))

    def take(self, render: Callable[[Sequence[ApplicationSpec]], Outcomes]) -> None:
        """Look at what the Applications that are waiting declare."""
        level, self.waiting = self.waiting, []
        outcomes = render(level)
        for spec in level:
            outcome = outcomes[spec.name]
            if isinstance(outcome, HomeOpsError):
                continue
            declaring = [each for each in outcome.manifests if declares(each)]
            if declaring:
                self.known[spec.name] = replace(spec, declares=True)
            for manifest in declaring:
                self._declared(manifest, origin=f"Application {spec.name}", parent=spec.name)

    def add(self, spec: ApplicationSpec, *, parent: str) -> None:
        """Take in an Application, unless it is known or a circle of them closes."""
        known = self.known.get(spec.name)
        if known is None:
            self.known[spec.name] = spec
            self.parents[spec.name] = parent
            self.waiting.append(spec)
        elif spec.name != parent and spec.name in (circle := self._ancestors(parent)):
            chain = " -> ".join((*reversed(circle[: circle.index(spec.name) + 1]), spec.name))
            self.errors.append(
                DiscoveryError(
                    spec.name,
                    f"Applications declare each other in a circle: {chain}",
                    remedy="remove one of the declarations",
                )
            )
        elif not _same(known, spec):
            self.errors.append(
                DiscoveryError(
                    spec.name,
                    f"the Application is declared differently in {known.origin or known.subject} "
                    f"and in {spec.origin or spec.subject}",
                    remedy="rename one, or make them the same",
                )
            )

    def recall(self) -> None:
        """Take in what sets have made, make no longer, and do not delete either."""
        for name, made in sorted(self.around.recall(frozenset(self.known)).items()):
            application_set = self.sets.get(made.application_set)
            policy = self.settings.policy or (application_set.policy if application_set else "")
            if name in self.known or (policy or made.policy) not in NEVER_DELETED:
                continue
            spec, errors = application_sets.lives_on(
                made, policy=policy, clusters=self.settings.clusters
            )
            self.errors += errors
            if spec is None:
                continue
            if gone := self._gone(spec):
                self.warnings.append(
                    f"{name}: ApplicationSet {made.application_set} makes it no longer, and {gone} "
                    "is gone; its objects stay, and nobody looks after them"
                )
                continue
            self.add(spec, parent="")

    def _gone(self, spec: ApplicationSpec) -> str:
        """A directory that an Application is made of and that is not there."""
        for source in spec.all_sources:
            try:
                root = self.around.trees(source.repo_url, source.target_revision)
            except HomeOpsError:
                continue  # what cannot be reached may be there
            if not source.chart and not (root / (source.path or ".")).is_dir():
                return source.path
        return ""

    def _declared(self, manifest: Manifest, *, origin: str, parent: str) -> None:
        # what a parent that does not prune declared stays when it is declared no longer
        outlives = bool(parent) and not self.known[parent].sync_policy.prune
        if manifest.key.kind == "AppProject":
            self._project(manifest, origin)
            return
        if manifest.key.kind == "ApplicationSet":
            specs, errors = application_sets.read(manifest.body, origin=origin, around=self.around)
            self._policy(manifest.body)
            if outlives:
                specs = [
                    replace(each, finalizers=(), preserve_resources_on_deletion=True)
                    for each in specs
                ]
        else:
            declaration = Declaration(origin=origin, outlives=outlives)
            spec, errors = applications.read(
                manifest.body, declaration, clusters=self.settings.clusters
            )
            specs = [spec] if spec else []
        self.errors += errors
        for each in specs:
            self.add(each, parent=parent)

    def _policy(self, body: Mapping[str, Any]) -> None:
        try:
            found = set_in_git(body, policy=self.settings.policy)
        except (KeyError, TypeError, AttributeError):
            return  # it is refused, with everything that is wrong
        self.sets[found.name] = found

    def _project(self, manifest: Manifest, origin: str) -> None:
        found = appprojects.read(manifest.body, origin=origin, clusters=self.settings.clusters)
        self.errors += found.errors
        if found.project is None:
            return
        name = found.project.name
        if name not in self.projects:
            self.warnings += found.warnings
        if self.projects.setdefault(name, found.project) != found.project:
            self.errors.append(
                DiscoveryError(
                    f"AppProject {name} ({origin})",
                    "the project is declared differently elsewhere",
                    remedy="rename one, or make them the same",
                )
            )

    def _ancestors(self, name: str) -> tuple[str, ...]:
        found: list[str] = []
        while name and name not in found:
            found.append(name)
            name = self.parents.get(name, "")
        return tuple(found)


def _beginning(path: str, *, is_file: bool) -> ApplicationSpec:
    """What stands under a path, as an Application that is never applied."""
    above, _, name = path.rpartition("/")
    options = {"directory": {"recurse": True, "include": name}} if is_file else {}
    return ApplicationSpec(
        name=f"config home-ops:argocd.paths[{path}]",
        category="",
        application_set=DECLARED,
        project="default",
        source=Source(
            path=(above or ".") if is_file else path, recurse=not is_file, options=options
        ),
        destination=Destination(namespace="argocd"),
        origin=path,
    )


def _same(one: ApplicationSpec, other: ApplicationSpec) -> bool:
    def compared(spec: ApplicationSpec) -> ApplicationSpec:
        return replace(
            spec,
            origin="",
            declares=False,
            made_by_set="",
            finalizers=(),
            preserve_resources_on_deletion=False,
        )

    return compared(one) == compared(other)


def _refused_object(manifest: Manifest, where: str) -> DiscoveryError:
    return DiscoveryError(
        where,
        f"{manifest.key} is none of {', '.join(KINDS)}, and nothing would apply it",
        remedy="move it to the directory of an Application, or name the other files alone",
    )
