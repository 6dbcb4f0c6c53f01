"""What is applied of an object some of whose fields are somebody else's?

Called by ``apply`` for each object a rule is about. Three things decide: what the last deployment
applied, who owns which field in the cluster, and whether the object is there at all.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from gitops.deployment.applied import says_the_same
from gitops.ignoring import json_paths
from gitops.ignoring.jq_paths import Jq
from gitops.ignoring.managed_fields import held_alone
from gitops.ignoring.rules import IgnoreRule, without_ignored
from gitops.objects.manifest import annotations_of, labels_of

FIELD_MANAGER = "home-ops"
STEERING = "pulumi.com/"
MANAGED_BY = "app.kubernetes.io/managed-by"


@dataclass(frozen=True, slots=True, kw_only=True)
class Partial:
    """What to apply instead of a rendered object.

    Args:
        body: the object without the fields that are somebody else's.
        ignored: what the rules take out of the rendered object, as JSON pointers.
        last: what the last deployment applied, where nothing but ignored fields differs from it:
            registering that again is no change, whatever Git says in those fields.
    """

    body: Mapping[str, Any] = field(hash=False)
    ignored: tuple[str, ...] = ()
    last: Mapping[str, Any] | None = field(default=None, hash=False)


def partial(
    body: Mapping[str, Any],
    rules: Sequence[IgnoreRule],
    *,
    last: Mapping[str, Any] | None,
    live: Mapping[str, Any] | None,
    jq: Jq,
) -> Partial | None:
    """What to apply of an object that is in the cluster; None: all of it.

    Args:
        body: the rendered object.
        rules: those about it.
        last: what the last deployment applied of it, None where it did not.
        live: the object in the cluster, or its metadata with ``managedFields``; None where no
            cluster is at hand, so that owners are not known.
        jq: evaluates expressions.

    Raises:
        ConfigError: as ``without_ignored``.
    """
    others, ignored = without_ignored(body, rules, live, jq=jq)
    applied, had = without_ignored(last, rules, live, jq=jq) if last else (None, ())
    if not ignored and not had:
        return None
    holder = FIELD_MANAGER if live is not None else ""
    left, _ = without_ignored(body, rules, live, holder=holder, jq=jq)
    if last and live is not None:
        left = _with_held(left, had, last, live)
    labels = labels_of(others)
    same = applied and says_the_same(_compared(others, labels), _compared(applied, labels))
    return Partial(body=left, ignored=ignored, last=last if same else None)


def with_live_values(found: Partial, target: Mapping[str, Any], live: Mapping[str, Any]) -> Partial:
    """The same for an object that is applied client-side, where leaving a field out deletes it.

    Ignored fields get the values they have in the cluster instead, as ArgoCD gives them with
    RespectIgnoreDifferences; those that are not there are left out.

    Args:
        found: what would be applied server-side.
        target: the rendered object.
        live: the whole object in the cluster.
    """
    body = copy.deepcopy(dict(target))
    gone: list[json_paths.Path] = []
    for pointer in found.ignored:
        path = json_paths.find(body, json_paths.tokens(pointer))
        if path is None:
            continue  # another rule took what it is in
        if json_paths.find(live, json_paths.tokens(pointer)) == path:
            _set(body, path, live)
        else:
            gone.append(path)
    json_paths.delete(body, gone)
    return replace(found, body=body)


def _set(body: Any, path: json_paths.Path, live: Any) -> None:
    for step in path[:-1]:
        body, live = body[step], live[step]
    body[path[-1]] = copy.deepcopy(live[path[-1]])


def _compared(body: Mapping[str, Any], labels: Mapping[str, str]) -> dict[str, Any]:
    """An object without what steers the provider, and without the label the provider gives what it
    applies client-side, which is taken from it again."""
    metadata = dict(body["metadata"])
    annotations = annotations_of(body)
    metadata["annotations"] = {n: v for n, v in annotations.items() if not n.startswith(STEERING)}
    metadata["labels"] = kept = dict(labels_of(body))
    if kept.get(MANAGED_BY) == "pulumi":
        del kept[MANAGED_BY]
        kept |= {MANAGED_BY: labels[MANAGED_BY]} if MANAGED_BY in labels else {}
    return {**body, "metadata": metadata}


def _with_held(
    body: dict[str, Any],
    pointers: Sequence[str],
    last: Mapping[str, Any],
    live: Mapping[str, Any],
) -> dict[str, Any]:
    """The object with the ignored fields that Git no longer has and nobody but we own.

    Leaving such a field out would take it from the cluster: a Deployment whose ``replicas`` are
    handed over to an autoscaler would shrink to one Pod. Lists are left as Git has them.
    """
    result = copy.deepcopy(body)
    document = dict(last)
    for path in held_alone(document, live, FIELD_MANAGER):
        pointer = json_paths.pointer(path)
        if any(pointer == each or pointer.startswith(f"{each}/") for each in pointers):
            _put(result, path, document)
    return result


def _put(result: dict[str, Any], path: json_paths.Path, document: Any) -> None:
    parent: Any = result
    for step in path[:-1]:
        document = document[step]
        if not isinstance(parent, dict) or not isinstance(document, dict):
            return
        parent = parent.setdefault(step, {})
    if isinstance(parent, dict) and isinstance(document, dict):
        parent.setdefault(path[-1], document[path[-1]])
