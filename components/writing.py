"""How does an object reach the cluster whose sync options ask for another way than ours?

Made by the program, once; Applications ask it about each of their objects. Server-side apply is the
way of all others: for those it adds nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pulumi

from cluster import writing
from cluster.connection import Connection
from cluster.discovery import ApiResource, facts
from cluster.threads import in_thread
from components.live_cluster import LiveCluster
from gitops.application_target import ApplicationTarget
from gitops.deployment.applied import says_the_same
from gitops.deployment.inventory import Inventory, InventoryObject
from gitops.diff import compare
from gitops.errors import ManifestError
from gitops.impersonation import ServiceAccount
from gitops.objects.immutable import may_be_replaced
from gitops.objects.manifest import Manifest, ResourceKey, labels_of
from gitops.syncing.dropped_fields import dropped_fields, without_dropped
from gitops.syncing.options import ObjectOptions

Hook = Callable[[pulumi.ResourceHookArgs], Awaitable[None]]

# What the provider calls itself where it does not apply server-side. When it does so again, it
# takes the fields of this manager over, so that those that leave Git leave the cluster.
CLIENT_SIDE_MANAGER = "pulumi-kubernetes"
MANAGED_BY = "app.kubernetes.io/managed-by"
PROVIDERS_LABEL = "pulumi"


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How one object is written: through which provider, and what happens before and after.

    ``dropped`` are the fields that were sent before and that the API server did not keep; ``body``
    is what is applied instead of the rendered object, where that would be refused.
    """

    provider: pulumi.ProviderResource | None = None
    dropped: tuple[str, ...] = ()
    body: Mapping[str, Any] | None = None
    before: tuple[pulumi.ResourceHook, ...] = ()
    after: tuple[pulumi.ResourceHook, ...] = ()


SERVER_SIDE = Way()


class Writing:
    """The ways of a run's objects.

    Args:
        cluster: the cluster of the run.
        inventory: the last deployment.
        client_side: the provider that does not apply server-side, as an account or as whoever runs
            the program.
    """

    def __init__(
        self,
        cluster: LiveCluster,
        inventory: Inventory,
        client_side: Callable[[ServiceAccount | None], pulumi.ProviderResource],
    ) -> None:
        self._cluster = cluster
        self._inventory = inventory
        self._client_side = client_side
        self._hooks: dict[str, pulumi.ResourceHook] = {}
        self._objects: dict[ResourceKey, tuple[Manifest, ObjectOptions]] = {}
        self._users: dict[ResourceKey, str] = {}

    def way(
        self,
        manifest: Manifest,
        options: ObjectOptions,
        *,
        account: ServiceAccount | None = None,
        in_part: bool = False,
    ) -> Way:
        """How an object is written.

        Args:
            manifest: the object.
            options: its sync options.
            account: as whom, if not as whoever runs the program.
            in_part: some of its fields are somebody else's; it is then not replaced as a whole,
                which would take them away.
        """
        replacing = options.replace and not in_part
        last = self._inventory.objects.get(manifest.key)
        # Client-side, the provider creates what its state does not have, and is refused where the
        # object is there, after a lost state for example. Server-side apply takes such an object
        # over, and the next run switches.
        found = self._cluster.find(manifest.key) if options.client_side and last is None else None
        client_side = options.client_side and found is None
        if found is not None and not options.validate:
            return Way(body=without_dropped(manifest.body, found))
        labelled = client_side or _labelled_by_the_provider(last, manifest)
        if not (client_side or labelled or replacing):
            return SERVER_SIDE
        self._objects[manifest.key] = (manifest, options)
        self._users[manifest.key] = account.user if account else ""
        before: tuple[pulumi.ResourceHook, ...] = ()
        if replacing:
            before = (self._hook("replace-the-live-object", self._replace),)
        elif client_side and options.validate:
            before = (self._hook("refuse-unknown-fields", self._validate),)
        return Way(
            provider=self._client_side(account) if client_side else None,
            dropped=_dropped(manifest, last) if not options.validate else (),
            before=before,
            after=(self._hook("put-the-label-back", self._relabel),) if labelled else (),
        )

    def _hook(self, name: str, act: Callable[[ResourceKey], None]) -> pulumi.ResourceHook:
        async def call(args: pulumi.ResourceHookArgs) -> None:
            await in_thread(act, Manifest.from_body(dict(args.new_inputs or {})).key)

        if name not in self._hooks:
            self._hooks[name] = pulumi.ResourceHook(name, call)
        return self._hooks[name]

    def _replace(self, key: ResourceKey) -> None:
        manifest, options = self._objects[key]
        live = self._cluster.find(key)
        found = self._reach(key)
        if live is not None and key not in self._inventory.objects and _agree(manifest.body, live):
            return  # it only moves in: nothing about it has changed, but whose it is
        if live is not None and found is not None:
            connection, resource = found
            writing.put(
                connection,
                resource,
                manifest.body,
                live,
                manager=CLIENT_SIDE_MANAGER,
                validate=options.validate,
            )

    def _validate(self, key: ResourceKey) -> None:
        manifest, _ = self._objects[key]
        found = self._reach(key)
        if found is None:
            return
        connection, resource = found
        exists = self._cluster.find(key) is not None
        problem = writing.unknown_fields(connection, resource, manifest.body, exists=exists)
        if problem:
            raise ManifestError(
                str(key),
                problem,
                remedy="remove the field, or set Validate=false to have it dropped",
            )

    def _relabel(self, key: ResourceKey) -> None:
        manifest, _ = self._objects[key]
        found = self._reach(key)
        if found is not None:
            connection, resource = found
            wanted = {MANAGED_BY: labels_of(manifest.outline).get(MANAGED_BY)}
            writing.label(connection, resource, manifest.body, wanted, manager=CLIENT_SIDE_MANAGER)

    def _reach(self, key: ResourceKey) -> tuple[Connection, ApiResource] | None:
        connection, known = self._cluster.connection, self._cluster.facts
        if connection is None or known is None:
            return None
        resource = known.find(key.group, key.kind)
        if resource is None:  # a kind that is new in this run
            resource = facts(connection).find(key.group, key.kind)
        return (connection.acting_as(self._users[key]), resource) if resource else None


