"""The prune gate: who is stopped and why, and what a confirmation lets through."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gitops.application_target import ApplicationTarget
from gitops.deployment.inventory import Inventory
from gitops.errors import ConfigError, RenderError
from gitops.gate import settings as gate_settings
from gitops.gate.judge import Gate, apply, judge, permitted
from gitops.gate.rules import RULES, GateReason
from gitops.gate.settings import GateSettings, read_confirmations
from gitops.gate.stateful_kinds import stateful
from gitops.objects.manifest import Manifest, ResourceKey
from gitops.objects.orphans import LiveObject
from gitops.prune import PruneAction, PrunePlan, PrunePolicy, plan
from tests.gitops.objects import (
    SYNC_OPTIONS,
    an_object,
    application,
    deployed,
    inventory,
)

TESTDATA = Path(__file__).parents[1] / "testdata" / "gate"
CASES = {
    path.parent.name: yaml.safe_load(path.read_text()) for path in TESTDATA.glob("*/case.yaml")
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """A run as far as the gate sees it."""

    plan: PrunePlan
    inventory: Inventory
    target: list[ApplicationTarget]
    orphans: list[LiveObject] = field(default_factory=list)
    settings: GateSettings = field(default_factory=GateSettings)

    def judge(self, *confirmations: str, uids: Mapping[ResourceKey, str] | None = None) -> Gate:
        return judge(
            self.plan,
            self.orphans,
            inventory=self.inventory,
            target=self.target,
            settings=self.settings,
            confirmations=confirmations,
            uids=uids,
        )


def bodies(entries: Iterable[str | Mapping[str, str]]) -> list[dict[str, Any]]:
    """Objects from lines such as ``Deployment.apps media/web`` or ``ConfigMap media/a x3``."""
    found = []
    for entry in entries:
        line = entry if isinstance(entry, str) else entry["object"]
        annotations = None if isinstance(entry, str) else {SYNC_OPTIONS: entry["options"]}
        kinds, name, *times = line.split()
        kind, _, group = kinds.partition(".")
        namespace, _, name = name.rpartition("/")
        names = [f"{name}{i}" for i in range(int(times[0][1:]))] if times else [name]
        version = f"{group}/v1" if group else "v1"
        found += [
            an_object(version, kind, each, namespace=namespace, annotations=annotations)
            for each in names
        ]
    return found


def living(name: str, values: Mapping[str, Any]) -> ApplicationTarget:
    """An Application as composition hands it over."""
    spec = application(
        name,
        application_set=values.get("set", "media"),
        allow_empty=values.get("allowEmpty", False),
        sync_options=values.get("syncOptions"),
    )
    manifests = tuple(Manifest.from_body(body) for body in bodies(values.get("objects", ())))
    target = ApplicationTarget(spec=spec, manifests=manifests)
    return target.broken(RenderError(name, "no", remedy="repair")) if "broken" in values else target


def situation(case: Mapping[str, Any]) -> Situation:
    """A case's YAML as the gate's arguments; the plan is the real one."""
    last = inventory(
        *(
            deployed(body, application=name, application_set=values.get("set", "media"))
            for name, values in case["before"].items()
            for body in bodies(values["objects"])
        )
    )
    target = [living(name, values) for name, values in case["target"].items()]
    policy = PrunePolicy(
        prune={each.spec.name: True for each in target if each.error is None},
        sync_options={
            **{name: values.get("syncOptions", {}) for name, values in case["before"].items()},
            **{each.spec.name: each.spec.sync_policy.sync_options for each in target},
        },
        broken=frozenset(each.spec.name for each in target if each.error),
    )
    keys = [each.key for app in target for each in app.manifests]
    orphans = [
        replace(LiveObject.from_body(body), application=name, uid=f"uid-{name}")
        for name, lines in case.get("orphans", {}).items()
        for body in bodies(lines)
    ]
    return Situation(
        plan=plan(keys, last, policy),
        inventory=last,
        target=target,
        orphans=orphans,
        settings=gate_settings.read(case.get("settings", {}), subject="config"),
    )


@pytest.mark.parametrize("name", sorted(CASES))
def test_case(name: str) -> None:
    """Each case stops these Applications for these reasons and no other; all continue with a
    token, each by itself and all together."""
    case = CASES[name]
    run = situation(case)
    gate = run.judge()
    assert {n: dict(stop.reasons) for n, stop in gate.stopped.items()} == case["stopped"]
    assert (gate.confirmed, gate.unused) == ({}, ())
    _check_settled(run, gate)
    for application_name, stop in gate.stopped.items():
        confirmed = run.judge(stop.confirm)
        assert confirmed.stopped == {
            n: each for n, each in gate.stopped.items() if n != application_name
        }
        _check_settled(run, confirmed)
    if gate.stopped:
        together = run.judge(gate.confirm)
        assert together.stopped == {} and together.confirmed == gate.stopped
        _check_settled(run, together)


def _check_settled(run: Situation, gate: Gate) -> None:
    settled = apply(run.plan, gate)
    for before, after in zip(run.plan.decisions, settled.decisions, strict=True):
        if before.object.application in gate.stopped:
            assert after.action is not PruneAction.PRUNE
        elif before.action is PruneAction.PRUNE:
            assert after == before
        if before.object.application in gate.confirmed and "=confirm" in before.reason:
            assert after.action is PruneAction.PRUNE
    left = permitted(run.orphans, gate)
    assert left == [each for each in run.orphans if each.application not in gate.stopped]


def test_every_reason_has_a_rule_and_a_case() -> None:
    """No reason is only a name."""
    tried = {
        reason for case in CASES.values() for each in case["stopped"].values() for reason in each
    }
    assert set(RULES) == set(GateReason) == tried


def test_what_is_said() -> None:
    """A stop names the Application, the reasons, every object, and the way to confirm."""
    gate = situation(CASES["a_directory_changes_its_category"]).judge()
    (stop,) = gate.stopped.values()
    lines = str(stop).splitlines()
    assert lines[0] == "old-jellyfin: the prune gate keeps 2 objects that would be deleted"
    assert lines[1].startswith("  Moved: ")
    assert lines[2:4] == [
        "  - ConfigMap media/a -> video/a",
        "  - Deployment.apps media/jellyfin -> video/jellyfin",
    ]
    assert "stays exactly as it is" in lines[4]
    assert f"gitops up --confirm {stop.confirm}" in lines[5]


def test_a_kept_object_says_how_to_confirm() -> None:
    """The reason of a stopped deletion holds the gate's reason and the token."""
    run = situation(CASES["a_volume_claim"])
    gate = run.judge()
    (decision,) = apply(run.plan, gate).of(PruneAction.KEEP)
    assert decision.object.key.kind == "PersistentVolumeClaim"
    token = gate.stopped["jellyfin"].confirm
    assert decision.reason == f"prune gate (Stateful); confirm with {token}"


