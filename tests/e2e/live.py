"""What is in the cluster? Plain REST, and nothing of the program under test."""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from urllib.parse import quote

T = TypeVar("T")
Body = dict[str, Any]

LABEL = "home-ops/application"
STACK = "home-ops/stack"


class Key(NamedTuple):
    """The identity of an object."""

    group: str
    kind: str
    namespace: str
    name: str


class Kind(NamedTuple):
    """A kind the API server serves, at the version it prefers."""

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool

    @property
    def root(self) -> str:
        """The path its objects are under."""
        return f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"

    @property
    def api_version(self) -> str:
        """What its objects have as ``apiVersion``."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str = "", name: str = "") -> str:
        """The path of an object, or of all of them."""
        within = f"/namespaces/{quote(namespace)}" if namespace and self.namespaced else ""
        return f"{self.root}{within}/{self.plural}" + (f"/{quote(name)}" if name else "")


CONFIG_MAPS = Kind("", "v1", "ConfigMap", "configmaps", namespaced=True)


class Live:
    """An API server, asked with the kubeconfig a user has."""

    def __init__(self, kubeconfig: Path) -> None:
        value = json.loads(kubeconfig.read_text())
        cluster = value["clusters"][0]["cluster"]
        authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
        self._context = ssl.create_default_context(cadata=authority)
        self._port = int(cluster["server"].rpartition(":")[2])
        self._token = value["users"][0]["user"]["token"]
        self._connection: http.client.HTTPSConnection | None = None

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()

    def kinds(self) -> list[Kind]:
        """Every kind that can be listed."""
        found = [*self._kinds_of("", "v1", "/api/v1")]
        for group in self.request("GET", "/apis")["groups"]:
            version = group["preferredVersion"]["version"]
            path = f"/apis/{group['name']}/{version}"
            found += self._kinds_of(group["name"], version, path)
        return found

    def owned(self, stack: str) -> dict[Key, Body]:
        """Every object that says of itself that a stack applied it."""
        found: dict[Key, Body] = {}
        for kind in self.kinds():
            for body in self.list(kind, selector=LABEL):
                metadata = body["metadata"]
                controlled = any(o.get("controller") for o in metadata.get("ownerReferences", ()))
                if metadata.get("annotations", {}).get(STACK) == stack and not controlled:
                    found[key_of(body)] = body
        return found

    def list(self, kind: Kind, *, selector: str = "") -> list[Body]:
        """The objects of a kind."""
        query = f"?labelSelector={quote(selector)}" if selector else ""
        listed = self.request("GET", kind.path() + query)
        # an empty list is null in some answers
        return [
            {"apiVersion": listed["apiVersion"], "kind": kind.kind, **item}
            for item in listed.get("items") or ()
        ]

    def get(self, path: str) -> Body | None:
        """The object at a path, ``None`` where there is none or it is being deleted."""
        found = self.request("GET", path, missing=True)
        return None if found.get("metadata", {}).get("deletionTimestamp") else found or None

    def at_version(self, body: Body, api_version: str) -> Body:
        """A live object as another version of its API shows it."""
        if body["apiVersion"] == api_version:
            return body
        key = key_of(body)
        kind = next(each for each in self.kinds() if (each.group, each.kind) == key[:2])
        other = kind._replace(version=api_version.rpartition("/")[2])
        return self.request("GET", other.path(key.namespace, key.name))

    def find(self, kind: str, name: str, namespace: str = "") -> Body | None:
        """The object with a kind and a name, in whichever group there is one."""
        for each in self.kinds():
            if each.kind == kind and (found := self.get(each.path(namespace, name))):
                return found
        return None

    def uid(self, kind: str, name: str, namespace: str = "") -> str:
        """The uid of an object that must be there."""
        found = self.find(kind, name, namespace)
        assert found, f"there is no {kind} {namespace}/{name}"
        return str(found["metadata"]["uid"])

    def deletions(self, kind: Kind, namespace: str, *, since: str) -> tuple[Body, ...]:
        """The objects of a kind that were deleted after a revision of the cluster, in order; each
        has the revision of its deletion."""
        query = f"?watch=1&timeoutSeconds=2&resourceVersion={since}"
        status, answer = self._exchange("GET", kind.path(namespace) + query, None, self._headers())
        assert status == http.HTTPStatus.OK, answer
        events = [json.loads(line) for line in answer.splitlines()]
        return tuple(each["object"] for each in events if each["type"] == "DELETED")

    def request(
        self, method: str, path: str, body: Body | None = None, *, missing: bool = False
    ) -> Body:
        """Send a request; with ``missing`` an answer of 404 is an empty object."""
        content = json.dumps(body) if body is not None else None
        patches = method == "PATCH"
        headers = self._headers("application/merge-patch+json" if patches else "application/json")
        status, answer = self._exchange(method, path, content, headers)
        while status == http.HTTPStatus.TOO_MANY_REQUESTS:  # a definition that is only just served
            time.sleep(0.1)
            status, answer = self._exchange(method, path, content, headers)
        if status == http.HTTPStatus.NOT_FOUND and missing:
            return {}
        assert status < http.HTTPStatus.BAD_REQUEST, f"{method} {path}: {status} {answer!r}"
        found: Body = json.loads(answer)
        return found

    def _headers(self, content_type: str = "application/json") -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}", "Content-Type": content_type}

    def _exchange(
        self, method: str, path: str, content: str | None, headers: dict[str, str]
    ) -> tuple[int, bytes]:
        for attempt in (1, 2):  # the server closes connections that were not used for a while
            if self._connection is None:
                self._connection = http.client.HTTPSConnection(
                    "127.0.0.1", self._port, context=self._context, timeout=30
                )
            try:
                self._connection.request(method, path, content, headers)
                response = self._connection.getresponse()
                return response.status, response.read()
            except (ConnectionError, http.client.HTTPException):
                self._connection.close()
                self._connection = None
                if attempt == 2:
                    raise
        raise AssertionError("not reached")

    def _kinds_of(self, group: str, version: str, path: str) -> Iterator[Kind]:
        for each in self.request("GET", path, missing=True).get("resources", ()):
            if "list" in each["verbs"] and "/" not in each["name"]:
                yield Kind(group, version, each["kind"], each["name"], each["namespaced"])


def key_of(body: Body) -> Key:
    """The identity of an object, rendered or live."""
    metadata = body["metadata"]
    group = str(body["apiVersion"]).rpartition("/")[0]
    return Key(group, body["kind"], metadata.get("namespace", ""), metadata["name"])


def until(probe: Callable[[], T], what: str, *, seconds: float = 30.0, step: float = 0.05) -> T:
    """Wait until a probe answers with something true, and return that."""
    deadline = time.monotonic() + seconds
    while not (value := probe()):
        assert time.monotonic() < deadline, f"waited {seconds} s in vain for {what}"
        time.sleep(step)
    return value
