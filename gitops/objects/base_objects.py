"""What does a run declare besides the objects of Applications?

Called by the pass, which compares it with the cluster: the bootstrap's objects, and the namespaces
that CreateNamespace makes with their ``managedNamespaceMetadata``. They carry no label of ours, as
no Application owns them.
"""

from __future__ import annotations

from gitops.config import Settings
from gitops.deployment.inventory import Inventory
from gitops.ignoring.rules import IgnoreRule, read
from gitops.objects.bootstrap_objects import bootstrap_objects, has_derived_rights
from gitops.objects.manifest import Manifest
from gitops.objects.namespaces import created_namespaces
from gitops.rights.needed import NeededRights, needed_rights
from gitops.target import Target

BOOTSTRAP, NAMESPACES = "bootstrap", "namespaces"
_RBAC = "rbac.authorization.k8s.io"


def base_objects(settings: Settings, target: Target, *, stack: str) -> dict[str, list[Manifest]]:
    """The objects of the bootstrap and the namespaces of Applications, by what they are part of.

    Namespaces of broken Applications are left out: they may be among what those render themselves.

    Args:
        settings: the stack's config.
        target: what Git says.
        stack: the stack's name.
    """
    needed = NeededRights()
    if has_derived_rights(settings):
        needed = needed_rights(target.applications, Inventory(), target.scopes)
    bodies = bootstrap_objects(settings, stack=stack, needed=needed)
    bootstrap = [Manifest.from_body(body) for body in bodies]
    rendered = {key.name for key in target.keys if key.kind == "Namespace" and not key.group}
    rendered |= {each.key.name for each in bootstrap if each.key.kind == "Namespace"}
    rendered |= {each.spec.destination.namespace for each in target.applications if each.error}
    made = created_namespaces((each.spec for each in target.applications), rendered=rendered)
    return {
        BOOTSTRAP: bootstrap,
        NAMESPACES: [Manifest.from_body(dict(each.body)) for each in made],
    }


def base_rules(settings: Settings) -> tuple[IgnoreRule, ...]:
    """What is ignored of them: what the config says, and rights that a run derives from the state,
    which is not read to compare."""
    rules = (*settings.bootstrap.ignore_differences, *settings.ignore_differences)
    if not has_derived_rights(settings):
        return rules
    derived = [
        read({"group": _RBAC, "kind": kind, "jsonPointers": ["/rules"]}, subject=BOOTSTRAP)
        for kind in ("Role", "ClusterRole")
    ]
    return (*rules, *derived)
