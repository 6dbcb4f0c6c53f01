"""Is an object a hook, which runs at one moment of a sync, instead of a part of the Application?

Called by placement: a hook must never be applied like an ordinary object, or a chart's pre-delete
Job would run on every first sync. Sources: ArgoCD, "Sync Phases and Waves" and "Helm" (hooks).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gitops.objects.manifest import HELM_HOOK, HOOK, SKIP, annotations_of
from gitops.objects.scope import is_crd

_CRD_INSTALL = "crd-install"
_HELM_TESTS = frozenset({"test", "test-success", "test-failure"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """The annotation that makes an object a hook, and when it says the hook runs."""

    annotation: str
    moments: tuple[str, ...]

    def __str__(self) -> str:
        """The annotation as it is written."""
        return f"{self.annotation}: {','.join(self.moments)}"

    @property
    def skipped(self) -> bool:
        """Whether the object is never applied, and left alone where it exists."""
        return self.annotation == HOOK and self.moments == (SKIP,)

    @property
    def is_helm_test(self) -> bool:
        """Whether the object belongs to ``helm test`` alone."""
        return self.annotation == HELM_HOOK and _HELM_TESTS.issuperset(self.moments)


def hook_of(body: Mapping[str, Any]) -> Hook | None:
    """The hook an object is, None for an ordinary object.

    ArgoCD's annotation wins over Helm's. Helm 2's ``crd-install`` marks no hook: such an object is
    applied as any other.
    """
    annotations = annotations_of(body)
    for annotation in (HOOK, HELM_HOOK):
        text = annotations.get(annotation)
        if text is not None:
            moments = tuple(part.strip() for part in text.split(","))
            hook = Hook(annotation=annotation, moments=moments)
            return None if _only_installs_a_definition(hook, body) else hook
    return None


def _only_installs_a_definition(hook: Hook, body: Mapping[str, Any]) -> bool:
    if hook.annotation != HELM_HOOK or _CRD_INSTALL not in hook.moments:
        return False
    return is_crd(body) or hook.moments == (_CRD_INSTALL,)
