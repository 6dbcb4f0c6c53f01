"""ArgoCD's annotations: which are known, which have no effect, which are refused."""

from __future__ import annotations

import pytest

from gitops.errors import ManifestError
from gitops.syncing.annotations import (
    ON_APPLICATIONS,
    ON_OBJECTS,
    REFUSED,
    WITHOUT_EFFECT,
    ApplicationOptions,
    application_options,
    check_annotations,
)
from tests.gitops.objects import config_map

PREFIX = "argocd.argoproj.io/"


@pytest.mark.parametrize(
    "name", sorted(ON_OBJECTS | ON_APPLICATIONS | REFUSED.keys() | WITHOUT_EFFECT.keys())
)
def test_known_annotations(name: str) -> None:
    """An object may carry every annotation ArgoCD documents; some are those of an Application."""
    check_annotations(config_map(annotations={name: "true"}))


def test_the_annotations_of_others() -> None:
    """Annotations outside ArgoCD's own domain are nobody's business here."""
    check_annotations(config_map(annotations={"notice.argocd.argoproj.io/content": "x", "a": "b"}))


def test_a_misspelled_annotation() -> None:
    """What ArgoCD would pass over in silence is refused with the object and what was meant."""
    with pytest.raises(ManifestError) as refusal:
        check_annotations(config_map(annotations={f"{PREFIX}sync-waves": "1"}))
    assert str(refusal.value).startswith(
        "ConfigMap settings: the annotation argocd.argoproj.io/sync-waves is not known; use one of "
    )
    assert str(refusal.value).endswith('did you mean "argocd.argoproj.io/sync-wave"?')


def test_an_application() -> None:
    """An Application's wave and compare options are read; what has no effect is not."""
    found = application_options(
        {
            f"{PREFIX}sync-wave": "-3",
            f"{PREFIX}compare-options": "ServerSideDiff=true,IncludeMutationWebhook=true",
            f"{PREFIX}manifest-generate-paths": ".;/shared",
            "example.com/team": "media",
        },
        subject="media/jellyfin",
    )
    assert found == ApplicationOptions(
        wave=-3,
        server_side_diff=True,
        include_mutation_webhook=True,
    )
    assert application_options({}, subject="media/jellyfin") == ApplicationOptions()


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("skip-reconcile", "true", "an Application in Git is always synced"),
        ("sync-waves", "1", 'did you mean "argocd.argoproj.io/sync-wave"?'),
        ("hook", "PreSync", "is not known; use one of argocd.argoproj.io/compare-options"),
        ("sync-wave", "first", "use a whole number"),
        ("deletion-approved", "2026-01-31T12:00:00Z", "says how to confirm it"),
        ("compare-options", "ServerSideDif=true", 'did you mean "ServerSideDiff=true"?'),
    ],
)
def test_refused_on_an_application(name: str, value: str, said: str) -> None:
    """A wrong annotation of an Application is refused with its name and what would be right."""
    with pytest.raises(ManifestError) as refusal:
        application_options({f"{PREFIX}{name}": value}, subject="media/jellyfin")
    assert "media/jellyfin: " in str(refusal.value)
    assert said in str(refusal.value)
