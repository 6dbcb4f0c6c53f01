"""Which Applications does a manifest of kind ApplicationSet make?

Called for manifests in Git. A set whose manifest or generators are wrong makes none; one of its
Applications that is wrong leaves the others alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gitops import yaml_reader
from gitops.application import ApplicationSpec
from gitops.argocd import applications
from gitops.argocd.application_set_fields import APPLICATION_SET
from gitops.argocd.applications import Declaration
from gitops.argocd.clusters import Clusters
from gitops.argocd.fields import check, without_nulls
from gitops.argocd.generators import KINDS, Generating
from gitops.argocd.parameters import Parameters
from gitops.argocd.patching import over, patched
from gitops.argocd.set_policy import (
    NEVER_DELETED,
    NEVER_UPDATED,
    SYNC,
    Made,
    Recall,
    nothing_made,
)
from gitops.argocd.templating import Templates
from gitops.errors import DiscoveryError, HomeOpsError

_FINALIZER = "resources-finalizer.argocd.argoproj.io"


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What every set of a pass shares; ``policy`` takes the place of their ``applicationsSync``,
    ``recall`` knows what they made in earlier runs."""

    templates: Templates
    trees: Callable[[str, str], Path]
    clusters: Clusters
    policy: str = ""
    recall: Recall = nothing_made


def read(
    body: Mapping[str, Any], *, origin: str, around: Surroundings
) -> tuple[list[ApplicationSpec], list[DiscoveryError]]:
    """The Applications a set makes.

    Args:
        body: the manifest.
        origin: the file or Application it is in.
        around: what generators read.
    """
    body = without_nulls(body)
    name = body.get("metadata", {}).get("name", "") if isinstance(body, dict) else ""
    subject = f"ApplicationSet {name} ({origin})"
    errors = check(body, APPLICATION_SET, subject=subject)
    errors = errors or list(_refused(body, subject))
    if errors:
        return [], errors
    application_set = _Set(
        name=name,
        subject=subject,
        spec=body["spec"],
        namespace=body["metadata"].get("namespace"),
        override=around.policy,
    )
    try:
        made = list(application_set.manifests(around))
        earlier = around.recall(None) if application_set.applied != SYNC else {}
    except HomeOpsError as error:
        return [], [_discovery_error(error, subject)]
    found: list[ApplicationSpec] = []
    for manifest in made:
        if isinstance(manifest, DiscoveryError):
            errors.append(manifest)
            continue
        spec, wrong = _application(manifest, application_set, earlier, around.clusters)
        errors += wrong
        found += [spec] if spec else []
    return found, errors


def lives_on(
    made: Made, *, policy: str, clusters: Clusters
) -> tuple[ApplicationSpec | None, list[DiscoveryError]]:
    """An Application that its set has made and makes no longer, and that is not deleted for that.

    Args:
        made: what is remembered of it.
        policy: what its set says now; empty where the set has gone, too.
        clusters: which destinations are the stack's.
    """
    made = replace(made, policy=policy or made.policy)
    declaration = Declaration(
        origin=f"ApplicationSet {made.application_set}, which makes it no longer",
        application_set=made.application_set,
        outlives=True,
        made_by_set=str(made),
    )
    return applications.read(made.manifest, declaration, clusters=clusters)


def _application(
    manifest: dict[str, Any], application_set: _Set, earlier: Mapping[str, Made], clusters: Clusters
) -> tuple[ApplicationSpec | None, list[DiscoveryError]]:
    """One Application of a set: as it was made first, where its set does not update it."""
    declaration = application_set.declaration
    policy = application_set.applied
    if policy == SYNC:
        return applications.read(manifest, declaration, clusters=clusters)
    known = earlier.get(manifest["metadata"].get("name", ""))
    ours = known is not None and known.application_set == application_set.name
    if known is not None and ours and policy in NEVER_UPDATED:
        manifest = dict(known.manifest)
        declaration = replace(declaration, preserved=True)  # its own finalizers say what happens
    made = Made(application_set=application_set.name, policy=policy, manifest=manifest)
    return applications.read(
        manifest, replace(declaration, made_by_set=str(made)), clusters=clusters
    )


