"""Hooks: which objects they are, in which phase and order they run, and when they are deleted."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gitops.errors import ManifestError
from gitops.objects.manifest import Manifest, SyncPhase
from gitops.syncing.hook_plan import (
    HELM_HOOK_DELETE_POLICY,
    HELM_HOOK_WEIGHT,
    HELM_PHASES,
    HOOK_DELETE_POLICY,
    NAME_LIMIT,
    HookPlan,
    PlannedHook,
    generated_name,
    hooks_of,
)
from tests.gitops.objects import HELM_HOOK, HOOK, SYNC_WAVE, an_object, config_map, definition

TESTDATA = Path(__file__).parents[1] / "testdata" / "hook_plan"
CASES = {
    path.parent.name: yaml.safe_load(path.read_text()) for path in TESTDATA.glob("*/case.yaml")
}
ANNOTATIONS = {
    "hook": HOOK,
    "wave": SYNC_WAVE,
    "policy": HOOK_DELETE_POLICY,
    "helm": HELM_HOOK,
    "weight": HELM_HOOK_WEIGHT,
    "helm_policy": HELM_HOOK_DELETE_POLICY,
}
VERSIONS = {"Job": "batch/v1"}
STARTED = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)


def manifest(line: dict[str, Any]) -> Manifest:
    """An object of a case."""
    body = an_object(
        VERSIONS.get(line["kind"], "v1"),
        line["kind"],
        line.get("name", ""),
        namespace=line.get("namespace", ""),
        annotations={ANNOTATIONS[key]: line[key] for key in ANNOTATIONS if key in line},
    )
    if "generate" in line:
        body["metadata"] = {**body["metadata"], "generateName": line["generate"]}
        del body["metadata"]["name"]
    return Manifest.from_body(body)


def plan_of(*lines: dict[str, Any]) -> HookPlan:
    return hooks_of([manifest(line) for line in lines])


def hook(**line: str) -> PlannedHook:
    """The only hook of an Application, a Job."""
    (found,) = plan_of({"kind": "Job", "name": "migrate", "hook": "PreSync", **line}).hooks
    return found


def described(found: PlannedHook) -> str:
    key, policies = found.manifest.key, ",".join(sorted(found.delete_policies))
    return f"{found.phase} {found.wave} {key.kind} {key.name} {policies}"


@pytest.mark.parametrize("name", sorted(name for name in CASES if not name.startswith("bad_")))
def test_plans(name: str) -> None:
    """Every object is in exactly one part of the plan, and the hooks are in the order they run."""
    case = CASES[name]
    found = plan_of(*case["manifests"])
    assert [described(each) for each in found.hooks] == case["hooks"]
    assert [each.key.name for each in found.manifests] == case["manifests_left"]
    assert [each.key.name for each in found.skipped] == case["skipped"]
    assert [each.key.name for each in found.unsupported] == case["unsupported"]


@pytest.mark.parametrize("name", sorted(name for name in CASES if name.startswith("bad_")))
def test_refused(name: str) -> None:
    """What ArgoCD and Helm pass over in silence is refused with the object and what is allowed."""
    with pytest.raises(ManifestError) as refusal:
        plan_of(*CASES[name]["manifests"])
    assert str(refusal.value).startswith("Job.batch a")
    for text in CASES[name]["refused"]:
        assert text in str(refusal.value)


def test_hooks_of_a_phase() -> None:
    """The hooks of one phase are found, and those of another are not among them."""
    found = hooks_of([manifest(line) for line in CASES["phases"]["manifests"]])
    assert [each.manifest.key.name for each in found.of(SyncPhase.PRE_SYNC)] == [
        "backup",
        "migrate",
        "migrate",
    ]
    assert sum(len(found.of(phase)) for phase in SyncPhase) == len(found.hooks)


def test_definitions_are_no_hooks() -> None:
    """A CRD that Helm 2 installed by a hook is an ordinary object, whatever else it says."""
    crd = Manifest.from_body(definition(annotations={HELM_HOOK: "crd-install,pre-install"}))
    assert hooks_of([crd]) == HookPlan(manifests=(crd,))


def test_one_object_by_the_same_name_in_two_phases() -> None:
    """Two objects of one name are two hooks as long as they never run in the same phase."""
    lines = [{"kind": "Job", "name": "a", "helm": each} for each in ("pre-install", "post-install")]
    assert [each.phase for each in plan_of(*lines).hooks] == ["PreSync", "PostSync"]


@pytest.mark.parametrize(
    ("policy", "before", "succeeded", "failed"),
    [
        (None, True, False, False),
        ("BeforeHookCreation", True, False, False),
        ("HookSucceeded", False, True, False),
        ("HookFailed", False, False, True),
        ("HookSucceeded,HookFailed", False, True, True),
        ("Never", False, False, False),
    ],
)
def test_delete_policies(
    *, policy: str | None, before: bool, succeeded: bool, failed: bool
) -> None:
    """Each policy deletes at its own moment only; without one, before the next run."""
    found = hook(policy=policy) if policy else hook()
    assert found.deleted_before_creation is before
    assert found.deleted_after(succeeded=True) is succeeded
    assert found.deleted_after(succeeded=False) is failed


def test_a_generated_name() -> None:
    """A hook with generateName is made under the name ArgoCD would give it."""
    line = {"kind": "Job", "generate": "migrate-", "hook": "PostSync", "namespace": "media"}
    (found,) = plan_of(line).hooks
    assert found.name_is_generated
    made = found.named(revision="0123456789abcdef", started=STARTED)
    assert made.key.name == "migrate-0123456-postsync-1769860800"
    assert made.body["metadata"] == {
        "name": made.key.name,
        "namespace": "media",
        "annotations": {HOOK: "PostSync"},
    }
    assert found.manifest.body["metadata"]["generateName"] == "migrate-"


def test_a_name_of_its_own() -> None:
    """A hook with a name keeps it."""
    found = hook()
    assert not found.name_is_generated
    assert found.named(revision="0123456789abcdef", started=STARTED) is found.manifest


PREFIX = st.builds(
    lambda start, length, end: f"a{start * length}{end}",
    st.text("abc019-", min_size=1, max_size=8),
    st.integers(0, 12),
    st.text("abc019-", max_size=8),
)
RUNS = st.builds(
    generated_name,
    st.shared(PREFIX, key="prefix"),
    revision=st.text("0123456789abcdef", min_size=1, max_size=64),
    phase=st.sampled_from(SyncPhase),
    started=st.datetimes(min_value=datetime(2020, 1, 1), timezones=st.just(UTC)),
)


@given(name=RUNS, prefix=st.shared(PREFIX, key="prefix"))
def test_generated_names_are_names(name: str, prefix: str) -> None:
    """However long the prefix is, a run's name is one a Job can have and starts like the prefix."""
    assert len(name) <= NAME_LIMIT
    assert re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", name)
    assert name.startswith(prefix[:5].rstrip("-"))


