"""How does one Kubernetes object become one Pulumi resource?

Called by every component. The untyped resource serves every kind, custom ones included; identity,
keeping and field ownership are decided here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pulumi
from pulumi.runtime.rpc import UNKNOWN

from components.writing import SERVER_SIDE, Way
from gitops.deployment.inventory import Inventory, InventoryObject
from gitops.ignoring.partial import STEERING, Partial
from gitops.objects.manifest import ResourceKey, annotations_of
from gitops.objects.ownership import RETAIN
from gitops.objects.steering import steering
from gitops.syncing.options import PropagationPolicy

PROVIDER_VERSION = "4.25.0"
REPLACED = "home-ops/replaced"
SECRET_FIELDS = ("data", "stringData")
_SIGNATURE = "4dabf18193072939515e22adb298388d"  # Pulumi's mark of a value that is no plain one


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What decides how one object is registered, apart from its body.

    Args:
        parent: the component it belongs to.
        depends_on: resources that must be there first.
        retain: it stays in the cluster whenever it leaves the state.
        retain_with: it stays in the cluster when this component goes.
        replace_on: fields whose change may delete and create it again.
        replacing: hooks for when it does.
        partial: what is applied of it where some of its fields are somebody else's.
        way: how it is written.
        propagation: what becomes of the objects it owns when it is deleted.
        on_error: told when the API server refuses it.
    """

    parent: pulumi.Resource
    depends_on: Sequence[pulumi.Resource] = ()
    retain: bool = False
    retain_with: pulumi.Resource | None = None
    replace_on: tuple[str, ...] = field(default=())
    replacing: pulumi.ResourceHookBinding | None = None
    partial: Partial | None = None
    way: Way = SERVER_SIDE
    propagation: PropagationPolicy = PropagationPolicy.FOREGROUND
    on_error: pulumi.ErrorHook | None = None


def declare(
    body: Mapping[str, Any], key: ResourceKey, options: Options, *, inventory: Inventory
) -> pulumi.CustomResource:
    """Register an object.

    Its URN holds kinds of parents and its own namespace and name, so it is the same resource
    whichever Application it is in. Where the last deployment knew it by another URN (another
    version of its API, another kind of parent), that URN is its alias: it is updated, never
    created again and then deleted through its former name.
    """
    inputs, sealed = _wanted(options.way.body or body, options)
    if options.replace_on and pulumi.runtime.is_dry_run():
        # A preview tries to create the object beside the one that is still there, which the API
        # server refuses for some kinds; it tries no object with a value that is not known yet.
        inputs["metadata"]["annotations"][REPLACED] = UNKNOWN
    return pulumi.CustomResource(
        _type_token(str(body["apiVersion"]), key.kind),
        key.logical_name,
        inputs,
        pulumi.ResourceOptions(
            parent=options.parent,
            depends_on=list(options.depends_on) or None,
            aliases=list(inventory.urns.get(key, ())) or None,
            retain_on_delete=options.retain or None,
            deleted_with=options.retain_with,
            replace_on_changes=list(options.replace_on) or None,
            delete_before_replace=bool(options.replace_on) or None,
            hooks=_hooks(options),
            provider=options.way.provider,
            ignore_changes=[*sealed, *options.way.dropped] or None,
            additional_secret_outputs=list(SECRET_FIELDS) if _is_secret(body) else None,
            version=PROVIDER_VERSION,
        ),
    )


def declare_kept(
    found: InventoryObject, options: Options, *, mark: bool = False
) -> pulumi.CustomResource:
    """Register an object as it was in the last deployment, with every change ignored.

    The engine reports it unchanged and its state stays whole; nothing is sent to the cluster.

    Args:
        found: the object.
        options: how it is registered.
        mark: add the annotation by which later runs know that it was kept on purpose, where it is
            missing: the one change that is made.
    """
    metadata: dict[str, Any] = {"name": found.key.name}
    if found.key.namespace:
        metadata["namespace"] = found.key.namespace
    ignored = ["*"]
    if mark and annotations_of(found.body).get(RETAIN) != "true":
        metadata = {**found.body["metadata"]}
        metadata["annotations"] = {**annotations_of(found.body), RETAIN: "true"}
        ignored = [name for name in found.body if name != "metadata"]
    body = {"apiVersion": found.api_version, "kind": found.key.kind, "metadata": metadata}
    return pulumi.CustomResource(
        _type_token(found.api_version, found.key.kind),
        found.key.logical_name,
        body,
        pulumi.ResourceOptions(
            parent=options.parent,
            depends_on=list(options.depends_on) or None,
            aliases=[found.urn],
            ignore_changes=ignored,
            retain_on_delete=options.retain or found.retained or None,
            deleted_with=options.retain_with,
            provider=options.way.provider,
            additional_secret_outputs=list(SECRET_FIELDS) if _is_secret(body) else None,
            version=PROVIDER_VERSION,
        ),
    )


def _type_token(api_version: str, kind: str) -> str:
    module = api_version if "/" in api_version else f"core/{api_version}"
    return f"kubernetes:{module}:{kind}"


def _is_secret(body: Mapping[str, Any]) -> bool:
    return (body["apiVersion"], body["kind"]) == ("v1", "Secret")


def _hooks(options: Options) -> pulumi.ResourceHookBinding | None:
    way, on_error = options.way, [options.on_error] if options.on_error else None
    replacing = options.replacing if options.replace_on else None
    if way is SERVER_SIDE and on_error is None:
        return replacing
    waiting = (replacing.before_create if replacing else None) or ()
    return pulumi.ResourceHookBinding(
        before_create=[*waiting, *way.before],
        before_update=[*way.before],
        after_create=[*way.after],
        after_update=[*way.after],
        on_error=on_error,
    )


def _wanted(body: Mapping[str, Any], options: Options) -> tuple[dict[str, Any], list[str]]:
    """What is registered of an object, and the properties that stay what the state says."""
    partial = options.partial
    if partial is None or options.replace_on:  # what is created anew gets all its fields
        return _inputs(body, options), []
    inputs, last = _inputs(partial.body, options), partial.last
    if last is None or _steering(inputs) != _steering(last):
        return inputs, []
    # Nothing but ignored fields differs, so the last deployment is registered again: no change.
    # What is secret there is encrypted, and only the engine can put it in.
    sealed = [name for name, value in last.items() if _is_sealed(value)]
    return {name: inputs.get(name) if name in sealed else last[name] for name in last}, sealed


def _steering(inputs: Mapping[str, Any]) -> dict[str, str]:
    return {n: v for n, v in annotations_of(inputs).items() if n.startswith(STEERING)}


def _is_sealed(value: Any) -> bool:
    return isinstance(value, Mapping) and _SIGNATURE in value


def _inputs(body: Mapping[str, Any], options: Options) -> dict[str, Any]:
    metadata = dict(body["metadata"])
    annotations = steering(body, options.propagation)
    metadata["annotations"] = {**(metadata.get("annotations") or {}), **annotations}
    inputs = {**body, "metadata": metadata}
    if _is_secret(body):
        for name in SECRET_FIELDS:
            if name in inputs:
                inputs[name] = pulumi.Output.secret(inputs[name])
    return inputs
