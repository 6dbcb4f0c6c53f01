"""What may we do in this cluster?

Called before a target is compared and synced with limited rights. The API server tells everybody
what he may do himself (Kubernetes, "SelfSubjectRulesReview").
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from cluster.connection import Connection
from gitops.config import Settings
from gitops.rights.limits import limits_of
from gitops.rights.missing import EVERYWHERE, within_rights
from gitops.target import Target

PATH = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
WORKERS = 8
# No role is bound in a namespace that is not there: what holds there holds everywhere.
_NOWHERE = "home-ops-has-no-such-namespace"


def within_own_rights(connection: Connection, settings: Settings, target: Target) -> Target:
    """The target with every Application broken that needs more than we may do; the same one where
    the rights are not limited.

    Raises:
        ClusterError: the server does not answer or refuses.
    """
    limits = limits_of(settings, target)
    if limits is None:
        return target
    accounts = {each.account.namespace for each in target.applications if each.account}
    return within_rights(target, granted_rules(connection, accounts.union(limits.namespaces)))


def granted_rules(
    connection: Connection, namespaces: Iterable[str]
) -> dict[str, Sequence[Mapping[str, Any]] | None]:
    """The rules that hold in each namespace and, under ``EVERYWHERE``, across the cluster; None
    where the API server says that there are more.

    Raises:
        ClusterError: the server does not answer or refuses.
    """
    asked = [EVERYWHERE, *namespaces]
    with ThreadPoolExecutor(WORKERS) as pool:
        return dict(zip(asked, pool.map(lambda each: _rules(connection, each), asked), strict=True))


def _rules(connection: Connection, namespace: str) -> Sequence[Mapping[str, Any]] | None:
    body = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectRulesReview",
        "spec": {"namespace": namespace or _NOWHERE},
    }
    status = connection.post(PATH, json.dumps(body).encode()).get("status") or {}
    return None if status.get("incomplete") else status.get("resourceRules") or ()
