from __future__ import annotations

from typing import Any

from gitops.application import ApplicationSpec, Destination, Source
from gitops.manifest import ResourceKey
from gitops.ownership import Ownership, marked
from reconciler.applications import ApplicationRow, rows


def spec(name: str, category: str) -> ApplicationSpec:
    return ApplicationSpec(
        name=name,
        category=category,
        application_set="all",
        project="apps",
        source=Source(path=f"apps/{category}/{name}"),
        destination=Destination(namespace=category),
    )


def live(application: str, name: str, *, stack: str = "local", **metadata: Any) -> dict[str, Any]:
    key = ResourceKey(group="", kind="ConfigMap", namespace="media", name=name)
    body = {"apiVersion": "v1", "kind": "ConfigMap"}
    body["metadata"] = {"name": name, "namespace": "media", **metadata}  # type: ignore[assignment]
    return marked(body, key, Ownership(application=application, stack=stack))


def test_cluster_is_counted_and_git_names_the_rest() -> None:
    """Objects come from the cluster, categories from Git; each side may know more."""
    found = rows(
        [live("jellyfin", "a"), live("jellyfin", "b"), live("removed", "c")],
        [spec("jellyfin", "media"), spec("new", "ai")],
        stack="local",
    )
    assert found == [
        ApplicationRow(name="new", category="ai", namespace="ai", objects=0),
        ApplicationRow(
            name="jellyfin",
            category="media",
            namespace="media",
            objects=2,
            kinds={"ConfigMap": 2},
        ),
        ApplicationRow(name="removed", namespace="media", objects=1, kinds={"ConfigMap": 1}),
    ]


def test_only_our_own_objects_count() -> None:
    """A copied label, an object some controller made and another stack's objects are not ours."""
    copied = live("jellyfin", "a")
    copied["metadata"]["name"] = "copy"
    owned = live("jellyfin", "b", ownerReferences=[{"controller": True, "name": "x"}])
    other = live("jellyfin", "c", stack="other")
    unmarked = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "d"}}
    assert rows([copied, owned, other, unmarked], [], stack="local") == []
