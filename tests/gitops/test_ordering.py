"""Ordering: phase, wave, kind, name, with what others need first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gitops.objects.manifest import Manifest, ResourceKey, SyncPhase
from gitops.ordering import KINDS, PHASES, Wave, plan, provides, sort_key
from tests.gitops.objects import HOOK, SYNC_WAVE, an_object, config_map, definition

CASES = sorted((Path(__file__).parents[1] / "testdata" / "ordering").glob("*.yaml"))


def declared(case: dict[str, Any]) -> Manifest:
    """The object a data file describes."""
    annotations = {
        name: case[field] for name, field in ((SYNC_WAVE, "wave"), (HOOK, "phase")) if field in case
    }
    if "defines" in case:
        return Manifest.from_body(
            definition(case["defines"], annotations=annotations)
            | {"metadata": {"name": case["name"], "annotations": annotations}}
        )
    return Manifest.from_body(
        an_object(
            case["apiVersion"],
            case["kind"],
            case["name"],
            namespace=case.get("namespace", ""),
            annotations=annotations,
        )
    )


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
@pytest.mark.parametrize("backwards", [False, True])
def test_data(path: Path, *, backwards: bool) -> None:
    """Each data file's objects are planned as it says, in whichever order they are rendered."""
    case = yaml.safe_load(path.read_text())
    objects = [declared(each) for each in case["objects"]]
    found = plan(objects[::-1] if backwards else objects)
    assert [
        {f"{w.phase} {w.wave}": [f"{m.key.kind} {m.key.name}" for m in w.manifests]} for w in found
    ] == case["waves"]


def manifest(api_version: str, kind: str, name: str, *, wave: int = 0, phase: str = "") -> Manifest:
    """An object of namespace ``media`` in a wave."""
    annotations = {SYNC_WAVE: str(wave)} | ({HOOK: phase} if phase else {})
    body = an_object(api_version, kind, name, namespace="media", annotations=annotations)
    return Manifest.from_body(body)


def names(waves: list[Wave]) -> list[tuple[str, int, list[str]]]:
    """Each wave's phase, number and objects' names."""
    return [
        (wave.phase.value, wave.wave, [each.key.name for each in wave.manifests]) for wave in waves
    ]


def namespace(name: str = "media", *, wave: int = 0) -> Manifest:
    return Manifest.from_body(
        an_object("v1", "Namespace", name, annotations={SYNC_WAVE: str(wave)})
    )


def crd(kind: str = "Widget", *, wave: int = 0) -> Manifest:
    return Manifest.from_body(definition(kind, annotations={SYNC_WAVE: str(wave)}))


def test_phase_before_wave_before_kind_before_name() -> None:
    """Each criterion decides only where those before it leave a tie."""
    manifests = [
        manifest("v1", "ConfigMap", "after", wave=-9, phase="PostSync"),
        manifest("v1", "ConfigMap", "late", wave=1),
        manifest("apps/v1", "Deployment", "a"),
        manifest("v1", "ConfigMap", "z"),
        manifest("v1", "ConfigMap", "y"),
        manifest("v1", "ConfigMap", "early", wave=-1),
        manifest("v1", "ConfigMap", "before", wave=9, phase="PreSync"),
    ]
    assert names(plan(manifests)) == [
        ("PreSync", 9, ["before"]),
        ("Sync", -1, ["early"]),
        ("Sync", 0, ["y", "z", "a"]),
        ("Sync", 1, ["late"]),
        ("PostSync", -9, ["after"]),
    ]


def test_kinds_in_a_wave() -> None:
    """What others build on comes first, and custom resources come last, by kind."""
    kinds = [
        ("example.com/v1", "Zebra"),
        ("example.com/v1", "Aardvark"),
        ("networking.k8s.io/v1", "Ingress"),
        ("apps/v1", "StatefulSet"),
        ("apps/v1", "Deployment"),
        ("v1", "Service"),
        ("rbac.authorization.k8s.io/v1", "Role"),
        ("v1", "PersistentVolumeClaim"),
        ("v1", "ConfigMap"),
        ("v1", "Secret"),
        ("v1", "ServiceAccount"),
    ]
    (wave,) = plan([manifest(api_version, kind, "a") for api_version, kind in kinds])
    expected = [kind for _, kind in reversed(kinds)]
    assert [each.key.kind for each in wave.manifests] == expected


@pytest.mark.parametrize("needed", [namespace(wave=5), crd(wave=5)])
def test_namespaces_and_definitions_are_never_later_than_their_users(needed: Manifest) -> None:
    """A provider in a later wave moves up to its first user, and stands before it there."""
    users = [
        manifest("example.com/v1", "Widget", "second", wave=3),
        manifest("example.com/v1", "Widget", "first", wave=-2),
    ]
    waves = plan([*users, needed])
    assert [(wave.wave, len(wave.manifests)) for wave in waves] == [(-2, 2), (3, 1)]
    assert waves[0].manifests[0].key == needed.key
    assert waves[0].manifests[0].wave == -2