def _refused(body: Mapping[str, Any], subject: str) -> Iterator[DiscoveryError]:
    """Values that ArgoCD has and we refuse by name."""
    spec = body["spec"]
    if not body["metadata"].get("name"):
        yield DiscoveryError(subject, "metadata.name is missing", remedy="name it")
    if spec.get("strategy", {}).get("type") == "RollingSync":
        yield DiscoveryError(
            subject,
            "spec.strategy.type RollingSync is not supported: Applications of a set are synced "
            "together",
            remedy="order them with argocd.argoproj.io/sync-wave on the template",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Set:
    """A set whose fields have been checked."""

    name: str
    subject: str
    spec: Mapping[str, Any]
    namespace: str | None
    override: str

    @property
    def options(self) -> tuple[str, ...] | None:
        """``goTemplateOptions`` where the set has Go templates."""
        return (
            tuple(self.spec.get("goTemplateOptions", ())) if self.spec.get("goTemplate") else None
        )

    @property
    def policy(self) -> Mapping[str, Any]:
        """``syncPolicy``."""
        found: Mapping[str, Any] = self.spec.get("syncPolicy", {})
        return found

    @property
    def applied(self) -> str:
        """The ``applicationsSync`` that holds for the set."""
        return self.override or str(self.policy.get("applicationsSync", SYNC))

    @property
    def declaration(self) -> Declaration:
        """What surrounds each Application of the set."""
        return Declaration(
            origin=self.subject,
            application_set=self.name,
            preserved=self.policy.get("preserveResourcesOnDeletion", False),
            outlives=self.applied in NEVER_DELETED,
        )

    def manifests(self, around: Surroundings) -> Iterator[dict[str, Any] | DiscoveryError]:
        """The manifest of each Application, or what is wrong with it."""
        generating = Generating(
            subject=self.subject,
            templates=around.templates,
            trees=around.trees,
            clusters=around.clusters,
            options=self.options,
        )
        for generator in self.spec["generators"]:
            own: Mapping[str, Any] = next(
                (generator[kind] for kind in KINDS if kind in generator), {}
            )
            template = over(own.get("template", {}), self.spec["template"])
            for parameters in generating.parameters(generator):
                try:
                    yield self._manifest(template, parameters, around.templates)
                except HomeOpsError as error:
                    yield _discovery_error(error, self.subject)

    def _manifest(
        self, template: Mapping[str, Any], parameters: Parameters, templates: Templates
    ) -> dict[str, Any]:
        filled = template
        if parameters:
            filled = templates.fill(
                template, parameters, options=self.options, subject=self.subject
            )
        body = {"metadata": dict(filled.get("metadata", {})), "spec": filled.get("spec", {})}
        preserve = self.policy.get("preserveResourcesOnDeletion", False)
        if not preserve and not body["metadata"].get("finalizers"):
            body["metadata"]["finalizers"] = [_FINALIZER]
        if "templatePatch" in self.spec:
            body = self._patched(body, parameters, templates)
        body["metadata"].pop("namespace", None)
        return body

    def _patched(
        self, body: dict[str, Any], parameters: Parameters, templates: Templates
    ) -> dict[str, Any]:
        text = templates.fill(
            self.spec["templatePatch"], parameters, options=self.options, subject=self.subject
        )
        documents = yaml_reader.load(text, source=f"{self.subject}: templatePatch")
        patch = documents[0] if documents else None
        if patch is None:
            return body
        if not isinstance(patch, dict) or len(documents) > 1:
            raise DiscoveryError(
                self.subject, "spec.templatePatch is no mapping", remedy="correct it"
            )
        project = body["spec"].get("project")
        try:
            found = patched(body, patch)
        except ValueError as error:
            raise DiscoveryError(
                self.subject, f"spec.templatePatch: {error}", remedy="correct it"
            ) from error
        found["spec"] = {**found["spec"], "project": project}  # as in ArgoCD, no patch changes it
        return found


def _discovery_error(error: HomeOpsError, subject: str) -> DiscoveryError:
    if isinstance(error, DiscoveryError):
        return error
    reason = error.reason if error.subject == subject else f"{error.subject}: {error.reason}"
    return DiscoveryError(subject, reason, remedy=error.remedy)
