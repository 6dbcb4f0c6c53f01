"""How does one connect to the cluster of a stack?

Called by everything that does. As a rule it is the one a kubeconfig names or a Pod runs in; where
the config names a Secret, the kubeconfig in it is read with that connection, kept in memory and
handed to nobody but the provider, as a secret.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

import yaml

from cluster.connection import Connection, StatusError, connect, connect_as
from cluster.kubeconfig import select_in
from gitops.configuration.kubernetes_settings import KubeconfigSecret, KubernetesSettings
from gitops.errors import ClusterError

TIMEOUT_SECONDS = 5.0
_NOT_FOUND = 404
_FILES = ("certificate-authority", "client-certificate", "client-key", "tokenFile")
_PROGRAMS = ("exec", "auth-provider")


def connect_to(settings: KubernetesSettings, *, timeout: float = TIMEOUT_SECONDS) -> Connection:
    """Open connections to the API server of a stack.

    Args:
        settings: which one it is.
        timeout: seconds to wait for a connection before the server counts as unreachable.

    Raises:
        ClusterError: there is no usable kubeconfig, context or credential, or the home cluster does
            not answer or refuses.
    """
    secret, context = settings.kubeconfig_secret, settings.context or None
    if secret is None:
        return connect(context, timeout=timeout)
    content = parsed_kubeconfig(kubeconfig_in(secret, timeout=timeout), secret)
    return connect_as(select_in(content, context, where=str(secret)), timeout=timeout)


def kubeconfig_in(secret: KubeconfigSecret, *, timeout: float = TIMEOUT_SECONDS) -> str:
    """The kubeconfig a Secret of the home cluster holds; whoever asks keeps it to himself.

    Raises:
        ClusterError: the home cluster does not answer or refuses, or has no such Secret or key.
    """
    path = f"/api/v1/namespaces/{secret.namespace}/secrets/{secret.name}"
    remedy = "make it in the cluster this runs in, with `kubectl config view --flatten --minify`"
    with connect(timeout=timeout) as home:
        try:
            found = home.get(path)
        except StatusError as error:
            if error.code != _NOT_FOUND:
                raise
            raise ClusterError(str(secret), "there is no such Secret", remedy=remedy) from error
    encoded = (found.get("data") or {}).get(secret.key)
    if not encoded:
        raise ClusterError(str(secret), "has no such key", remedy=remedy)
    try:
        return base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise ClusterError(str(secret), "is no text", remedy=remedy) from None


def parsed_kubeconfig(text: str, secret: KubeconfigSecret) -> Mapping[str, Any]:
    """The kubeconfig, proved to need no file and to run no program: whoever may write the Secret
    is not to run anything here.

    Raises:
        ClusterError: it does, or it is none.
    """
    remedy = "write it with `kubectl config view --flatten --minify` and a token or certificate"
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError:
        content = None  # without the cause, which would show what is in it
    if not isinstance(content, dict) or not isinstance(content.get("clusters"), list):
        raise ClusterError(str(secret), "is no kubeconfig", remedy=remedy)
    entries = [*(content.get("clusters") or ()), *(content.get("users") or ())]
    for entry in entries:
        inside = entry.get("cluster") or entry.get("user") or {}
        for name in (*_FILES, *_PROGRAMS):
            if inside.get(name):
                what = "names a file" if name in _FILES else "runs a program"
                raise ClusterError(str(secret), f"{name} {what}", remedy=remedy)
    return content