def test_a_confirmation_fits_one_deletion() -> None:
    """One object more, or the same objects made anew, and the token confirms nothing."""
    run = situation(CASES["a_volume_claim"])
    claim = next(e.object.key for e in run.plan.decisions if e.object.key.kind != "ConfigMap")
    (stop,) = run.judge(uids={claim: "first"}).stopped.values()
    assert run.judge(stop.confirm, uids={claim: "first"}).stopped == {}
    anew = run.judge(stop.confirm, uids={claim: "second"})
    assert list(anew.stopped) == ["jellyfin"] and anew.unused == (stop.confirm,)
    more = situation(
        {
            **CASES["a_volume_claim"],
            "target": {"jellyfin": {"objects": ["ConfigMap media/a x2"]}},
        }
    )
    assert "jellyfin" in more.judge(stop.confirm, uids={claim: "first"}).stopped


def test_the_whole_of_a_kind_group_is_stateful() -> None:
    """A group with a star covers the groups below it, and no other that only ends alike."""

    def key(group: str) -> ResourceKey:
        return ResourceKey(group=group, kind="Any", namespace="a", name="b")

    assert stateful(key("ops.kubedb.com")) and stateful(key("kubedb.com"))
    assert not stateful(key("notkubedb.com"))


def test_other_kinds_are_not_stateful() -> None:
    """The name of a stateful kind in another group means nothing."""
    for group, kind in [("", "StatefulSet"), ("apps", "Deployment"), ("x.io", "Cluster")]:
        assert stateful(ResourceKey(group=group, kind=kind, namespace="a", name="b")) is None


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"aplication": {}}, "config.aplication: there is no such key"),
        ({"application": {"percent": 101}}, "config.application.percent"),
        ({"application": {"count": 0}}, "config.application.count"),
        ({"cluster": {"percent": "20"}}, "config.cluster.percent"),
        ({"statefulKinds": [{"group": "a"}]}, "kind: is missing"),
    ],
)
def test_bad_settings(values: Any, told: str) -> None:
    """A wrong key or value is refused with its place."""
    with pytest.raises(ConfigError) as refusal:
        gate_settings.read(values, subject="config")
    assert told in str(refusal.value)


def test_settings() -> None:
    """What is left out has its default."""
    found = gate_settings.read({"cluster": {"percent": 90}}, subject="config")
    assert found.cluster == replace(GateSettings().cluster, percent=90)
    assert found.application == GateSettings().application