def test_a_provider_moves_into_an_earlier_phase() -> None:
    """The namespace of a PreSync object is there before it."""
    waves = plan([namespace(), manifest("v1", "ConfigMap", "a", phase="PreSync")])
    assert names(waves) == [("PreSync", 0, ["media", "a"])]


def test_a_provider_without_later_users_stays() -> None:
    """An earlier wave of its own, and other namespaces and kinds, move nothing."""
    early, other, others_crd = namespace(wave=-5), namespace("other", wave=5), crd("Other", wave=5)
    user = manifest("example.com/v1", "Widget", "a", wave=1)
    waves = plan([early, other, others_crd, user])
    assert names(waves) == [
        ("Sync", -5, ["media"]),
        ("Sync", 1, ["a"]),
        ("Sync", 5, ["other", "others.example.com"]),
    ]


def test_what_is_provided() -> None:
    """A Namespace provides its name, a definition its kind, anything else nothing."""
    assert provides(namespace()) == "media"
    assert provides(crd()) == ("example.com", "Widget")
    assert provides(Manifest.from_body(config_map())) is None
    assert provides(Manifest.from_body(an_object("example.com/v1", "Namespace", "a"))) is None


def test_nothing_has_no_waves() -> None:
    """No object, no wave."""
    assert plan([]) == []


KIND = st.sampled_from(
    [
        ("", "Namespace"),
        ("apiextensions.k8s.io", "CustomResourceDefinition"),
        ("", "ConfigMap"),
        ("apps", "Deployment"),
        ("example.com", "Widget"),
        ("example.com", "Gadget"),
    ]
)


@st.composite
def any_manifest(draw: st.DrawFn) -> Manifest:
    group, kind = draw(KIND)
    name = draw(st.sampled_from("abc"))
    cluster_wide = kind in ("Namespace", "CustomResourceDefinition")
    key = ResourceKey(
        group=group,
        kind=kind,
        namespace="" if cluster_wide else draw(st.sampled_from("abc")),
        name=name,
    )
    spec = {"group": "example.com", "names": {"kind": "Widget" if name == "a" else "Gadget"}}
    body = {"apiVersion": f"{group}/v1" if group else "v1", "kind": kind, "spec": spec}
    phase = draw(st.sampled_from(SyncPhase))
    return Manifest(key=key, outline=body, phase=phase, wave=draw(st.integers(-2, 2)))


MANIFESTS = st.lists(any_manifest(), max_size=12, unique_by=lambda each: each.key)


@given(MANIFESTS, st.randoms())
def test_order_does_not_depend_on_the_input(manifests: list[Manifest], random: object) -> None:
    """Any permutation of the same objects gives the same waves."""
    shuffled = list(manifests)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert plan(shuffled) == plan(manifests)


@given(MANIFESTS)
def test_order_is_total(manifests: list[Manifest]) -> None:
    """Every object is in exactly one wave, waves are in order, and so are objects within them."""
    waves = plan(manifests)
    placed = [each for wave in waves for each in wave.manifests]
    assert sorted(each.key for each in placed) == sorted(each.key for each in manifests)
    places = [(PHASES.index(wave.phase), wave.wave) for wave in waves]
    assert places == sorted(set(places))
    assert placed == sorted(placed, key=sort_key)
    for wave in waves:
        assert {(each.phase, each.wave) for each in wave.manifests} == {(wave.phase, wave.wave)}


@given(MANIFESTS)
def test_providers_come_first(manifests: list[Manifest]) -> None:
    """No object stands before the Namespace or definition it needs, and no user is moved."""
    placed = [each for wave in plan(manifests) for each in wave.manifests]
    position = {need: i for i, each in enumerate(placed) if (need := provides(each)) is not None}
    for index, each in enumerate(placed):
        for need in (each.key.namespace, (each.key.group, each.key.kind)):
            assert position.get(need, -1) < index
    users = {each.key: each for each in manifests if provides(each) is None}
    assert all(users[each.key] == each for each in placed if provides(each) is None)


@given(MANIFESTS)
def test_planning_twice_changes_nothing(manifests: list[Manifest]) -> None:
    """The waves of what has been planned are the same waves."""
    waves = plan(manifests)
    assert plan([each for wave in waves for each in wave.manifests]) == waves


def test_every_kind_is_ranked_once() -> None:
    """The table of kinds repeats none."""
    assert len(KINDS) == len(set(KINDS))
