"""Do Git, the cluster, Pulumi's state and the records agree?

Git is rendered with kustomize and helm as by hand, the cluster is listed, the state exported:
nothing of the program under test is asked.
"""

from __future__ import annotations

import collections
from collections.abc import Collection, Mapping
from pathlib import Path

from tests.e2e.checkout import Checkout
from tests.e2e.hooks import ANNOTATIONS
from tests.e2e.independent import by_directory, differing
from tests.e2e.live import Body, Key
from tests.e2e.reconciling import Reconciling
from tests.long.tree import Tree


class Expected:
    """What the cluster should hold, from commit to commit: what Git has, and while an Application
    is broken whatever was there before, as nothing is deleted then (docs/adr/0003).

    Args:
        tree: the tree.
    """

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._last: dict[Key, tuple[str, Body]] = {}
        self._rendered: Collection[Key] = ()

    def objects(self) -> dict[Key, Body]:
        """The objects by identity, without hooks."""
        tree = self._tree
        found: dict[Key, tuple[str, Body]] = {}
        for path, bodies in by_directory(tree.checkout, namespaces={}, without=tree.broken).items():
            name = path.rpartition("/")[2]
            for key, body in bodies.items():
                assert key not in found, f"{key} of {name} is another's as well"
                if not is_hook(body):
                    found[key] = name, body
        self._last = {**self._last, **found} if tree.broken else found
        self._rendered = found.keys()
        return {key: body for key, (_, body) in self._last.items()}

    @property
    def waiting(self) -> frozenset[str]:
        """The directories, whole or gone, with objects that wait to be deleted."""
        left = {name for key, (name, _) in self._last.items() if key not in self._rendered}
        return frozenset(left - self._tree.broken)


def is_hook(body: Body) -> bool:
    """Whether an object is none of an Application's own."""
    return ANNOTATIONS["hook"] in (body["metadata"].get("annotations") or {})


def cluster_is(checkout: Checkout, expected: Mapping[Key, Body]) -> dict[Key, str]:
    """Prove that the cluster holds exactly these objects, each with exactly these fields; their
    uids."""
    live = {k: body for k, body in checkout.live.owned(checkout.stack).items() if not is_hook(body)}
    assert sorted(live) == sorted(expected), sorted({*live} ^ {*expected})
    for key, body in expected.items():
        found = checkout.live.at_version(live[key], body["apiVersion"])
        differences = list(differing(body, found))
        assert not differences, f"{key}: {differences}"
        if key.kind == "ConfigMap":
            assert (found.get("data") or {}) == (body.get("data") or {}), key
    return {key: str(body["metadata"]["uid"]) for key, body in live.items()}


def state_is(checkout: Checkout, uids: Mapping[Key, str]) -> None:
    """Prove that Pulumi's state knows each of these objects once, and no other of ours."""
    resources = [each for each in checkout.state() if each["type"].startswith("kubernetes:")]
    assert not [each["urn"] for each in resources if each.get("delete")]
    found: dict[str, list[str]] = collections.defaultdict(list)
    for each in resources:
        metadata = each["outputs"]["metadata"]
        found[str(metadata["uid"])].append(each["urn"])
    twice = {uid: urns for uid, urns in found.items() if len(urns) > 1}
    assert not twice
    unowned = [key for key, uid in uids.items() if uid not in found]
    assert not unowned, "in the cluster and not in the state"
    ours = {each["urn"] for each in resources if "home-ops:index:Application$" in each["urn"]}
    gone = [urns[0] for uid, urns in found.items() if uid not in uids.values() and urns[0] in ours]
    assert not gone, "in the state and not in the cluster"


def no_lock(checkout: Checkout) -> None:
    """Prove that no run has left a lock or a piece of a state."""
    backend = Path(checkout.environment["PULUMI_BACKEND_URL"].removeprefix("file://"))
    assert list((backend / ".pulumi" / "locks").rglob("*.json")) == []
    cache = Path(checkout.environment["XDG_CACHE_HOME"]) / "home-ops"
    assert [*cache.glob("slices/*"), *cache.glob("handover/*/*")] == []


def records_are(passes: Reconciling, tree: Tree, waiting: Collection[str] = ()) -> None:
    """Prove that each Application of the tree has a record that says how it is, and no other but
    those with objects that wait to be deleted."""
    prefix = f"e2e-{passes.checkout.id}-"
    namespace = f"{passes.checkout.id}-base"
    path = f"/apis/home-ops.dev/v1alpha1/namespaces/{namespace}/applications"
    listed = passes.checkout.live.request("GET", path)["items"]
    records = {each["metadata"]["name"].removeprefix(prefix): each["status"] for each in listed}
    assert sorted(records) == sorted({*tree.names(), *waiting})
    for name, status in records.items():
        synced = "OutOfSync" if name in waiting else "Synced"
        synced = "Unknown" if name in tree.broken else synced
        assert status["sync"]["status"] == synced, (name, status)
        conditions = [each["type"] for each in status["conditions"]]
        assert ("PruneWaits" in conditions) == (name in waiting), (name, status)
        # what failed with a provider that was killed may have been done all the same
        phase = status.get("operationState", {}).get("phase", "Succeeded")
        assert phase in ("Succeeded", "Failed"), (name, status)
