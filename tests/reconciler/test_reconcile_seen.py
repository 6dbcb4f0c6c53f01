"""What is looked at again after a sync of some Applications."""

from __future__ import annotations

from dataclasses import replace

from gitops.application_target import ApplicationTarget
from gitops.comparison import Comparison, ObjectDrift, Why
from gitops.objects.manifest import Manifest
from gitops.objects.orphans import LiveObject
from gitops.objects.ownership import Ownership, marked
from gitops.syncing.hook_plan import PlannedHook
from gitops.target import Target
from reconciler.passes.seen import Seen, kinds_of, seen_again
from tests.gitops.objects import an_object, application, config_map, key_of

ONE, TWO = application("one"), application("two")


def manifest(api_version: str, kind: str) -> Manifest:
    return Manifest.from_body(an_object(api_version, kind, "a", namespace="media"))


def live(kind: str, owner: str) -> LiveObject:
    body = an_object("v1", kind, kind.lower(), namespace="media")
    return LiveObject.from_body(
        marked(body, key_of(body), Ownership(application=owner, stack="local"))
    )


def test_kinds_are_those_of_git_of_hooks_and_of_before() -> None:
    """Whatever an Application may have after the sync is of one of these kinds, and nothing of the
    others counts; one that has left Git is known by what it had."""
    hook = PlannedHook(manifest=manifest("batch/v1", "Job"), delete_policies=frozenset())
    target = Target(
        applications=(
            ApplicationTarget(
                spec=ONE, manifests=(manifest("apps/v1", "Deployment"),), hooks=(hook,)
            ),
            ApplicationTarget(spec=TWO, manifests=(manifest("v1", "Service"),)),
        )
    )
    owned = [live("Secret", "one"), live("Pod", "two"), live("ConfigMap", "gone")]
    before = Seen(comparisons={}, equal={}, statuses={}, owned=owned)
    expected = {("apps", "Deployment"), ("batch", "Job"), ("", "Secret")}
    assert kinds_of(target, before, ["one"]) == expected
    assert kinds_of(target, before, ["gone"]) == {("", "ConfigMap")}
    assert kinds_of(target, before, ["never"]) == frozenset()


def test_only_what_was_looked_at_again_is_new() -> None:
    """Of the other Applications stays what was seen before, of these nothing does."""
    key = key_of(config_map())
    drift = ObjectDrift(key=key, api_version="v1", why=Why.MISSING)
    before = Seen(
        comparisons={n: Comparison(application=n, drifts=(drift,)) for n in ("one", "two", "gone")},
        equal={"one": {"a": "1"}, "two": {"a": "1"}},
        statuses={"one": (), "two": ()},
        owned=[live("Secret", "one"), live("Secret", "two")],
    )
    now = Seen(
        comparisons={"one": Comparison(application="one")},
        equal={},
        statuses={},
        owned=[live("ConfigMap", "one")],
    )
    seen = seen_again(before, now, ["one", "gone"])
    assert seen.of("one") == replace(before.of("one"), drifts=())
    assert seen.of("two") == before.of("two")
    assert not seen.of("gone").drifts
    assert seen.equal == {"two": {"a": "1"}}
    assert seen.statuses == {"two": ()}
    assert [(each.key.kind, each.application) for each in seen.owned] == [
        ("Secret", "two"),
        ("ConfigMap", "one"),
    ]
