"""What must a cluster have before Applications are synced?

Made first by the program: the namespace of this program's own objects, the projects that limit
Applications, and the account a reconciler in the cluster runs as.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi

from components.resources import Options, declare, declare_kept
from gitops.bootstrap_objects import bootstrap_objects
from gitops.config import BootstrapSettings
from gitops.ignoring.partial import Partial
from gitops.inventory import Inventory, InventoryObject
from gitops.manifest import Manifest, ResourceKey
from gitops.projects import AppProject

BOOTSTRAP_TYPE = "home-ops:index:Bootstrap"
APP_PROJECT_TYPE = "home-ops:index:AppProject"


@dataclass(frozen=True, slots=True, kw_only=True)
class BootstrapArgs:
    """The bootstrap's settings, the projects, the last deployment, what of it stays without
    belonging to any Application, and which objects are applied in part."""

    settings: BootstrapSettings
    projects: Sequence[AppProject]
    inventory: Inventory
    kept: Sequence[InventoryObject] = ()
    partials: Mapping[ResourceKey, Partial] = field(default_factory=dict)


class Bootstrap(pulumi.ComponentResource):
    """The base every Application stands on."""

    def __init__(
        self, name: str, args: BootstrapArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(BOOTSTRAP_TYPE, name, {}, opts)
        for project in args.projects:
            AppProjectRecord(project.name, project, pulumi.ResourceOptions(parent=self))
        namespace: list[pulumi.Resource] = []
        for body in bootstrap_objects(args.settings):
            manifest = Manifest.from_body(body)
            is_namespace = manifest.key.kind == "Namespace"
            options = Options(
                parent=self,
                depends_on=tuple(namespace),
                retain=is_namespace,
                partial=args.partials.get(manifest.key),
            )
            resource = declare(body, manifest.key, options, inventory=args.inventory)
            if is_namespace:
                namespace.append(resource)
        for found in args.kept:
            # what the prune gate keeps may be deleted later, a namespace never
            declare_kept(found, Options(parent=self, retain=found.key.kind == "Namespace"))
        self.register_outputs({"namespace": args.settings.namespace})


class AppProjectRecord(pulumi.ComponentResource):
    """An AppProject, in the state so that a change of its limits shows in a preview."""

    def __init__(
        self, name: str, project: AppProject, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(APP_PROJECT_TYPE, name, dataclasses.asdict(project), opts)
        self.register_outputs({})
