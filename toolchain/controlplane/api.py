"""A small client of one API server: requests, and watching a kind.

Called by the supervisor's own controllers. Standard library only, one kept-alive connection for
each client, so a client belongs to one thread.
"""

from __future__ import annotations

import http.client
import json
import ssl
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode

from toolchain.controlplane.errors import ApiError

Object = dict[str, Any]

_TIMEOUT_SECONDS = 30.0
_WATCH_SECONDS = 1800
_GONE = 410
_PATCH = "application/merge-patch+json"


class Api:
    """A connection to the API server at a loopback port.

    Args:
        port: its port.
        token: who we are.
        authority: the certificates to trust, in PEM, and no others.
    """

    def __init__(self, *, port: int, token: str, authority: str) -> None:
        self._port = port
        self._token = token
        self._authority = authority
        self._context = ssl.create_default_context(cadata=authority)
        self._connection: http.client.HTTPSConnection | None = None

    def clone(self) -> Api:
        """Another client with the same identity, for another thread."""
        return Api(port=self._port, token=self._token, authority=self._authority)

    def request(self, method: str, path: str, body: Object | None = None) -> Object:
        """Send one request and decode the answer.

        Args:
            method: the HTTP method; the body of a PATCH is a merge patch (RFC 7386).
            path: path and query.
            body: what to send, as JSON.

        Raises:
            ApiError: the API server refused.
            OSError: it cannot be reached.
        """
        try:
            return self._exchange(method, path, body)
        except ConnectionError:
            # The server closes connections that were not used for some minutes.
            return self._exchange(method, path, body)

    def watch(self, path: str, *, since: str) -> Iterator[Object]:
        """Yield the events of a list from a resource version on, until the API server ends it."""
        connection = self._new_connection(timeout=_WATCH_SECONDS + _TIMEOUT_SECONDS)
        try:
            query = {
                "watch": "1",
                "resourceVersion": since,
                "allowWatchBookmarks": "true",
                "timeoutSeconds": str(_WATCH_SECONDS),
            }
            joint = "&" if "?" in path else "?"
            response = self._send(connection, "GET", f"{path}{joint}{urlencode(query)}", None)
            if response.status != 200:
                raise ApiError(response.status, response.read(200).decode(errors="replace"))
            while line := response.readline():
                yield _decode(line)
        finally:
            connection.close()

    def close(self) -> None:
        """Drop the connection; the next request opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _exchange(self, method: str, path: str, body: Object | None) -> Object:
        try:
            response = self._send(self._connect(), method, path, body)
            text = response.read()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise error if isinstance(error, OSError) else OSError(str(error)) from error
        value = _decode(text)
        if response.status >= 300:
            raise ApiError(response.status, str(value.get("message", text[:200])))
        return value

    def _connect(self) -> http.client.HTTPSConnection:
        if self._connection is None:
            self._connection = self._new_connection(timeout=_TIMEOUT_SECONDS)
        return self._connection

    def _new_connection(self, *, timeout: float) -> http.client.HTTPSConnection:
        return http.client.HTTPSConnection(
            "127.0.0.1", self._port, timeout=timeout, context=self._context
        )

    def _send(
        self,
        connection: http.client.HTTPSConnection,
        method: str,
        path: str,
        body: Object | None,
    ) -> http.client.HTTPResponse:
        headers = {"Authorization": f"Bearer {self._token}", "User-Agent": "home-ops-supervisor"}
        if body is not None:
            headers["Content-Type"] = _PATCH if method == "PATCH" else "application/json"
        payload = None if body is None else json.dumps(body).encode()
        connection.request(method, path, body=payload, headers=headers)
        return connection.getresponse()


def follow(api: Api, path: str, handle: Callable[[str, Object], None]) -> None:
    """Call a function with every object of a kind and with every change, for ever.

    Args:
        api: the client to use; no other thread may use it.
        path: the list's path, with field selectors if need be.
        handle: takes the event type (ADDED, MODIFIED, DELETED) and the object. After a break all
            objects come again as ADDED, so it must bear being called twice.
    """
    while True:
        try:
            listed = api.request("GET", path)
            for item in listed.get("items") or []:
                _pass_on(handle, "ADDED", item)
            _follow_from(api, path, listed["metadata"]["resourceVersion"], handle)
        except (ApiError, OSError, http.client.HTTPException) as error:
            print(f"{path}: {error}", file=sys.stderr, flush=True)
            time.sleep(1.0)


def _follow_from(api: Api, path: str, since: str, handle: Callable[[str, Object], None]) -> None:
    """Pass on events until the API server no longer knows the version we are at."""
    while True:
        for event in api.watch(path, since=since):
            item = event.get("object") or {}
            if event.get("type") == "ERROR":
                if item.get("code") == _GONE:
                    return
                raise ApiError(int(item.get("code", 500)), str(item.get("message")))
            since = item["metadata"]["resourceVersion"]
            if event.get("type") != "BOOKMARK":
                _pass_on(handle, str(event["type"]), item)


def _pass_on(handle: Callable[[str, Object], None], event: str, item: Object) -> None:
    """Handle one object; one that trips us up is logged and must not hold up all others."""
    try:
        handle(event, item)
    except (ApiError, OSError):
        raise
    except Exception:
        traceback.print_exc()


def _decode(text: bytes) -> Object:
    """The JSON object in an answer, or an empty one: probes answer in plain text."""
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
