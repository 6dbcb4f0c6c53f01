"""Hooks: which objects are hooks, by whose annotation."""

from __future__ import annotations

import pytest

from gitops.syncing.hooks import hook_of
from tests.gitops.objects import HELM_HOOK, HOOK, an_object, config_map, definition


@pytest.mark.parametrize(
    ("annotations", "text"),
    [
        ({HOOK: "PreSync"}, "argocd.argoproj.io/hook: PreSync"),
        ({HOOK: "PreSync, PostSync"}, "argocd.argoproj.io/hook: PreSync,PostSync"),
        ({HELM_HOOK: "pre-install,pre-upgrade"}, "helm.sh/hook: pre-install,pre-upgrade"),
        ({HELM_HOOK: "pre-delete"}, "helm.sh/hook: pre-delete"),
        ({HELM_HOOK: "crd-install,pre-install"}, "helm.sh/hook: crd-install,pre-install"),
        ({HELM_HOOK: ""}, "helm.sh/hook: "),
        ({HOOK: "Sync", HELM_HOOK: "pre-delete"}, "argocd.argoproj.io/hook: Sync"),
        ({HOOK: "Sync", HELM_HOOK: "crd-install"}, "argocd.argoproj.io/hook: Sync"),
    ],
)
def test_hooks(annotations: dict[str, str], text: str) -> None:
    """Either annotation makes an object a hook, and ArgoCD's wins."""
    hook = hook_of(an_object("batch/v1", "Job", "migrate", annotations=annotations))
    assert hook is not None
    assert str(hook) == text
    assert not hook.skipped
    assert not hook.is_helm_test


def test_ordinary_objects() -> None:
    """Without an annotation, or with Helm 2's crd-install, an object is no hook."""
    assert hook_of(config_map()) is None
    assert hook_of(config_map(annotations={HELM_HOOK: "crd-install"})) is None
    assert hook_of(definition(annotations={HELM_HOOK: "crd-install,pre-upgrade"})) is None


@pytest.mark.parametrize("moments", ["test", "test-success", "test-failure", "test, test-failure"])
def test_helm_tests(moments: str) -> None:
    """What only `helm test` runs is known as such."""
    hook = hook_of(config_map(annotations={HELM_HOOK: moments}))
    assert hook is not None
    assert hook.is_helm_test


def test_a_helm_test_that_is_more_than_a_test() -> None:
    """A hook that also runs at an installation is no mere test."""
    hook = hook_of(config_map(annotations={HELM_HOOK: "test,post-install"}))
    assert hook is not None
    assert not hook.is_helm_test


@pytest.mark.parametrize(("moments", "skipped"), [("Skip", True), ("Skip,PreSync", False)])
def test_skip(*, moments: str, skipped: bool) -> None:
    """Skip alone leaves an object out; beside a phase it means nothing (ArgoCD)."""
    hook = hook_of(config_map(annotations={HOOK: moments, HELM_HOOK: "pre-install"}))
    assert hook is not None
    assert hook.skipped is skipped
