"""Which Application does a manifest of kind Application declare?

Called for manifests in Git and for what ApplicationSets make. Nothing of a manifest is passed over:
a field is used, accepted because it changes nothing here, or refused by name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gitops.application import ApplicationSpec, Destination, Source
from gitops.argocd import application_fields
from gitops.argocd.clusters import Clusters, Place
from gitops.argocd.fields import check, without_nulls
from gitops.argocd.sources import source_errors
from gitops.errors import DiscoveryError, HomeOpsError
from gitops.ignoring import rules as ignore_rules
from gitops.syncing.annotations import application_options
from gitops.templates.application_template import sync_policy

DECLARED = "applications"
"""The ApplicationSet of Applications that are in no set: Pulumi's tree has a place for them."""

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """What surrounds an Application's manifest.

    ``origin`` is what declares it, ``application_set`` its set. ``outlives`` says that its objects
    stay when it leaves Git, whatever its finalizers say. ``made_by_set`` is what a later run has to
    know of how its set made it.
    """

    origin: str
    application_set: str = DECLARED
    preserved: bool = True
    outlives: bool = False
    made_by_set: str = ""


def read(
    body: Mapping[str, Any], declaration: Declaration, *, clusters: Clusters
) -> tuple[ApplicationSpec | None, list[DiscoveryError]]:
    """The Application a manifest declares.

    Args:
        body: the manifest.
        declaration: what surrounds it. Without the resources finalizer the objects of an
            Application stay when it goes (ArgoCD, "App Deletion").
        clusters: which destinations are the stack's.

    Returns:
        The Application, or None and what is wrong with it; None without an error where another
        stack sees to its cluster.
    """
    body = without_nulls(body)
    named = body.get("metadata", {}).get("name", "") if isinstance(body, dict) else ""
    subject = f"Application {named} ({declaration.origin})"
    errors = check(body, application_fields.APPLICATION, subject=subject)
    if errors:
        return None, errors
    spec = body["spec"]
    destination = spec["destination"]
    target = {"name": destination.get("name", ""), "server": destination.get("server", "")}
    errors = [
        *_name_errors(named, subject),
        *_destination_errors(target, clusters, subject),
        *source_errors(spec, subject),
    ]
    if errors:
        return None, errors
    if clusters.place(**target) is Place.ELSEWHERE:
        return None, []
    try:
        return _specification(body, declaration), []
    except (HomeOpsError, ValueError) as error:
        return None, [_as_discovery_error(error, subject)]


def _name_errors(name: str, subject: str) -> list[DiscoveryError]:
    if len(name) <= 253 and _NAME.fullmatch(name):
        return []
    return [
        DiscoveryError(
            subject,
            f"metadata.name is {name!r}, which is no DNS name",
            remedy="use lower-case letters, digits, hyphens and dots",
        )
    ]


def _destination_errors(
    target: Mapping[str, str], clusters: Clusters, subject: str
) -> list[DiscoveryError]:
    name, server = target["name"], target["server"]
    if bool(name) == bool(server):
        found = "both name and server" if name else "neither name nor server"
        return [
            DiscoveryError(
                subject, f"spec.destination has {found}", remedy="write one of the two, as ArgoCD"
            )
        ]
    if clusters.place(name=name, server=server) is not Place.UNKNOWN:
        return []
    return [
        DiscoveryError(
            subject,
            f"spec.destination is {name or server!r}, and the stack's cluster goes by "
            f"{', '.join(sorted(clusters.known))}",
            remedy="if it is that cluster, describe it under home-ops:argocd.clusters; if another "
            "stack sees to it, name it under home-ops:argocd.elsewhere",
        )
    ]


def _specification(body: Mapping[str, Any], declaration: Declaration) -> ApplicationSpec:
    metadata, spec = body["metadata"], body["spec"]
    name = metadata["name"]
    annotations = metadata.get("annotations", {})
    application_options(annotations, subject=name)
    finalizers = () if declaration.outlives else tuple(metadata.get("finalizers", ()))
    sources = tuple(_source(each) for each in spec.get("sources", ()))
    # in ArgoCD, too, spec.source is passed over where there are several
    source = next((each for each in sources if not _only_referred_to(each)), None)
    source = source or (sources[0] if sources else _source(spec["source"]))
    return ApplicationSpec(
        name=name,
        category="",
        application_set=declaration.application_set,
        project=spec["project"] or "default",
        source=source,
        sources=sources,
        destination=Destination(namespace=spec["destination"].get("namespace", "")),
        sync_policy=sync_policy(spec.get("syncPolicy", {})),
        labels=metadata.get("labels", {}),
        annotations=annotations,
        finalizers=finalizers,
        preserve_resources_on_deletion=declaration.preserved or declaration.outlives,
        repo_url=source.repo_url,
        target_revision=source.target_revision,
        revision_history_limit=spec.get("revisionHistoryLimit", 10),
        ignore_differences=tuple(
            ignore_rules.read(entry, subject=f"{name}: spec.ignoreDifferences[{index}]")
            for index, entry in enumerate(spec.get("ignoreDifferences", ()))
        ),
        origin=declaration.origin,
        made_by_set=declaration.made_by_set,
    )


def _source(values: Mapping[str, Any]) -> Source:
    options = {
        tool: values[tool] for tool in ("helm", "kustomize", "directory") if values.get(tool)
    }
    return Source(
        path=values.get("path", "").strip("/") or ("" if values.get("chart") else "."),
        recurse=options.get("directory", {}).get("recurse", False),
        repo_url=values["repoURL"],
        target_revision=values.get("targetRevision", ""),
        chart=values.get("chart", ""),
        ref=values.get("ref", ""),
        options=options,
    )


def _only_referred_to(source: Source) -> bool:
    return bool(source.ref) and not source.chart and source.path in ("", ".")


def _as_discovery_error(error: HomeOpsError | ValueError, subject: str) -> DiscoveryError:
    if isinstance(error, HomeOpsError):
        reason = error.reason if error.subject in subject else f"{error.subject}: {error.reason}"
        return DiscoveryError(subject, reason, remedy=error.remedy)
    return DiscoveryError(subject, str(error), remedy="correct spec.syncPolicy")
