"""Which cluster is a stack's?

Read by ``gitops.config`` from ``home-ops:kubernetes``; whoever connects to the cluster goes by it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gitops.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class KubeconfigSecret:
    """A key of a Secret in the home cluster, with the kubeconfig of another."""

    namespace: str
    name: str
    key: str = "kubeconfig"

    def __str__(self) -> str:
        return f"Secret {self.namespace}/{self.name}, key {self.key}"


@dataclass(frozen=True, slots=True, kw_only=True)
class KubernetesSettings:
    """The cluster: its kubeconfig context, and what to assume of it where it is not at hand.

    With a ``kubeconfig_secret`` it is another than the one the process itself connects to; the
    context is then one of that kubeconfig.
    """

    version: str = ""
    api_versions: tuple[str, ...] = ()
    context: str = ""
    kubeconfig_secret: KubeconfigSecret | None = None


def read(values: Mapping[str, Any], *, subject: str) -> KubernetesSettings:
    """The settings as the config has them; their schema has been checked.

    Raises:
        ConfigError: a Secret is named by less than a namespace and a name.
    """
    secret = values.get("kubeconfigSecret")
    if secret is not None and not {"namespace", "name"} <= secret.keys():
        raise ConfigError(
            f"{subject}.kubeconfigSecret",
            "does not name a Secret",
            remedy="set both namespace and name",
        )
    return KubernetesSettings(
        version=values.get("version", ""),
        api_versions=tuple(values.get("apiVersions", ())),
        context=values.get("context", ""),
        kubeconfig_secret=KubeconfigSecret(**secret) if secret else None,
    )
