"""Which Application does an ApplicationSet's template make of one directory?

Called by discovery, which finds the directories; ``check`` and ``applications`` run once per set.
Config reads the bootstrap's syncPolicy with ``sync_policy``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from gitops.application import (
    ApplicationSetSpec,
    ApplicationSpec,
    Automated,
    Destination,
    ManagedNamespaceMetadata,
    Source,
    SyncPolicy,
)
from gitops.configuration import stack_schema
from gitops.errors import ConfigError, DiscoveryError, ManifestError
from gitops.ignoring import rules as ignore_rules
from gitops.ignoring.rules import IgnoreRule
from gitops.objects.ownership import label_value
from gitops.syncing.annotations import application_options
from gitops.templates import sync_options
from gitops.templates.app_settings import AppSettings, merged
from gitops.templates.path_pattern import compile_pattern
from gitops.templates.template import path_parameters, prepare

MANAGED_BY = "home-ops"

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?")


def check(appset: ApplicationSetSpec) -> list[DiscoveryError]:
    """What is wrong with a set's template whatever the directory: unknown fields, wrong types."""
    subject = f"ApplicationSet {appset.name}"
    found = stack_schema.template_problems(appset.template, path="template")
    errors = [
        DiscoveryError(subject, f"{problem.path} {problem.reason}", remedy=problem.remedy)
        for problem in found
    ]
    for line in appset.directories:
        try:
            for segment in line.path.split("/"):  # directories are walked level by level
                compile_pattern(segment)
        except ValueError as error:
            errors.append(DiscoveryError(subject, str(error), remedy="correct the pattern"))
    spec = {} if errors else appset.template["spec"]
    ignored = spec.get("ignoreDifferences", [])
    if prepare({"rules": ignored}) is None:
        try:
            _rules(ignored)
        except ConfigError as error:
            text = f"template.spec.{error.subject} {error.reason}"
            errors.append(DiscoveryError(subject, text, remedy=error.remedy))
    annotations = {} if errors else appset.template["metadata"].get("annotations", {})
    if prepare(annotations) is None:
        try:
            application_options(annotations, subject=subject)
        except ManifestError as error:
            text = f"template.metadata.annotations: {error.reason}"
            errors.append(DiscoveryError(subject, text, remedy=error.remedy))
    policy = spec.get("syncPolicy", {})
    if prepare(policy) is None:
        try:
            sync_policy(policy)
        except ValueError as error:
            errors.append(DiscoveryError(subject, str(error), remedy="correct the template"))
    return errors


def applications(
    appset: ApplicationSetSpec,
) -> Callable[[str, AppSettings], ApplicationSpec]:
    """What makes Applications of directories, given relative to the repository.

    Args:
        appset: a set whose template ``check`` found nothing wrong with.

    What its settings file says goes with a directory. The function raises DiscoveryError: a
    directory name, the Application's name, its namespace or a label is not one Kubernetes accepts,
    or the template names a parameter that does not exist; and ConfigError where the settings take
    away what an Application needs.
    """
    template = appset.template
    filling = prepare(template)
    policy = template["spec"].get("syncPolicy", {})
    constant = None if prepare(policy) else sync_policy(policy)
    ignored = template["spec"].get("ignoreDifferences", [])
    rules = None if prepare({"rules": ignored}) else _rules(ignored)

    def one(path: str, settings: AppSettings) -> ApplicationSpec:
        parameters = _parameters(appset, path)
        filled = filling(parameters, path) if filling else template
        found = merged(filled, settings, path=path)
        if found is not filled:
            return _specification(appset, path, parameters, found, None, None)
        return _specification(appset, path, parameters, found, constant, rules)

    return one


def _specification(
    appset: ApplicationSetSpec,
    path: str,
    parameters: Mapping[str, str],
    template: Mapping[str, Any],
    policy: SyncPolicy | None,
    rules: tuple[IgnoreRule, ...] | None,
) -> ApplicationSpec:
    metadata, spec = template["metadata"], template["spec"]
    name, category = metadata["name"], parameters.get("category", "")
    namespace = spec["destination"]["namespace"]
    for part in (category, parameters["path.basename"]):
        _require_label(part, path, what="directory name", remedy="rename the directory")
    _require_label(namespace, path, what="namespace", remedy="correct the template")
    if len(name) > 253 or not _SUBDOMAIN.fullmatch(name):
        raise DiscoveryError(
            path, f"the Application's name {name!r} is no DNS name", remedy="correct the template"
        )
    source = spec.get("source", {})
    return ApplicationSpec(
        name=name,
        category=category,
        application_set=appset.name,
        project=spec["project"],
        source=Source(
            path=source.get("path", path), recurse=source.get("directory", {}).get("recurse", False)
        ),
        destination=Destination(namespace=namespace),
        sync_policy=policy or _filled_policy(spec, path),
        labels=_labels(metadata, path, standard=_standard_labels(parameters, name, namespace)),
        annotations=metadata.get("annotations", {}),
        finalizers=tuple(metadata.get("finalizers", ())),
        preserve_resources_on_deletion=appset.preserve_resources_on_deletion,
        repo_url=source.get("repoURL", ""),
        target_revision=source.get("targetRevision", ""),
        revision_history_limit=spec.get("revisionHistoryLimit", 10),
        ignore_differences=rules if rules is not None else _filled_rules(spec, path),
        depends_on=_others(spec.get("dependsOn", ()), name, path),
    )


