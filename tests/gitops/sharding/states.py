"""States as ``pulumi stack export`` shows them, written by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

SET = "home-ops:index:ApplicationSet"
APPLICATION = "home-ops:index:Application"
NAMESPACE = "kubernetes:core/v1:Namespace"
CONFIG_MAP = "kubernetes:core/v1:ConfigMap"
KEYS = {"type": "passphrase", "state": {"salt": "a"}}


def urn(stack: str, kinds: str, name: str) -> str:
    """The URN of a resource."""
    return f"urn:pulumi:{stack}::home-ops::{kinds}::{name}"


class State:
    """A state with a provider, one ApplicationSet and its namespace.

    Args:
        stack: whose it is.
    """

    def __init__(self, stack: str) -> None:
        self.stack = stack
        self.resources: list[dict[str, Any]] = []
        self.root = self._add("pulumi:pulumi:Stack", f"home-ops-{stack}")
        provider = self._add("pulumi:providers:kubernetes", "home", parent=self.root)
        self.resources[-1]["id"] = f"id-{stack}"
        self.provider = f"{provider}::id-{stack}"
        self.set = self._add(SET, "media", parent=self.root)
        self.namespace = self._add(
            f"{SET}${NAMESPACE}", "media", parent=self.set, provider=self.provider, custom=True
        )

    @property
    def document(self) -> dict[str, Any]:
        """The document."""
        deployment = {
            "manifest": {"version": "v3.259.0"},
            "secrets_providers": KEYS,
            "resources": self.resources,
        }
        return {"version": 3, "deployment": deployment}

    def add(self, name: str, *objects: str, needs: Sequence[str] = ()) -> list[str]:
        """An Application with ConfigMaps, the second deleted with it; their URNs."""
        parent = self._add(f"{SET}${APPLICATION}", name, parent=self.set)
        made = [
            self._add(
                f"{SET}${APPLICATION}${CONFIG_MAP}",
                f"media/{each}",
                parent=parent,
                provider=self.provider,
                dependencies=[self.namespace, *needs],
                propertyDependencies={"metadata": [self.namespace, *needs]},
                custom=True,
                **({"deletedWith": parent} if number else {}),
            )
            for number, each in enumerate(objects)
        ]
        return [parent, *made]

    def _add(self, kinds: str, name: str, **fields: Any) -> str:
        made = urn(self.stack, kinds, name)
        kind = kinds.rpartition("$")[2]
        self.resources.append({"urn": made, "type": kind, **fields})
        return made