@given(prefixes=st.lists(PREFIX, min_size=2, max_size=2, unique=True))
def test_generated_names_differ(prefixes: list[str]) -> None:
    """Two prefixes make two names, even where only the part that is cut off differs."""
    same_start = [f"{'a' * 40}{prefix}" for prefix in prefixes]
    names = {
        generated_name(each, revision="0123456", phase=SyncPhase.SYNC, started=STARTED)
        for each in (*prefixes, *same_start)
    }
    assert len(names) == len({*prefixes, *same_start})


MOMENTS = [*HELM_PHASES, "test", "pre-rollback", "no-such-moment"]


@given(
    hooks=st.lists(st.lists(st.sampled_from(MOMENTS), min_size=1, unique=True), max_size=6),
    ordinary=st.integers(0, 3),
)
def test_nothing_is_lost(hooks: list[list[str]], ordinary: int) -> None:
    """Every object is applied, run or named as unsupported, and none in two of these ways."""
    objects = [config_map(f"ordinary-{number}") for number in range(ordinary)]
    objects += [
        config_map(f"hook-{number}", annotations={HELM_HOOK: ",".join(moments)})
        for number, moments in enumerate(hooks)
    ]
    found = hooks_of([Manifest.from_body(each) for each in objects])
    runs = {each.manifest.key for each in found.hooks}
    applied, left = ({each.key for each in part} for part in (found.manifests, found.unsupported))
    assert len(runs) + len(applied) + len(left) == len(objects)
    assert not runs & left
    assert len(applied) == ordinary
