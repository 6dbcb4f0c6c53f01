"""Of which objects the health need not be asked again while nobody changes them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from gitops.health import HealthStatus, UserRule, UserRules, assess
from gitops.status.reading import is_settled
from tests.gitops.objects import an_object

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("api_version", "kind"),
    [("v1", "ConfigMap"), ("v1", "Secret"), ("rbac.authorization.k8s.io/v1", "Role")],
)
def test_what_only_holds_data_is_settled(api_version: str, kind: str) -> None:
    """Time makes nothing else of it."""
    group = api_version.rpartition("/")[0]
    assert is_settled(group, kind, None)
    live = an_object(api_version, kind, "a")
    live["metadata"]["creationTimestamp"] = NOW.isoformat()
    for days in (0, 1, 400):
        health = assess(live, now=NOW + timedelta(days=days))
        assert health.status is HealthStatus.HEALTHY


@pytest.mark.parametrize(
    ("group", "kind"),
    [
        ("apiextensions.k8s.io", "CustomResourceDefinition"),
        ("apps", "Deployment"),
        ("cert-manager.io", "Certificate"),
        ("example.org", "Widget"),
    ],
)
def test_what_others_report_on_is_not(group: str, kind: str) -> None:
    """Its health may hang on the time, on discovery, or on what its controller writes."""
    assert not is_settled(group, kind, None)


def test_a_script_is_asked_every_time() -> None:
    """A script of the user's may judge by the clock."""
    script = UserRule(pattern="ConfigMap", script="return {}")
    with UserRules([script]) as rules:
        assert not is_settled("", "ConfigMap", rules)
        assert is_settled("", "Secret", rules)
