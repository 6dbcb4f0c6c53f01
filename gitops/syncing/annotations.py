"""Which ``argocd.argoproj.io`` annotations may an object or an Application have, to what effect?

Called for every rendered object and for every Application. A misspelled annotation would be passed
over in silence by ArgoCD; we refuse every one its page "Annotations and Labels" does not have. What
has no effect here is accepted, so that a repository written for ArgoCD works unchanged.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gitops.configuration.suggestions import did_you_mean
from gitops.errors import ManifestError
from gitops.objects.manifest import HOOK, SYNC_WAVE, ResourceKey, annotations_of, wave_of
from gitops.objects.ownership import live_key
from gitops.syncing.hook_plan import HOOK_DELETE_POLICY
from gitops.syncing.options import (
    COMPARE_OPTIONS,
    IGNORE_HEALTHCHECK,
    IGNORE_RESTART_POLICY,
    SYNC_OPTIONS,
    compare_options,
)

PREFIX = "argocd.argoproj.io/"

ON_OBJECTS = frozenset(
    {
        COMPARE_OPTIONS,
        HOOK,
        HOOK_DELETE_POLICY,
        IGNORE_HEALTHCHECK,
        IGNORE_RESTART_POLICY,
        SYNC_OPTIONS,
        SYNC_WAVE,
    }
)
ON_APPLICATIONS = frozenset({COMPARE_OPTIONS, SYNC_WAVE})

# What cannot be honoured on an Application of ours, why, and what to do instead.
REFUSED: Mapping[str, tuple[str, str]] = {
    f"{PREFIX}deletion-approved": (
        "there is no Application object to approve a deletion on",
        "remove it; a run that stops before a deletion says how to confirm it",
    ),
    f"{PREFIX}skip-reconcile": (
        "an Application in Git is always synced",
        "remove it",
    ),
}

# Accepted wherever they stand, and why they change nothing here.
WITHOUT_EFFECT: Mapping[str, str] = {
    f"{PREFIX}application-set-refresh": "every run reads Git anew",
    f"{PREFIX}client-side-apply-migration-manager": "server-side apply takes every field it sets",
    f"{PREFIX}health-aggregate-overrides": "an Application is as healthy as its worst object",
    f"{PREFIX}hydrate": "sources are not hydrated",
    f"{PREFIX}hydrate-timestamp": "sources are not hydrated",
    f"{PREFIX}ignore-default-links": "no links are generated",
    f"{PREFIX}ignore-resource-updates": "objects are listed, not watched",
    f"{PREFIX}installation-id": "home-ops/stack tells two installations apart",
    f"{PREFIX}managed-by-url": "there is one installation for each cluster",
    f"{PREFIX}manifest-generate-paths": "a digest of its inputs decides what is rendered again",
    f"{PREFIX}refresh": "every run reads Git anew",
    f"{PREFIX}refresh-timestamp": "every run reads Git anew",
    f"{PREFIX}tracking-id": "home-ops/tracking-id says whose an object is",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationOptions:
    """What the annotations of an Application say; ``wave`` orders Applications."""

    wave: int = 0
    server_side_diff: bool | None = None
    include_mutation_webhook: bool = False
    ignore_extraneous: bool = False


def check_annotations(body: Mapping[str, Any]) -> None:
    """Refuse an object with an annotation ArgoCD does not know.

    Raises:
        ManifestError: the annotation, the object and those that are known.
    """
    # Objects include Applications of other ArgoCDs, so what theirs may have is no mistake.
    allowed = (*ON_OBJECTS, *ON_APPLICATIONS, *REFUSED, *WITHOUT_EFFECT)
    for name in annotations_of(body):
        if name.startswith(PREFIX) and name not in allowed:
            raise _unknown(name, ON_OBJECTS, allowed, subject=str(live_key(body)))


def application_options(annotations: Mapping[str, str], *, subject: str) -> ApplicationOptions:
    """Read the annotations of one of our Applications.

    Args:
        annotations: those of the ApplicationSet's template.
        subject: what errors call the Application.

    Raises:
        ManifestError: an annotation is not known, cannot be honoured, or has a wrong value.
    """
    for name in annotations:
        if name in REFUSED:
            reason, remedy = REFUSED[name]
            raise ManifestError(subject, f"{name} is set, but {reason}", remedy=remedy)
        if name.startswith(PREFIX) and name not in ON_APPLICATIONS | WITHOUT_EFFECT.keys():
            raise _unknown(
                name, ON_APPLICATIONS, (*ON_APPLICATIONS, *WITHOUT_EFFECT), subject=subject
            )
    key = ResourceKey(group="argoproj.io", kind="Application", namespace="", name=subject)
    return ApplicationOptions(
        wave=wave_of({"metadata": {"annotations": annotations}}, key),
        **compare_options(annotations.get(COMPARE_OPTIONS), subject=subject),
    )


def _unknown(
    name: str, useful: Iterable[str], allowed: Iterable[str], *, subject: str
) -> ManifestError:
    return ManifestError(
        subject,
        f"the annotation {name} is not known",
        remedy=f"use one of {', '.join(sorted(useful))}{did_you_mean(name, allowed)}",
    )
