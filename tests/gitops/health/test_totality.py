"""Health is total: whatever an object holds, it gets a status and never an error."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitops.health import HealthStatus, assess, custom_resources, worst
from gitops.health.assessment import RULES
from tests.gitops.health.test_cases import CASES, read

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
OBJECTS = [read(path)["object"] for path in CASES]
WORDS = st.sampled_from(
    ["True", "False", "Unknown", "Ready", "Failed", "Pending", "2026-05-01T12:00:00Z", "", "7"]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | WORDS
NAMES = st.text(max_size=6) | st.sampled_from(
    [
        "status", "spec", "metadata", "conditions", "type", "reason", "message", "phase", "state",
        "health", "generation", "observedGeneration", "replicas", "parents", "listeners", "name",
        "applied", "ceph", "details", "instances", "cluster", "result", "latestMoverStatus", "logs",
        "nextSyncTime", "notAfter", "printableStatus", "updateStatus", "validationMessages",
        "users", "bindings", "robustness", "level", "readyReplicas", "pauseConditions", "suspend",
        "paused", "lastTransitionTime", "annotations", "finalizers", "deletionTimestamp",
        "loadBalancer",
    ]
)  # fmt: skip
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)
KINDS = st.sampled_from(
    [
        *RULES,
        *custom_resources.RULES,
        *custom_resources.TIMED_RULES,
        *((group, "Widget") for group in custom_resources.GROUPS),
        *((f"s3.{family}", "Bucket") for family in custom_resources.FAMILIES),
        *(("example.org", "Widget"), ("gateway.example", "Route")),
    ]
)


def check(live: Any) -> None:
    """It is judged, in one line, twice alike, and is left as it was."""
    before = copy.deepcopy(live)
    health = assess(live, now=NOW)
    assert health.status in set(HealthStatus)
    assert "\n" not in health.message
    assert len(health.message) <= 400
    assert health.message or health.status is not HealthStatus.UNKNOWN
    assert assess(live, now=NOW) == health
    assert live == before


@given(JSON)
def test_any_json_value_gets_a_status(live: Any) -> None:
    """Nothing that JSON can hold raises, and Unknown always says why."""
    check(live)


@given(KINDS, JSON, JSON, JSON)
def test_any_status_of_a_known_kind_gets_a_status(
    kind: tuple[str, str], metadata: Any, spec: Any, status: Any
) -> None:
    """Every rule of ours is total, whatever stands in the parts of the object it reads."""
    group, name = kind
    check(
        {"apiVersion": f"{group}/v1" if group else "v1", "kind": name}
        | {"metadata": metadata, "spec": spec, "status": status}
    )


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value inside an object."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    found = []
    for key, inner in items:
        found.append((*path, key))
        if isinstance(inner, dict | list):
            found += places(inner, (*path, key))
    return found


@given(st.sampled_from(OBJECTS), st.data())
def test_an_object_spoilt_in_one_place_gets_a_status(live: Any, data: st.DataObject) -> None:
    """The cases' own objects, one value of each replaced by any other, reach the rules' depths."""
    spoilt = copy.deepcopy(live)
    *path, last = data.draw(st.sampled_from(places(spoilt)))
    inner = spoilt
    for key in path:
        inner = inner[key]
    inner[last] = data.draw(JSON)
    check(spoilt)


@pytest.mark.parametrize(
    "live",
    [
        {"kind": "Deployment", "apiVersion": "apps/v1", "metadata": {"generation": 10**5000}},
        {"kind": "Deployment", "apiVersion": "apps/v1", "spec": {"replicas": 10**5000}},
        {
            "kind": "HorizontalPodAutoscaler",
            "apiVersion": "autoscaling/v1",
            "metadata": {
                "annotations": {"autoscaling.alpha.kubernetes.io/conditions": "[" * 200_000}
            },
        },
        {
            "kind": "Widget",
            "apiVersion": "example.org/v1",
            "metadata": {"creationTimestamp": "0001-01-01T00:00:00+14:00"},
        },
    ],
    ids=["huge-generation", "huge-replicas", "deep-annotation", "first-day-of-time"],
)
def test_extreme_values_get_a_status(live: Any) -> None:
    """Values that Python itself refuses to print, parse or subtract raise nothing either."""
    check(live)


def test_a_clock_without_a_zone_is_read_as_utc() -> None:
    """A caller's naive clock is no reason to fail."""
    live = json.loads(json.dumps(OBJECTS[0])) | {"apiVersion": "example.org/v1", "kind": "Widget"}
    live["metadata"]["creationTimestamp"] = "2026-05-01T11:59:59Z"
    live.pop("status", None)
    health = assess(live, now=datetime(2026, 5, 1, 12))
    assert health.status is HealthStatus.PROGRESSING


def test_without_a_clock_the_machine_s_is_used() -> None:
    """An object made in this moment counts as just created."""
    created = datetime.now(UTC).isoformat()
    live = {"apiVersion": "example.org/v1", "kind": "Widget"}
    assert assess(live | {"metadata": {"creationTimestamp": created}}).status == "Progressing"


@given(st.lists(st.sampled_from(list(HealthStatus))))
def test_the_worst_status_wins(statuses: list[HealthStatus]) -> None:
    """The order is ArgoCD's, from Healthy to Unknown; nothing at all is Healthy."""
    order = ["Healthy", "Suspended", "Progressing", "Missing", "Degraded", "Unknown"]
    expected = max((order.index(status) for status in statuses), default=0)
    assert worst(statuses) == order[expected]
    assert isinstance(worst(iter(statuses)), HealthStatus)
