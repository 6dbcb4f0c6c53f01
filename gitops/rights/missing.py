"""Which rights does an Application need that nobody has granted?

Called by whoever composes a target for a reconciler with derived rights. Such an Application is
broken before anything is asked or written for it: it stays as it is, and no other is held up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from gitops.application_target import ApplicationTarget
from gitops.errors import HomeOpsError
from gitops.rights.needed import rights_of
from gitops.target import Target

Rules = Sequence[Mapping[str, Any]]
EVERYWHERE = ""
REMEDY = (
    "run `gitops up` as somebody who may grant that: it adds what is in Git to the reconciler's "
    "roles; or take it out of Git"
)


class MissingRightsError(HomeOpsError):
    """The reconciler may not do what an Application makes necessary."""


def within_rights(target: Target, granted: Mapping[str, Rules | None]) -> Target:
    """The target with every Application broken that needs more than is granted.

    Args:
        target: what Git has.
        granted: the rules that hold in each namespace, and under ``EVERYWHERE`` those that hold
            across the cluster; None where the API server does not tell all of them.
    """

    def checked(each: ApplicationTarget) -> ApplicationTarget:
        if each.error is not None:
            return each
        found = list(_missing(each, target, granted))
        return each.broken(_error(each, found)) if found else each

    return replace(target, applications=tuple(checked(each) for each in target.applications))


def _missing(
    application: ApplicationTarget, target: Target, granted: Mapping[str, Rules | None]
) -> Iterator[str]:
    needed = rights_of(application, target.scopes)
    for namespace, wanted in {EVERYWHERE: needed.cluster, **needed.namespaces}.items():
        held = granted.get(namespace, ())
        if held is None:
            continue
        for rule in wanted:
            yield from _refused(rule, held, namespace)


def _refused(rule: Mapping[str, Any], held: Rules, namespace: str) -> Iterator[str]:
    group = rule["apiGroups"][0]
    for resource in rule["resources"]:
        names = rule.get("resourceNames") or ("",)
        verbs = [
            verb
            for verb in rule["verbs"]
            if not all(is_granted(held, group, resource, verb, name=name) for name in names)
        ]
        if verbs:
            name = " ".join(filter(None, (f"{resource}.{group}" if group else resource, *names)))
            where = f"in namespace {namespace}" if namespace else "across the cluster"
            yield f"{', '.join(verbs)} {name} {where}"


def is_granted(held: Rules, group: str, resource: str, verb: str, *, name: str = "") -> bool:
    """Whether rules permit a verb on one object of a resource or, without a name, on every one
    (Kubernetes, "Using RBAC Authorization": a star stands for all)."""
    return any(
        (not rule.get("resourceNames") or name in rule["resourceNames"])
        and _holds(rule.get("apiGroups"), group)
        and _holds(rule.get("verbs"), verb)
        and (
            _holds(rule.get("resources"), resource)
            or f"*/{resource.partition('/')[2]}" in (rule.get("resources") or ())
        )
        for rule in held
    )


def _holds(listed: Iterable[str] | None, wanted: str) -> bool:
    return any(each in ("*", wanted) for each in listed or ())


def _error(target: ApplicationTarget, found: Sequence[str]) -> MissingRightsError:
    return MissingRightsError(
        target.subject, f"the reconciler may not {'; '.join(found)}", remedy=REMEDY
    )