def _others(depends_on: Iterable[str], name: str, path: str) -> tuple[str, ...]:
    # what all Applications of a set wait for may be one of them
    return tuple(each for each in depends_on if each not in (name, path.removeprefix("apps/")))


def sync_policy(policy: Mapping[str, Any]) -> SyncPolicy:
    """A syncPolicy as ArgoCD writes it; ``enabled: false`` switches ``automated`` off.

    Raises:
        ValueError: a sync option is not known.
    """
    automated = policy.get("automated")
    if automated is not None and not automated.get("enabled", True):
        automated = None
    namespace = policy.get("managedNamespaceMetadata", {})
    return SyncPolicy(
        automated=None
        if automated is None
        else Automated(
            prune=automated.get("prune", False),
            self_heal=automated.get("selfHeal", False),
            allow_empty=automated.get("allowEmpty", False),
        ),
        sync_options=sync_options.read(policy.get("syncOptions", ())),
        managed_namespace_metadata=ManagedNamespaceMetadata(
            labels=namespace.get("labels", {}), annotations=namespace.get("annotations", {})
        ),
        retry=policy.get("retry", {}),
    )


def _rules(entries: Sequence[Any]) -> tuple[IgnoreRule, ...]:
    return tuple(
        ignore_rules.read(entry, subject=f"ignoreDifferences[{index}]")
        for index, entry in enumerate(entries)
    )


def _filled_rules(spec: Mapping[str, Any], path: str) -> tuple[IgnoreRule, ...]:
    try:
        return _rules(spec.get("ignoreDifferences", ()))
    except ConfigError as error:
        text = f"{error.subject} {error.reason}"
        raise DiscoveryError(path, text, remedy=error.remedy) from error


def _filled_policy(spec: Mapping[str, Any], path: str) -> SyncPolicy:
    try:
        return sync_policy(spec.get("syncPolicy", {}))
    except ValueError as error:
        raise DiscoveryError(path, str(error), remedy="correct the template") from error


def _parameters(appset: ApplicationSetSpec, path: str) -> dict[str, str]:
    parameters = path_parameters(path)
    own = appset.parameters
    filling = prepare(own)  # a generator's `values` may use what is known of the directory
    return parameters | (filling({**own, **parameters}, path) if filling else dict(own))


def _standard_labels(
    parameters: Mapping[str, str], instance: str, namespace: str
) -> dict[str, str]:
    """The labels of every Application: the recommended ones of Kubernetes, and our own."""
    category = parameters.get("category", "")
    labels = {
        "app.kubernetes.io/name": parameters["path.basename"],
        "app.kubernetes.io/instance": label_value(instance),
        "app.kubernetes.io/component": category,
        "app.kubernetes.io/part-of": MANAGED_BY,
        "app.kubernetes.io/managed-by": MANAGED_BY,
        "home-ops/category": category,
        "home-ops/namespace": namespace,
    }
    if "cluster" in parameters:
        labels["home-ops/cluster"] = label_value(parameters["cluster"])
    return labels


def _labels(
    metadata: Mapping[str, Any], path: str, *, standard: dict[str, str]
) -> Mapping[str, str]:
    own = metadata.get("labels")
    if not own:
        return standard
    for key, value in own.items():
        if len(value) > 63 or not _LABEL_VALUE.fullmatch(value):
            raise DiscoveryError(
                path,
                f"label {key} is {value!r}",
                remedy="use at most 63 letters, digits and -_. between letters or digits",
            )
    return {**standard, **own}


def _require_label(text: str, path: str, *, what: str, remedy: str) -> None:
    if len(text) > 63 or not _LABEL.fullmatch(text):
        raise DiscoveryError(
            path,
            f"{what} {text!r} is no DNS label",
            remedy=f"{remedy}: lower-case letters, digits and hyphens, 63 at most",
        )
