"""The order of deletion: the highest wave first, what others need last, PruneLast after all."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gitops.objects.manifest import Manifest, ResourceKey
from gitops.ordering import plan
from gitops.syncing.waves import DeletionOrder, reverse_for_deletion
from tests.gitops.objects import HOOK, SYNC_WAVE, an_object, config_map, definition


def manifest(kind: str, name: str, *, wave: int = 0, api_version: str = "v1") -> Manifest:
    """An object of namespace ``media``, or that namespace itself, in a wave."""
    namespace = "" if kind == "Namespace" else "media"
    annotations = {SYNC_WAVE: str(wave)}
    return Manifest.from_body(
        an_object(api_version, kind, name, namespace=namespace, annotations=annotations)
    )


def names(order: DeletionOrder) -> list[list[str]]:
    """The objects' names, wave by wave."""
    return [[each.key.name for each in wave.manifests] for wave in order.waves]


def test_waves_and_kinds_backwards() -> None:
    """The last to be applied is the first to be deleted."""
    order = reverse_for_deletion(
        [
            manifest("ConfigMap", "early", wave=-1),
            manifest("ConfigMap", "a"),
            manifest("ConfigMap", "b"),
            manifest("Deployment", "c", api_version="apps/v1"),
            manifest("ConfigMap", "late", wave=3),
        ]
    )
    assert names(order) == [["late"], ["c", "b", "a"], ["early"]]
    assert [wave.wave for wave in order.waves] == [3, 0, -1]
    assert order.last == ()


def test_what_others_need_is_deleted_after_them() -> None:
    """A Namespace and a CRD of a high wave outlive their users of a low one."""
    widget = manifest("Widget", "widget", wave=-2, api_version="example.com/v1")
    crd = Manifest.from_body(definition("Widget", annotations={SYNC_WAVE: "9"}))
    order = reverse_for_deletion([manifest("Namespace", "media", wave=5), crd, widget])
    assert names(order) == [["widget", "widgets.example.com", "media"]]


def test_prune_last() -> None:
    """PruneLast takes an object out of its wave, and with it the Namespace it lives in."""
    claim, settings = manifest("PersistentVolumeClaim", "data", wave=9), manifest("ConfigMap", "a")
    order = reverse_for_deletion(
        [manifest("Namespace", "media", wave=-1), claim, settings], prune_last=[claim.key]
    )
    assert names(order) == [["a"]]
    assert [each.key.name for each in order.last] == ["data", "media"]


def test_a_phase_does_not_matter() -> None:
    """What was a hook once is deleted by its wave like anything else."""
    hook = Manifest.from_body(config_map("hook", annotations={HOOK: "PreSync", SYNC_WAVE: "1"}))
    order = reverse_for_deletion([hook, Manifest.from_body(config_map("a"))])
    assert names(order) == [["hook"], ["a"]]


OBJECTS = st.builds(
    manifest,
    st.sampled_from(["ConfigMap", "Secret", "Namespace", "Pod"]),
    st.sampled_from(["media", "other", "a", "b", "c"]),
    wave=st.integers(-2, 2),
)


@given(
    objects=st.lists(OBJECTS, max_size=12, unique_by=lambda each: each.key),
    chosen=st.sets(st.integers(0, 11)),
)
def test_deletion_mirrors_application(objects: list[Manifest], chosen: set[int]) -> None:
    """Every object is deleted once; without PruneLast the order is that of applying, backwards; and
    a Namespace always goes after all that is in it."""
    applied = [each.key for wave in plan(objects) for each in wave.manifests]
    backwards = reverse_for_deletion(objects)
    assert flat(backwards) == applied[::-1]
    last = [each.key for number, each in enumerate(objects) if number in chosen]
    order = flat(reverse_for_deletion(objects, prune_last=last))
    assert sorted(order) == sorted(applied)
    for key in order:
        if key.kind == "Namespace":
            inside = [order.index(each) for each in order if each.namespace == key.name]
            assert all(place < order.index(key) for place in inside)


def flat(order: DeletionOrder) -> list[ResourceKey]:
    waves = [each.key for wave in order.waves for each in wave.manifests]
    return waves + [each.key for each in order.last]
