"""What does one ApplicationSet look like in Pulumi's tree?

Made by the program, one per set in the config; parent of its Applications and of the namespaces
that CreateNamespace makes for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from components.resources import Options, declare
from gitops.deployment.inventory import APPLICATION_SET_TYPE, Inventory
from gitops.objects.manifest import Manifest
from gitops.objects.namespaces import CreatedNamespace

type_token = APPLICATION_SET_TYPE


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationSetArgs:
    """The namespaces a set makes, and the last deployment."""

    namespaces: Sequence[CreatedNamespace]
    inventory: Inventory


class ApplicationSet(pulumi.ComponentResource):
    """A rule that turned directories into Applications, and the namespaces it made for them."""

    def __init__(
        self, name: str, args: ApplicationSetArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(type_token, name, {}, opts)
        self.namespaces: dict[str, pulumi.CustomResource] = {}
        for namespace in args.namespaces:
            manifest = Manifest.from_body(dict(namespace.body))
            options = Options(parent=self, retain=True)
            self.namespaces[namespace.name] = declare(
                manifest.body, manifest.key, options, inventory=args.inventory
            )
        self.register_outputs({})
