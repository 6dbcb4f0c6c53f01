"""What must a cluster have before Applications are synced?

Made first by the program: the namespace of this program's own objects, the projects that limit
Applications, and the account a reconciler in the cluster runs as, with the reconciler itself where
one is deployed. What it may do in the namespaces of Applications is made when those are there.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi

from components.resources import Options, declare, declare_kept
from gitops.config import BootstrapSettings
from gitops.deployment.inventory import Inventory, InventoryObject
from gitops.ignoring.partial import Partial
from gitops.objects.manifest import Manifest, ResourceKey
from gitops.projects import AppProject

BOOTSTRAP_TYPE = "home-ops:index:Bootstrap"
APP_PROJECT_TYPE = "home-ops:index:AppProject"
RIGHTS_TYPE = "home-ops:index:Rights"


@dataclass(frozen=True, slots=True, kw_only=True)
class BootstrapArgs:
    """The bootstrap's settings and objects, the projects, the last deployment, what of it stays
    without belonging to any Application, and which objects are applied in part."""

    settings: BootstrapSettings
    objects: Sequence[Manifest]
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
        for manifest in args.objects:
            if is_elsewhere(manifest, args.settings):
                continue
            is_namespace = manifest.key.kind == "Namespace"
            options = Options(
                parent=self,
                depends_on=tuple(namespace),
                retain=is_namespace,
                partial=args.partials.get(manifest.key),
            )
            resource = declare(manifest.body, manifest.key, options, inventory=args.inventory)
            if is_namespace:
                namespace.append(resource)
        for found in args.kept:
            # what the prune gate keeps may be deleted later, a namespace never
            declare_kept(found, Options(parent=self, retain=found.key.kind == "Namespace"))
        self.register_outputs({"namespace": args.settings.namespace})


class Rights(pulumi.ComponentResource):
    """What the reconciler may do in the namespaces of Applications, which have to be there first.

    Args:
        name: its logical name.
        args: those of the bootstrap.
        provided: the namespaces that are declared, by name.
        opts: the provider.
    """

    def __init__(
        self,
        name: str,
        args: BootstrapArgs,
        provided: Mapping[object, pulumi.Resource],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(RIGHTS_TYPE, name, {}, opts)
        for manifest in args.objects:
            if is_elsewhere(manifest, args.settings):
                namespace = provided.get(manifest.key.namespace)
                options = Options(parent=self, depends_on=(namespace,) if namespace else ())
                declare(manifest.body, manifest.key, options, inventory=args.inventory)
        self.register_outputs({})


def is_elsewhere(manifest: Manifest, settings: BootstrapSettings) -> bool:
    """Whether an object is in the namespace of an Application."""
    return manifest.key.namespace not in ("", settings.namespace)


class AppProjectRecord(pulumi.ComponentResource):
    """An AppProject, in the state so that a change of its limits shows in a preview."""

    def __init__(
        self, name: str, project: AppProject, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(APP_PROJECT_TYPE, name, dataclasses.asdict(project), opts)
        self.register_outputs({})
