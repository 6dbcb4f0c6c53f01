"""Which rights must a reconciler have itself because Applications hand them on?

The API server lets nobody write a role that holds more than he may do himself, nor bind one
(Kubernetes, "Privilege escalation prevention and bootstrapping"). A role that Git holds is answered
with its own rules: the reconciler may then do what Applications may, and no more. Of a role that is
not in Git the rules are unknown: the verb ``bind`` on that one role permits to bind it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

RBAC = "rbac.authorization.k8s.io"
_EVERYTHING = frozenset({"cluster-admin"})


@dataclass(frozen=True, slots=True, kw_only=True)
class HandedOn:
    """Rules to hold across the cluster and in namespaces, and verbs on single roles: the role's
    name, the verb, ``roles`` or ``clusterroles``, and the namespace it holds in, empty for all."""

    cluster: Sequence[Mapping[str, Any]] = ()
    namespaces: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    named: frozenset[tuple[str, str, str, str]] = frozenset()
    warnings: tuple[str, ...] = ()


def handed_on(bodies: Iterable[Mapping[str, Any]]) -> HandedOn:
    """What the roles and bindings among some objects make necessary."""
    own = [each for each in bodies if str(each.get("apiVersion", "")).startswith(f"{RBAC}/")]
    roles = {_place(each): each for each in own if each["kind"] in ("Role", "ClusterRole")}
    cluster: list[Mapping[str, Any]] = []
    namespaces: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    named: set[tuple[str, str, str, str]] = set()
    warnings: set[str] = set()
    for (kind, namespace, name), body in roles.items():
        given = _valid(body)
        if kind == "Role":
            namespaces[namespace] += given
        elif body.get("aggregationRule"):
            # what it will hold is decided by others' labels; nobody but an administrator has that
            named.add((name, "escalate", "clusterroles", ""))
        else:
            cluster += given
    for body in own:
        if body["kind"] not in ("RoleBinding", "ClusterRoleBinding"):
            continue
        reference = body.get("roleRef")
        if not isinstance(reference, Mapping) or not reference.get("name"):
            continue  # the API server refuses it, whoever applies it
        kind, name = str(reference.get("kind")), str(reference["name"])
        namespace = _namespace(body) if body["kind"] == "RoleBinding" else ""
        known = roles.get((kind, namespace if kind == "Role" else "", name))
        if known is None or known.get("aggregationRule"):
            plural = "roles" if kind == "Role" else "clusterroles"
            named.add((name, "bind", plural, namespace))
            if name in _EVERYTHING:
                warnings.add(_warning(body))
    return HandedOn(
        cluster=cluster,
        namespaces=namespaces,
        named=frozenset(named),
        warnings=tuple(sorted(warnings)),
    )


def _valid(role: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The rules the API server takes: one that it refuses must not make ours refused as well."""
    listed = role.get("rules")
    found = (
        [each for each in listed if isinstance(each, Mapping)] if isinstance(listed, list) else []
    )
    return [
        each
        for each in found
        if each.get("verbs")
        and (
            (each.get("resources") and each.get("apiGroups"))
            or (each.get("nonResourceURLs") and role["kind"] == "ClusterRole")
        )
    ]


def _place(body: Mapping[str, Any]) -> tuple[str, str, str]:
    namespace = _namespace(body) if body["kind"] == "Role" else ""
    return body["kind"], namespace, body["metadata"].get("name") or ""


def _namespace(body: Mapping[str, Any]) -> str:
    return body["metadata"].get("namespace") or ""


def _warning(body: Mapping[str, Any]) -> str:
    where = "in every namespace" if body["kind"] == "ClusterRoleBinding" else _namespace(body)
    return (
        f"{body['kind']} {body['metadata'].get('name', '')} of an Application hands on "
        f"{body['roleRef']['name']} ({where}), so the reconciler may do that as well"
    )
