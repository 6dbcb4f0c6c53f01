"""How are the Applications' records read and written?

Called by the reconciler and by the commands that show or steer Applications. A record that is as it
was is not written again.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from cluster.connection import Connection, StatusError
from cluster.stack_memory import ensure_namespace
from gitops.errors import ClusterError
from gitops.records.body import PAUSED_AT, PAUSED_BY, read, spec_of, status_of
from gitops.records.definition import API_VERSION, KIND, PLURAL, definition
from gitops.records.record import ApplicationRecord

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
APPLY = "application/apply-patch+yaml"
MERGE_PATCH = "application/merge-patch+json"
FIELD_MANAGER = "home-ops-reconciler"
PEOPLE = "gitops"
ESTABLISHED_SECONDS = 30.0
WORKERS = 4
_NOT_FOUND = 404


class Records:
    """The records of one stack, in the bootstrap's namespace.

    Args:
        connection: the cluster.
        namespace: the bootstrap's namespace.
        stack: tells the records of several stacks on one cluster apart.
    """

    def __init__(self, connection: Connection, *, namespace: str, stack: str) -> None:
        self._connection = connection
        self._path = f"/apis/{API_VERSION}/namespaces/{namespace}/{PLURAL}"
        self._namespace = namespace
        self._labels = {"home-ops/stack": stack}
        self._stored: dict[str, dict[str, Any]] = {}

    def read(self) -> dict[str, ApplicationRecord]:
        """The record of every Application; none where the kind is not there yet.

        Raises:
            ClusterError: the server does not answer or refuses.
        """
        selector = ",".join(f"{name}={value}" for name, value in self._labels.items())
        try:
            found = self._connection.get(self._path, {"labelSelector": selector})
        except StatusError as error:
            if error.code == _NOT_FOUND:
                return {}
            raise
        self._stored = {str(each["metadata"]["name"]): each for each in found["items"]}
        return {name: read(body) for name, body in self._stored.items()}

    def write(self, records: Iterable[ApplicationRecord]) -> int:
        """Write what differs from what was read; the number of records written.

        Raises:
            ClusterError: the server does not answer or refuses.
        """
        changed = [each for each in records if self._differs(each)]
        if changed and not self._stored:
            ensure_definition(self._connection)
        with ThreadPoolExecutor(WORKERS) as pool:
            list(pool.map(self._write, changed))
        return len(changed)

    def pause(self, name: str, *, by: str, at: str) -> None:
        """Keep automation from an Application, also one that no pass has seen yet.

        Args:
            name: the Application.
            by: who wants that.
            at: when.

        Raises:
            ClusterError: the server does not answer or refuses.
        """
        if not self._stored:
            ensure_namespace(self._connection, self._namespace)
            ensure_definition(self._connection)
        body = self._body(ApplicationRecord(name=name), spec={"paused": True})
        body["metadata"]["annotations"] = {PAUSED_BY: by, PAUSED_AT: at}
        self._apply(f"{self._path}/{name}", body, manager=PEOPLE)

    def resume(self, name: str) -> None:
        """Let automation have an Application again that is paused or rolled back.

        Raises:
            ClusterError: the server does not answer or refuses.
        """
        # whoever has set them: an apply takes away only what its own manager has applied
        body = {
            "metadata": {"annotations": {PAUSED_BY: None, PAUSED_AT: None}},
            "spec": {"paused": None, "rollback": None},
        }
        self._connection.patch(
            f"{self._path}/{name}", json.dumps(body).encode(), content_type=MERGE_PATCH
        )

    def remove(self, names: Iterable[str]) -> None:
        """Forget Applications that are gone.

        Raises:
            ClusterError: the server does not answer or refuses.
        """
        for name in names:
            try:
                self._connection.delete(f"{self._path}/{name}")
            except StatusError as error:
                if error.code != _NOT_FOUND:
                    raise
            self._stored.pop(name, None)

    def _differs(self, record: ApplicationRecord) -> bool:
        stored = self._stored.get(record.name)
        return stored is None or read(stored) != record

    def _write(self, record: ApplicationRecord) -> None:
        path = f"{self._path}/{record.name}"
        stored = self._stored.get(record.name)
        body = self._body(record, spec=spec_of(record))
        if stored is not None and record.pinned is None and read(stored).pinned is not None:
            # an apply takes away only what this program has applied, and people have kubectl
            ended = json.dumps({"spec": {"rollback": None}}).encode()
            stored = self._connection.patch(path, ended, content_type=MERGE_PATCH)
        if stored is None or spec_of(read(stored)) != spec_of(record):
            stored = self._apply(path, body)
        if status_of(read(stored)) != status_of(record):
            stored = self._apply(f"{path}/status", self._body(record, status=status_of(record)))
        self._stored[record.name] = stored

    def _apply(
        self, path: str, body: Mapping[str, Any], manager: str = FIELD_MANAGER
    ) -> dict[str, Any]:
        applied: dict[str, Any] = self._connection.patch(
            path,
            json.dumps(body).encode(),
            content_type=APPLY,
            params={"fieldManager": manager, "force": "true"},
        )
        return applied

    def _body(self, record: ApplicationRecord, **parts: Any) -> dict[str, Any]:
        metadata = {"name": record.name, "namespace": self._namespace, "labels": self._labels}
        return {"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, **parts}


def ensure_definition(connection: Connection) -> None:
    """Apply the CustomResourceDefinition of the records and wait until it is served.

    Raises:
        ClusterError: the server does not answer, refuses, or does not serve it in time.
    """
    wanted = definition()
    path = f"{DEFINITIONS}/{wanted['metadata']['name']}"
    params = {"fieldManager": FIELD_MANAGER, "force": "true"}
    connection.patch(path, json.dumps(wanted).encode(), content_type=APPLY, params=params)
    deadline = time.monotonic() + ESTABLISHED_SECONDS
    while not _established(connection.get(path)):
        if time.monotonic() > deadline:
            raise ClusterError(
                wanted["metadata"]["name"],
                f"not served {ESTABLISHED_SECONDS:g} seconds after it was applied",
                remedy="look at its conditions with kubectl, then run again",
            )
        time.sleep(0.1)


def _established(body: Mapping[str, Any]) -> bool:
    conditions = (body.get("status") or {}).get("conditions") or ()
    return any(each["type"] == "Established" and each["status"] == "True" for each in conditions)