@pytest.mark.parametrize(
    "word", ["yes", "0123456789abcdef", "prune-ABCDEF0123456789", "prune-0123456789abcdef0"]
)
def test_confirming_everything_is_refused(word: str) -> None:
    """There is no word that confirms whatever comes."""
    with pytest.raises(ConfigError) as refusal:
        read_confirmations([word], subject="config home-ops:confirm")
    assert str(refusal.value).startswith("config home-ops:confirm: ")
    assert read_confirmations([], subject="s") == read_confirmations("", subject="s") == frozenset()
    tokens = {"prune-0123456789abcdef", "prune-fedcba9876543210"}
    assert read_confirmations(sorted(tokens), subject="s") == tokens
    assert read_confirmations(", ".join(sorted(tokens)), subject="s") == tokens


LINES = st.sampled_from(
    [
        "ConfigMap media/a",
        "ConfigMap media/b x4",
        "ConfigMap video/a",
        "PersistentVolumeClaim media/data",
        "StatefulSet.apps media/db",
        "Cluster.postgresql.cnpg.io media/pg",
        "Namespace media",
        "Secret media/s x8",
    ]
)
NAMES = ["one", "two", "three"]


@st.composite
def situations(draw: st.DrawFn) -> Situation:
    left = draw(st.lists(LINES, unique=True))
    before: dict[str, Any] = {
        name: {"set": draw(st.sampled_from("xy")), "objects": []} for name in NAMES
    }
    for line in left:
        before[draw(st.sampled_from(NAMES))]["objects"].append(line)
    target: dict[str, Any] = {
        name: {"set": draw(st.sampled_from("xy")), "objects": [], "allowEmpty": draw(st.booleans())}
        for name in draw(st.lists(st.sampled_from([*NAMES, "four"]), unique=True))
    }
    if target:
        for line in draw(st.lists(LINES, unique=True)):
            target[draw(st.sampled_from(sorted(target)))]["objects"].append(line)
    return situation({"before": before, "target": target})


@given(situations())
def test_nothing_stateful_goes_unconfirmed(run: Situation) -> None:
    """Whatever else holds, no object that holds data is deleted without its confirmation."""
    for decision in apply(run.plan, run.judge()).of(PruneAction.PRUNE):
        assert stateful(decision.object.key) is None


@given(situations(), st.data())
def test_a_confirmation_only_lets_more_through(run: Situation, data: st.DataObject) -> None:
    """More tokens never stop anything, and tokens of no deletion change nothing."""
    nothing = run.judge()
    tokens = [
        *(each.confirm for each in nothing.stopped.values()),
        nothing.confirm,
        "prune-" + "0" * 16,
    ]
    tokens = [each for each in tokens if each]
    few = data.draw(st.lists(st.sampled_from(tokens), unique=True))
    more = [*few, *data.draw(st.lists(st.sampled_from(tokens), unique=True))]
    assert run.judge(*more).stopped.keys() <= run.judge(*few).stopped.keys()
    assert run.judge("prune-" + "0" * 16).stopped == nothing.stopped
    assert run.judge(*tokens).stopped == {}


@given(situations())
def test_what_goes_nowhere_is_not_stopped(run: Situation) -> None:
    """An empty plan stops nothing, and no Application without deletions is stopped."""
    assert replace(run, plan=PrunePlan()).judge() == Gate()
    going = {each.object.application for each in run.plan.of(PruneAction.PRUNE)}
    assert run.judge().stopped.keys() <= going


@given(situations())
def test_the_gate_is_idempotent(run: Situation) -> None:
    """A plan that went through the gate needs it no more."""
    settled = apply(run.plan, run.judge())
    assert {each.object.application for each in settled.of(PruneAction.PRUNE)}.isdisjoint(
        run.judge().stopped
    )
    assert apply(settled, run.judge()) == settled


def test_live_objects_count_for_the_shares() -> None:
    """After a lost state the inventory is empty; what is in the cluster shows how small a part of
    it the orphans are."""
    names = [*(f"a{n}" for n in range(60)), *(f"b{n}" for n in range(600))]
    live = [
        replace(LiveObject.from_body(body), application=body["metadata"]["name"][0])
        for body in bodies(f"ConfigMap media/{name}" for name in names)
    ]
    run = Situation(plan=PrunePlan(), inventory=Inventory(), target=[], orphans=live[:60])
    assert list(run.judge().stopped) == ["a"]
    arguments = {"inventory": run.inventory, "target": [], "settings": run.settings}
    assert judge(run.plan, run.orphans, live=live, **arguments).stopped == {}
