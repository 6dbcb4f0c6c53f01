"""Which fields of an object are somebody else's, and what is the object without them?

Composition reads the rules; whoever applies or compares objects asks ``without_ignored``. The rules
are ArgoCD's (``spec.ignoreDifferences`` and, for all Applications,
``resource.customizations.ignoreDifferences``; "Diffing Customization"):

=========================  ========================================================================
``group``, ``kind``        which objects; globs
``name``, ``namespace``    optional; globs too (ArgoCD compares them as they are)
``jsonPointers``           fields by path; a path that is not there is no error
``jqPathExpressions``      fields jq selects; a failing expression selects nothing
``managedFieldsManagers``  fields that these managers own in the live object
=========================  ========================================================================

ArgoCD leaves ignored fields out of the comparison and, with ``RespectIgnoreDifferences=true``, out
of the apply. Here they are always out of both: a field that a sync would overwrite is not ignored,
and with server-side apply leaving a field out is how another owner keeps it. The option is accepted
and changes nothing. Inside a list that is applied as a whole (an atomic one, such as ``args``) no
field can be left to somebody else; name the list. ``ignoreResourceUpdates`` spares ArgoCD's watch
some work; nothing is watched here, so it is read, checked, and has no effect.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gitops import globs, yaml_reader
from gitops.configuration import schema
from gitops.errors import ConfigError, ManifestError
from gitops.ignoring import jq_paths, json_paths
from gitops.ignoring.jq_paths import Jq
from gitops.ignoring.json_paths import Path
from gitops.ignoring.managed_fields import held_alone, without_fields_of, without_held
from gitops.objects.manifest import Manifest, ResourceKey

SYSTEM_PREFIX = "resource.customizations.ignoreDifferences."
_OURS = "home-ops/"
_IDENTITY = (
    *(("apiVersion",), ("kind",)),
    *(("metadata", name) for name in ("name", "namespace", "generateName")),
)
_TEXTS = {"type": "array", "items": {"type": "string", "pattern": r"\S", "description": "text"}}
_FIELDS = {
    "jsonPointers": _TEXTS,
    "jqPathExpressions": _TEXTS,
    "managedFieldsManagers": _TEXTS,
}
_TEXT = {"type": "string", "description": "text"}
_RULE = {
    "type": "object",
    "required": ["kind"],
    "additionalProperties": False,
    "properties": {**dict.fromkeys(("group", "kind", "name", "namespace"), _TEXT), **_FIELDS},
}
_SYSTEM_RULE = {"type": "object", "additionalProperties": False, "properties": _FIELDS}


@dataclass(frozen=True, slots=True, kw_only=True)
class IgnoreRule:
    """Objects, and the fields of them that are not ours; an empty ``name`` means any."""

    group: str = ""
    kind: str
    name: str = ""
    namespace: str = ""
    json_pointers: tuple[str, ...] = ()
    jq_path_expressions: tuple[str, ...] = ()
    managed_fields_managers: tuple[str, ...] = ()

    def matches_kind(self, group: str, kind: str) -> bool:
        """Whether the rule is about any objects of a kind."""
        return globs.matches(self.group, group) and globs.matches(self.kind, kind)

    def matches(self, key: ResourceKey) -> bool:
        """Whether the rule is about an object."""
        return (
            self.matches_kind(key.group, key.kind)
            and (not self.name or globs.matches(self.name, key.name))
            and (not self.namespace or globs.matches(self.namespace, key.namespace))
        )


def read(values: Any, *, subject: str) -> IgnoreRule:
    """One entry of ``ignoreDifferences``.

    Raises:
        ConfigError: an unknown field, a wrong type, a bad pointer or expression, or nothing that is
            ignored; the subject is the one given, extended by the field.
    """
    _check(values, _RULE, subject)
    return _rule(
        values,
        group=values.get("group", ""),
        kind=values["kind"],
        name=values.get("name", ""),
        namespace=values.get("namespace", ""),
    )


def read_system(values: Any, *, subject: str) -> tuple[IgnoreRule, ...]:
    """The rules for all Applications: ArgoCD's ``<group>_<kind>``, ``<kind>`` or ``all``, each with
    its fields as a mapping or, as ``argocd-cm`` has them, as YAML text.

    Raises:
        ConfigError: as ``read``, or a key of another form.
    """
    _check(values, {"type": "object"}, subject)
    return tuple(_system_rule(key, entry, subject) for key, entry in values.items())


def matching(rules: Iterable[IgnoreRule], key: ResourceKey) -> tuple[IgnoreRule, ...]:
    """The rules about one object."""
    return tuple(rule for rule in rules if rule.matches(key))


def without_ignored(
    target: Mapping[str, Any],
    rules: Sequence[IgnoreRule],
    live: Mapping[str, Any] | None,
    *,
    holder: str = "",
    jq: Jq | None = None,
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """An object without the fields that the rules about it ignore.

    Pointers and expressions are taken one after another, as ArgoCD does it: each sees what the one
    before has left. What identifies the object (apiVersion, kind, name, namespace, and our own
    labels and annotations) always stays.

    Args:
        target: the object to apply, or one to compare.
        rules: any rules; those about other objects do not matter.
        live: the object in the cluster, for ``managedFieldsManagers`` and ``holder``.
        holder: our field manager. A field that it alone owns in the live object stays: leaving it
            out would take it from the cluster (Kubernetes, "Migrating Deployments and StatefulSets
            to horizontal autoscaling"). Once somebody else has written the field, it is theirs.
        jq: a worker to use again for many objects.

    Returns:
        A copy of the object, and what was removed as JSON pointers.

    Raises:
        ConfigError: a jq expression does not end, selects no field, or selects the whole object.
    """
    key = Manifest.from_body(dict(target)).key
    found = matching(rules, key)
    if not found:
        return dict(target), ()
    if jq is None:
        with Jq() as own:
            return without_ignored(target, found, live, holder=holder, jq=own)
    document = copy.deepcopy(dict(target))
    removed: list[Path] = []
    for rule in found:
        for paths in _selected(rule, document, jq, f"ignoreDifferences for {key}"):
            leaving = _leaving(paths, document, live, holder)
            json_paths.delete(document, leaving)
            removed += leaving
    managers = {name for rule in found for name in rule.managed_fields_managers}
    if live is not None and managers:
        document, owned = without_fields_of(document, live, managers)
        removed += [path for path in owned if not _identifies(path)]
    _restore_identity(document, target)
    return document, tuple(dict.fromkeys(json_paths.pointer(path) for path in removed))


def _selected(
    rule: IgnoreRule, document: dict[str, Any], jq: Jq, subject: str
) -> Iterable[list[Path]]:
    for pointer in rule.json_pointers:
        path = json_paths.find(document, json_paths.tokens(pointer))
        yield [] if path is None else [path]
    for expression in rule.jq_path_expressions:
        selected = jq.paths(expression, document, subject=subject)
        paths = [path for each in selected for path in json_paths.from_jq(document, each)]
        if () in paths:
            raise ConfigError(
                subject, f"{expression!r} selects the whole object", remedy="select its fields"
            )
        yield paths


def _leaving(
    paths: Iterable[Path], document: dict[str, Any], live: Mapping[str, Any] | None, holder: str
) -> list[Path]:
    leaving = [path for path in paths if not _identifies(path)]
    if not leaving or live is None or not holder:
        return leaving
    return without_held(leaving, document, held_alone(document, live, holder))


def _identifies(path: Path) -> bool:
    if path[:1] == ("metadata",) and len(path) == 3:
        return path[1] in ("labels", "annotations") and str(path[2]).startswith(_OURS)
    return path in _IDENTITY


def _restore_identity(document: dict[str, Any], target: Mapping[str, Any]) -> None:
    document.update({name: target[name] for name in ("apiVersion", "kind")})
    given, metadata = target["metadata"], document.setdefault("metadata", {})
    metadata.update({n: given[n] for n in ("name", "namespace", "generateName") if n in given})
    for name in ("labels", "annotations"):
        ours = {k: v for k, v in (given.get(name) or {}).items() if k.startswith(_OURS)}
        if ours:
            metadata[name] = {**(metadata.get(name) or {}), **ours}


def _check(values: Any, rule: Mapping[str, Any], subject: str) -> None:
    for problem in schema.problems(values, rule):
        where = f"{subject}.{problem.path}" if problem.path else subject
        raise ConfigError(where, problem.reason, remedy=problem.remedy)
    if not isinstance(values, Mapping) or "properties" not in rule:
        return
    for pointer in values.get("jsonPointers", ()):
        try:
            json_paths.tokens(pointer)
        except ValueError as error:
            raise ConfigError(
                f"{subject}.jsonPointers", str(error), remedy='write one such as "/spec/replicas"'
            ) from error
    for expression in values.get("jqPathExpressions", ()):
        jq_paths.check(expression, subject=f"{subject}.jqPathExpressions")
    if not any(values.get(name) for name in _FIELDS):
        raise ConfigError(
            subject, "it names no field to ignore", remedy=f"give it one of {', '.join(_FIELDS)}"
        )


def _rule(values: Mapping[str, Any], **objects: str) -> IgnoreRule:
    return IgnoreRule(
        **objects,
        json_pointers=tuple(values.get("jsonPointers", ())),
        jq_path_expressions=tuple(values.get("jqPathExpressions", ())),
        managed_fields_managers=tuple(values.get("managedFieldsManagers", ())),
    )


def _system_rule(key: str, entry: Any, subject: str) -> IgnoreRule:
    where = f"{subject}.{key}"
    objects = key.removeprefix(SYSTEM_PREFIX)
    if isinstance(entry, str):
        try:
            documents = yaml_reader.load(entry, source=where)
        except ManifestError as error:
            raise ConfigError(where, error.reason, remedy=error.remedy) from error
        entry = documents[0] if len(documents) == 1 else documents
    _check(entry, _SYSTEM_RULE, where)
    if objects == "all":
        return _rule(entry, group="*", kind="*")
    group, _, kind = objects.rpartition("_")
    if not kind or "_" in group:
        raise ConfigError(
            where, "it names no kind of objects", remedy='write "apps_Deployment" or "all"'
        )
    return _rule(entry, group=group, kind=kind)
