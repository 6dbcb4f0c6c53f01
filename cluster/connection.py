"""How are requests sent to one API server?

``connect`` opens the pool of connections that discovery, listing and objects send their requests
through; lightkube supplies TLS and authentication. A failure becomes a ClusterError that names the
server.
"""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from cluster.kubeconfig import select
from gitops.errors import ClusterError

if TYPE_CHECKING:
    from httpx2 import Client, Response
    from lightkube.config.kubeconfig import SingleConfig

ATTEMPTS = 4
ANSWER_SECONDS = 60.0
FORBIDDEN = 403
_TOO_MANY_REQUESTS = 429


class UnreachableError(ClusterError):
    """The API server does not answer at all."""


class StatusError(ClusterError):
    """The API server answered with a failure; ``code`` is the HTTP status, ``status`` its body."""

    def __init__(
        self, subject: str, reason: str, *, remedy: str, code: int, status: Mapping[str, Any]
    ) -> None:
        super().__init__(subject, reason, remedy=remedy)
        self.code = code
        self.status = status


class Connection:
    """Pooled connections to one API server; safe to use from several threads."""

    def __init__(
        self, client: Client, *, server: str, context: str, timeout: float, user: str = ""
    ) -> None:
        self._client = client
        self.user = user
        self.server = server
        self.context = context
        self.timeout = timeout

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def acting_as(self, user: str) -> Connection:
        """The same connections, with what is sent done as another user (Kubernetes, "User
        impersonation"); the very same for no name. A ServiceAccount's groups are added by the API
        server."""
        if not user:
            return self
        return Connection(
            self._client, server=self.server, context=self.context, timeout=self.timeout, user=user
        )

    def close(self) -> None:
        """Close the pooled connections."""
        self._client.close()

    def get(
        self,
        path: str,
        params: Mapping[str, str | int] | None = None,
        *,
        accept: str = "application/json",
        timeout: float | None = None,
    ) -> Any:
        """The JSON the server answers a GET with; see ``get_bytes``."""
        return decode(self.get_bytes(path, params, accept=accept, timeout=timeout))

    def get_bytes(
        self,
        path: str,
        params: Mapping[str, str | int] | None = None,
        *,
        accept: str = "application/json",
        timeout: float | None = None,
    ) -> bytes:
        """The body the server answers a GET with.

        Args:
            path: the path below the server's URL, such as ``/api/v1/namespaces``.
            params: the query.
            accept: the content types wanted, best first.
            timeout: seconds to wait for the answer; a minute when None.

        Raises:
            UnreachableError: nothing answers.
            StatusError: the server refuses.
        """
        headers = {"Accept": accept}
        return self._send("GET", path, params=params, headers=headers, timeout=timeout).content

    def post(
        self,
        path: str,
        body: bytes,
        *,
        content_type: str = "application/json",
        params: Mapping[str, str] | None = None,
    ) -> Any:
        """Send a POST; the JSON of the answer. Raises as ``get_bytes`` does."""
        return self._write("POST", path, body, content_type, params)

    def put(self, path: str, body: bytes, *, params: Mapping[str, str] | None = None) -> Any:
        """Send a PUT; the JSON of the answer. Raises as ``get_bytes`` does."""
        return self._write("PUT", path, body, "application/json", params)

    def patch(
        self,
        path: str,
        body: bytes,
        *,
        content_type: str,
        params: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> Any:
        """Send a PATCH; the JSON of the answer. Args and errors are those of ``get_bytes``."""
        return self._write("PATCH", path, body, content_type, params, timeout=timeout)

    def delete(self, path: str, body: bytes = b"") -> Any:
        """Send a DELETE with DeleteOptions; the JSON of the answer. Raises as ``get_bytes``."""
        return self._write("DELETE", path, body, "application/json")

    def _write(
        self,
        method: str,
        path: str,
        body: bytes,
        content_type: str,
        params: Mapping[str, str] | None = None,
        *,
        timeout: float | None = None,
    ) -> Any:
        headers = {"Accept": "application/json", "Content-Type": content_type}
        answer = self._send(
            method, path, timeout=timeout, params=params, headers=headers, content=body
        )
        return decode(answer.content)

    def _send(
        self, method: str, path: str, *, timeout: float | None = None, **request: Any
    ) -> Response:
        from httpx2 import Timeout, TransportError

        limits = Timeout(timeout or ANSWER_SECONDS, connect=self.timeout)
        if self.user:
            request["headers"] = {**request["headers"], "Impersonate-User": self.user}
        for attempt in range(1, ATTEMPTS + 1):
            try:
                response = self._client.request(method, path, timeout=limits, **request)
            except TransportError as error:
                # A pooled connection may have been closed since its last use: ask once more.
                if method == "GET" and attempt == 1 and _was_cut(error):
                    continue
                raise self._unreachable(error) from error
            if response.status_code != _TOO_MANY_REQUESTS or attempt == ATTEMPTS:
                break
            time.sleep(_pause(response))
        if response.is_success:
            return response
        raise self._refused(method, path, response)

    def _unreachable(self, error: Exception) -> UnreachableError:
        return UnreachableError(
            f"cluster {self.server}",
            f"cannot be reached ({str(error) or type(error).__name__})",
            remedy=f"start it, or check the context {self.context!r} of KUBECONFIG "
            "(`make up` starts the local control plane)",
        )

    def _refused(self, method: str, path: str, response: Response) -> StatusError:
        status = _status(response)
        message = status.get("message") or response.text[:200] or response.reason_phrase
        remedies = {
            401: f"renew the credentials of the context {self.context!r} of KUBECONFIG",
            403: f"grant it to {self.user or 'the user of the kubeconfig'} (RBAC)",
        }
        return StatusError(
            f"cluster {self.server}",
            f"{method} {path} answered {response.status_code}: {message}",
            remedy=remedies.get(response.status_code, "see the API server's reason above"),
            code=response.status_code,
            status=status,
        )


def connect(context: str | None = None, *, timeout: float = 5.0) -> Connection:
    """Open connections to the API server a kubeconfig context names; no request is sent yet.

    Args:
        context: the name of a context; the current one (or the pod's service account) when None.
        timeout: seconds to wait for a connection before the server counts as unreachable.

    Raises:
        ClusterError: there is no usable kubeconfig, context or credential.
    """
    return connect_as(select(context), timeout=timeout)


def connect_as(single: SingleConfig, *, timeout: float = 5.0) -> Connection:
    """Open connections to the API server a configuration names; no request is sent yet.

    Args:
        single: the server and who connects to it.
        timeout: seconds to wait for a connection before the server counts as unreachable.

    Raises:
        ClusterError: the credentials cannot be used.
    """
    from lightkube.config import client_adapter
    from lightkube.core.exceptions import ConfigError

    server = single.cluster.server
    local = is_loopback(server)
    # A proxy never leads back to this machine (Go's rule, so the provider's), and compressing for
    # the loopback costs both sides more than it saves.
    parameters = client_adapter.ConnectionParams(trust_env=not local)
    try:
        client = client_adapter.Client(single, parameters)
    except (ConfigError, OSError, ValueError) as error:
        raise ClusterError(
            f"cluster {server}",
            f"the context {single.context_name!r} cannot be used ({error})",
            remedy="correct its certificates or credentials in the kubeconfig",
        ) from error
    if local:
        client.headers["Accept-Encoding"] = "identity"
    client.headers["User-Agent"] = "home-ops"
    return Connection(client, server=server, context=single.context_name, timeout=timeout)


def is_loopback(server: str) -> bool:
    """Whether a server's URL names this machine."""
    host = urlsplit(server).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def decode(body: bytes) -> Any:
    """JSON as plain Python values."""
    from msgspec import json

    return json.decode(body)


def _status(response: Response) -> Mapping[str, Any]:
    try:
        body = decode(response.content)
    except ValueError:  # a proxy or an old server answers text
        return {}
    return body if isinstance(body, dict) and body.get("kind") == "Status" else {}


def _pause(response: Response) -> float:
    text = response.headers.get("Retry-After", "1")
    return min(float(text), 5.0) if text.isdecimal() else 1.0


def _was_cut(error: Exception) -> bool:
    from httpx2 import ReadError, RemoteProtocolError, WriteError

    return isinstance(error, ReadError | RemoteProtocolError | WriteError)
