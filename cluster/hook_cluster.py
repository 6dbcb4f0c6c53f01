"""What do hooks need of a cluster?

Called by ``hook_run`` and by whoever deletes an Application's objects between its hooks. All of it
is awaited: each request is sent in a thread, because the engine's callbacks share one event loop.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from cluster.connection import Connection, decode
from cluster.discovery import ApiResource, ClusterFacts, facts
from cluster.hook_pods import last_words
from cluster.listing import list_objects
from cluster.objects import Propagation, delete, get
from cluster.threads import in_thread
from gitops.errors import ClusterError
from gitops.ignoring.partial import FIELD_MANAGER
from gitops.objects.manifest import Manifest, ResourceKey
from gitops.objects.ownership import APPLICATION_LABEL, label_value, live_key, owner
from gitops.syncing.hook_objects import HOOK_PHASE, made_by, phase_ran_in
from gitops.syncing.hook_plan import PlannedHook

Live = Mapping[str, Any]
APPLY = "application/apply-patch+yaml"


class HookCluster:
    """One API server, and what it serves.

    Args:
        connection: the API server.
        known: what it served when the run began; it is asked again for a kind that is not there,
            which the sync itself may have brought.
        user: as whom objects are applied and deleted, if not as who connects; they are read as who
            connects.
    """

    def __init__(self, connection: Connection, known: ClusterFacts, *, user: str = "") -> None:
        self._connection = connection
        self._writing = connection.acting_as(user)
        self._facts = known

    async def resource(self, group: str, kind: str, *, version: str = "") -> ApiResource | None:
        """Where objects of a kind are, in one version or in the preferred one."""
        if not self._facts.serves(group, kind, version=version or None):
            self._facts = await in_thread(facts, self._connection)
            if not self._facts.serves(group, kind, version=version or None):
                return None
        found = self._facts.find(group, kind)
        return replace(found, version=version) if found and version else found

    async def left_by(
        self, hook: PlannedHook, resource: ApiResource, application: str
    ) -> list[Live]:
        """The objects that have a hook's name or, where that is generated, that it made.

        Raises:
            ClusterError: the server does not answer or refuses.
        """
        key = hook.manifest.key
        if not hook.name_is_generated:
            live = await in_thread(get, self._connection, resource, key)
            return [] if live is None else [live]
        labels = f"{APPLICATION_LABEL}={label_value(application)},{HOOK_PHASE}={hook.phase}"
        path = resource.path(namespace=key.namespace)
        listed = await in_thread(self._connection.get, path, {"labelSelector": labels})
        kind = {"apiVersion": resource.api_version, "kind": resource.kind}
        found = ({**each, **kind} for each in listed.get("items") or ())
        return [each for each in found if made_by(hook, application, each)]

    async def find(self, key: ResourceKey) -> tuple[ApiResource, Live] | None:
        """An object and where it is; None where there is none, or nothing serves its kind."""
        resource = await self.resource(key.group, key.kind)
        if resource is None:
            return None
        live = await in_thread(get, self._connection, resource, key)
        return None if live is None else (resource, live)

    async def made_for(self, application: str) -> list[tuple[ApiResource, Live]]:
        """Every object that says of itself that a hook of an Application made it."""
        labels = f"{APPLICATION_LABEL}={label_value(application)},{HOOK_PHASE}"
        deletable = [each for each in self._facts.resources if "delete" in each.verbs]
        listed = await in_thread(
            list_objects, self._connection, deletable, label_selector=labels, metadata_only=True
        )
        found: list[tuple[ApiResource, Live]] = []
        for live in listed.objects:
            key = live_key(live)
            resource = self._facts.find(key.group, key.kind)
            if resource and owner(live) == application and phase_ran_in(live):
                found.append((resource, live))
        return found

    async def apply(self, resource: ApiResource, manifest: Manifest, *, validate: bool) -> Live:
        """Create an object, or change the one that has its name.

        Raises:
            ClusterError: the server does not answer or refuses.
        """
        path = resource.path(namespace=manifest.key.namespace, name=manifest.key.name)
        parameters = {
            "fieldManager": FIELD_MANAGER,
            "force": "true",
            "fieldValidation": "Strict" if validate else "Ignore",
        }
        body = json.dumps(manifest.body).encode()
        live = await in_thread(
            self._writing.patch, path, body, content_type=APPLY, params=parameters
        )
        return dict(live)

    async def look(self, resource: ApiResource, live: Live) -> Live | None:
        """The very object as it is now, None when it has gone, whatever has its name since."""
        seen = await in_thread(get, self._connection, resource, live_key(live))
        same = seen is not None and seen["metadata"]["uid"] == live["metadata"]["uid"]
        return seen if same else None

    async def delete(
        self,
        resource: ApiResource,
        live: Live,
        *,
        propagation: Propagation = Propagation.FOREGROUND,
    ) -> None:
        """Delete the very object, after what it owns unless something else is said.

        Raises:
            ClusterError: another object has its name, or the server does not answer or refuses.
        """
        await in_thread(
            delete,
            self._writing,
            resource,
            live_key(live),
            uid=live["metadata"]["uid"],
            propagation=propagation,
        )

    async def states_since(self, resource: ApiResource, live: Live) -> list[Live]:
        """The states of an object that has gone, after the one at hand, its last one included.

        A Job with ttlSecondsAfterFinished may end and be removed between two looks; the API server
        still tells. Source: Kubernetes API Concepts, "Efficient detection of changes". The list is
        empty where it does not remember, or cannot watch the kind.
        """
        key, metadata = live_key(live), live["metadata"]
        query: dict[str, str | int] = {
            "watch": "true",
            "fieldSelector": f"metadata.name={key.name}",
            "resourceVersion": str(metadata["resourceVersion"]),
            "timeoutSeconds": 1,
        }
        path = resource.path(namespace=key.namespace)
        try:
            answer = await in_thread(self._connection.get_bytes, path, query)
        except ClusterError:
            return []
        events = [decode(line) for line in answer.splitlines() if line]
        states = [each["object"] for each in events if each.get("type") != "ERROR"]
        return [each for each in states if each["metadata"].get("uid") == metadata["uid"]]

    async def last_words(self, live: Live) -> tuple[str, ...]:
        """What the pods of a hook said last."""
        return await in_thread(last_words, self._connection, live)
