"""What does a reconciler need beside the rights to apply Applications?

Its lease, its memory, the records and their kind, and the bootstrap's own objects, which it keeps
as they are in Git. All of it by name where the API server knows the name: it does for whatever is
applied, and does not for what is posted (Kubernetes, "Referring to resources").
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from gitops.deployment.stack_names import (
    definitions_stack,
    own_name,
    shard_stack,
    shards_memory,
    trigger_name,
)
from gitops.objects.manifest import ResourceKey
from gitops.objects.scope import CRD_GROUP, plural_of
from gitops.records.definition import GROUP, PLURAL
from gitops.rights.rule import Right
from gitops.sharding.settings import Shards

KEPT = ("get", "create", "patch", "delete")
_NEVER_DELETED = ("get", "create", "patch")


def own_rights(stack: str, shards: Shards | None = None) -> tuple[Right, ...]:
    """What is needed in the bootstrap's namespace, for all shards of a stack together."""
    count = shards.count if shards else 1
    names = [own_name(shard_stack(stack, number)) for number in range(count)]
    memories = (*names, own_name(shards_memory(stack)))
    leases = (*names, own_name(definitions_stack(stack))) if count > 1 else names
    every = ("get", "list", "create", "patch", "delete")
    return (
        Right(group="coordination.k8s.io", resource="leases", verbs=("create",)),
        *(
            Right(group="coordination.k8s.io", resource="leases", name=name, verbs=("get", "patch"))
            for name in leases
        ),
        *(
            Right(group="", resource="configmaps", name=name, verbs=_NEVER_DELETED)
            for name in memories
        ),
        Right(group="", resource="configmaps", name=trigger_name(stack), verbs=("get",)),
        Right(group=GROUP, resource=PLURAL, verbs=every),
        Right(group=GROUP, resource=f"{PLURAL}/status", verbs=("patch",)),
    )


def own_cluster_rights() -> tuple[Right, ...]:
    """What is needed across the cluster: the kind of the records."""
    name = f"{PLURAL}.{GROUP}"
    resource = "customresourcedefinitions"
    return (Right(group=CRD_GROUP, resource=resource, name=name, verbs=_NEVER_DELETED),)


def keeping(keys: Iterable[ResourceKey]) -> Iterator[tuple[str, Right]]:
    """The rights to keep objects as they are in Git, each with the namespace it is needed in;
    empty for the whole cluster."""
    for key in keys:
        is_namespace = key.kind == "Namespace" and not key.group
        yield (
            key.namespace,
            Right(
                group=key.group,
                resource=plural_of(key.kind),
                name=key.name,
                verbs=_NEVER_DELETED if is_namespace else KEPT,
            ),
        )
