"""What does one Application look like in Pulumi's tree?

Made by the program, under its ApplicationSet. Children are the rendered objects, in the order of a
sync, and stubs of those that are kept although they are not rendered.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi

from components.commands import run_after, run_before
from components.resources import Options, declare, declare_kept
from gitops.application_target import ApplicationTarget
from gitops.inventory import APPLICATION_TYPE, Inventory, InventoryObject
from gitops.manifest import Manifest, ResourceKey
from gitops.ordering import provides
from gitops.prune import stays_with_cluster, undeletable

type_token = APPLICATION_TYPE


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationArgs:
    """An Application's target and what is known of its past.

    Args:
        target: its objects, or none where it is broken.
        kept: objects of the last deployment that stay although they are not rendered.
        departed: the Application is no longer in Git; what is kept of it is about to be released.
        inventory: the last deployment.
        replacing: hooks for the objects that are replaced.
    """

    target: ApplicationTarget
    inventory: Inventory
    replacing: pulumi.ResourceHookBinding | None = None
    kept: Sequence[InventoryObject] = ()
    departed: bool = False


class Application(pulumi.ComponentResource):
    """One directory of the repository and its objects in the cluster.

    Creating it declares what objects of any Application may wait for, namespaces and definitions;
    ``declare_objects`` declares the rest, once those of all Applications are known.
    """

    def __init__(
        self, name: str, args: ApplicationArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        spec = args.target.spec
        inputs = {
            "project": spec.project,
            "path": spec.source.path,
            "namespace": spec.destination.namespace,
            "labels": dict(spec.labels),
            "digest": args.target.digest,
        }
        if args.target.error is not None or args.departed:
            # it keeps what it had and shows as unchanged, not as emptied
            inputs = dict(args.inventory.application_inputs.get(name, inputs))
        super().__init__(type_token, name, inputs, opts)
        self._args = args
        self._before = run_before(args.target, parent=self)
        self.provided: dict[object, pulumi.CustomResource] = {}
        self._objects: list[pulumi.CustomResource] = []
        for manifest in args.target.manifests:
            need = provides(manifest)
            if need is not None:
                self.provided[need] = self._declare(manifest, {})
        for found in args.kept:
            need = _need_met_by(found)
            if need is not None:
                self.provided[need] = self._declare_kept(found, {})

    def declare_objects(self, provided: Mapping[object, pulumi.Resource]) -> None:
        """Declare the remaining objects, each after the namespace and definition it needs.

        Args:
            provided: the namespaces (by name) and definitions (by group and kind) of all
                Applications.
        """
        for manifest in self._args.target.manifests:
            if provides(manifest) is None:
                self._declare(manifest, provided)
        for found in self._args.kept:
            if _need_met_by(found) is None:
                self._declare_kept(found, provided)
        run_after(self._args.target, parent=self, after=self._objects)
        self.register_outputs({"objects": len(self._objects)})

    def _declare(
        self, manifest: Manifest, provided: Mapping[object, pulumi.Resource]
    ) -> pulumi.CustomResource:
        key = manifest.key
        stays = stays_with_cluster(
            manifest.body, retained_application=self._args.target.spec.retained
        )
        options = Options(
            parent=self,
            depends_on=[*self._before, *_needed_by(key, provided)],
            retain=undeletable(key),
            retain_with=self if stays else None,
            replace_on=self._args.target.replacements.get(key, ()),
            replacing=self._args.replacing,
        )
        resource = declare(manifest.body, key, options, inventory=self._args.inventory)
        self._objects.append(resource)
        return resource

    def _declare_kept(
        self, found: InventoryObject, provided: Mapping[object, pulumi.Resource]
    ) -> pulumi.CustomResource:
        target, departed = self._args.target, self._args.departed
        # a broken Application is left exactly as it was
        preserved = target.spec.retained and target.error is None
        # It waits for what it waited for before: in an update of some targets only, the engine
        # brings back what an object depended on, and registering that later would be a second time.
        options = Options(
            parent=self,
            depends_on=_needed_by(found.key, provided),
            retain=departed or undeletable(found.key),
            retain_with=self if found.retained_with_application or preserved else None,
        )
        resource = declare_kept(found, options, mark=departed or preserved)
        self._objects.append(resource)
        return resource


def _needed_by(
    key: ResourceKey, provided: Mapping[object, pulumi.Resource]
) -> list[pulumi.Resource]:
    needs = (provided.get(key.namespace), provided.get((key.group, key.kind)))
    return [need for need in needs if need is not None]


def _need_met_by(found: InventoryObject) -> object | None:
    return provides(Manifest.from_body(dict(found.body)))
