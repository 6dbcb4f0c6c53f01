from __future__ import annotations

import pytest

from gitops.application import ApplicationSpec, Destination, Source
from gitops.health import Health, HealthStatus
from gitops.records.record import SyncStatus
from gitops.status import label_selector
from gitops.status.application import ApplicationStatus, Sync
from reconciler.applications import Selection

SPEC = ApplicationSpec(
    name="local-media-jellyfin",
    category="media",
    application_set="apps",
    project="people",
    source=Source(path="apps/media/jellyfin"),
    destination=Destination(namespace="media"),
    labels={"tier": "gold"},
)


def application(spec: ApplicationSpec | None) -> ApplicationStatus:
    return ApplicationStatus(
        name="local-media-jellyfin",
        health=Health(status=HealthStatus.HEALTHY),
        sync=Sync(status=SyncStatus.UNKNOWN),
        spec=spec,
    )


@pytest.mark.parametrize(
    ("selection", "accepted"),
    [
        (Selection(), True),
        (Selection(categories=["ai", "media"]), True),
        (Selection(categories=["ai"]), False),
        (Selection(application_sets=["apps"], projects=["people"]), True),
        (Selection(application_sets=["apps"], projects=["others"]), False),
        (Selection(labels=label_selector.parse("tier=gold")), True),
        (Selection(labels=label_selector.parse("tier!=gold")), False),
    ],
)
def test_selection(selection: Selection, *, accepted: bool) -> None:
    """Every filter that is given must hold; one with several values takes any of them."""
    assert selection.accepts(application(SPEC)) is accepted


def test_what_is_not_in_git_has_no_category() -> None:
    """An Application that is in the cluster alone is shown where nothing is filtered."""
    assert Selection().accepts(application(None))
    assert not Selection(categories=["media"]).accepts(application(None))
