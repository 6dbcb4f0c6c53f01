"""Which limits does a manifest of kind AppProject set?

Called for manifests in Git. What ArgoCD would enforce and this program does not yet is named in a
warning: signature keys and source integrity.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gitops import projects
from gitops.argocd.clusters import IN_CLUSTER, Clusters
from gitops.argocd.fields import check, without_nulls
from gitops.argocd.project_fields import NOT_ENFORCED, PROJECT
from gitops.errors import DiscoveryError, HomeOpsError
from gitops.globs import matches
from gitops.projects import AppProject


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadProject:
    """A project, or what is wrong with its manifest; and what of it is not enforced."""

    project: AppProject | None = None
    errors: tuple[DiscoveryError, ...] = ()
    warnings: tuple[str, ...] = ()


def read(body: Mapping[str, Any], *, origin: str, clusters: Clusters) -> ReadProject:
    """The project a manifest declares.

    Args:
        body: the manifest.
        origin: the file or Application it is in.
        clusters: by which names destinations may mean the stack's cluster.
    """
    body = without_nulls(body)
    name = body.get("metadata", {}).get("name", "") if isinstance(body, dict) else ""
    subject = f"AppProject {name} ({origin})"
    errors = check(body, PROJECT, subject=subject)
    if not errors and not name:
        errors = [DiscoveryError(subject, "metadata.name is missing", remedy="name it")]
    if errors:
        return ReadProject(errors=tuple(errors))
    spec = body["spec"]
    values = {key: value for key, value in spec.items() if key not in NOT_ENFORCED}
    values["destinations"] = [
        _destination(entry, clusters) for entry in spec.get("destinations", ())
    ]
    values["destinationServiceAccounts"] = [
        _account(entry, clusters) for entry in spec.get("destinationServiceAccounts", ())
    ]
    values["syncWindows"] = [_window(entry, clusters) for entry in spec.get("syncWindows", ())]
    try:
        project = projects.read({**values, "name": name})
    except HomeOpsError as error:
        reason = f"spec.{error.subject.removeprefix(f'AppProject {name}: ')} {error.reason}"
        return ReadProject(errors=(DiscoveryError(subject, reason, remedy=error.remedy),))
    return ReadProject(
        project=project,
        warnings=tuple(
            f"{subject}: spec.{field} is read, but not enforced yet"
            for field in NOT_ENFORCED
            if spec.get(field)
        ),
    )


def _destination(entry: Mapping[str, str], clusters: Clusters) -> dict[str, str]:
    """The same destination with the name projects know the stack's cluster by, if it means it.

    A pattern that forbids (``!name``) is about every cluster it does not match.
    """
    found = {"namespace": entry.get("namespace", "")}
    for field, own in (("name", "in-cluster"), ("server", "https://kubernetes.default.svc")):
        pattern = entry.get(field, "")
        if not pattern:
            continue
        denies = pattern.startswith("!")
        means = any(matches(pattern.removeprefix("!"), known) for known in clusters.known)
        found[field] = f"{'!' if denies else ''}{own}" if means else pattern
    return found


def _account(entry: Mapping[str, str], clusters: Clusters) -> dict[str, str]:
    """The same account with the server projects know the stack's cluster by, if it means it."""
    own = any(matches(entry["server"], known) for known in clusters.known)
    return {**entry, "server": "https://kubernetes.default.svc" if own else entry["server"]}


def _window(entry: Mapping[str, Any], clusters: Clusters) -> dict[str, Any]:
    """The same sync window, about the one name windows know the stack's cluster by."""
    patterns = entry.get("clusters", ())
    own = any(matches(pattern, known) for pattern in patterns for known in clusters.known)
    return {**entry, "clusters": [IN_CLUSTER] if own else list(patterns)}