def _agree(body: Mapping[str, Any], live: Mapping[str, Any]) -> bool:
    """Whether a live object has all that Git says, our own marks aside."""
    return all(
        each.path.startswith(('metadata.labels["home-ops/', 'metadata.annotations["home-ops/'))
        for each in compare(body, live)
    )


def _dropped(manifest: Manifest, last: InventoryObject | None) -> tuple[str, ...]:
    return tuple(dropped_fields(manifest.body, last.body, last.live)) if last else ()


def _labelled_by_the_provider(last: InventoryObject | None, manifest: Manifest) -> bool:
    # The provider gives this label to all it creates client-side, and never lets it go; the live
    # object gets back what Git says.
    if last is None or labels_of(last.body).get(MANAGED_BY) != PROVIDERS_LABEL:
        return False
    return labels_of(manifest.outline).get(MANAGED_BY) != PROVIDERS_LABEL


def with_forced_replacements(
    target: ApplicationTarget, inventory: Inventory, cluster: LiveCluster, *, manager: str
) -> ApplicationTarget:
    """The Application, with the objects among its replacements that Force=true has deleted and
    created again: those that changed and that the API server would refuse (``kubectl apply
    --force``)."""
    found: dict[ResourceKey, tuple[str, ...]] = {}
    user = target.account.user if target.account else ""
    for manifest in target.manifests:
        options = target.options_for(manifest.key)
        last = inventory.objects.get(manifest.key)
        if not options.force or last is None or manifest.key in target.replacements:
            continue
        changed = _changed(manifest.body, last.body)
        if (
            changed
            and may_be_replaced(manifest.body, options)
            and _refused(manifest, cluster, manager, user)
        ):
            found[manifest.key] = changed
    if not found:
        return target
    return replace(target, replacements={**target.replacements, **found})


def _changed(body: Mapping[str, object], last: Mapping[str, object]) -> tuple[str, ...]:
    names = (body.keys() | last.keys()) - {"apiVersion", "kind", "metadata"}
    return tuple(sorted(n for n in names if not says_the_same(body.get(n), last.get(n), field=n)))


def _refused(manifest: Manifest, cluster: LiveCluster, manager: str, user: str) -> bool:
    key = manifest.key
    resource = cluster.facts.find(key.group, key.kind) if cluster.facts else None
    if cluster.connection is None or resource is None or cluster.find(key) is None:
        return False
    connection = cluster.connection.acting_as(user)
    return writing.refuses_apply(connection, resource, manifest.body, manager=manager)
