"""What does the stack's config say?

``__main__`` and the reconciler call ``parse`` once with the keys of namespace ``home-ops``; the
schema is ``stack_schema.json``. Inside, the spelling is ArgoCD's.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gitops import projects
from gitops.application import ApplicationSetSpec, GitDirectory, SyncPolicy
from gitops.argocd import settings as argocd_settings
from gitops.argocd.settings import ArgoCDSettings
from gitops.configuration import (
    credential_settings,
    kubernetes_settings,
    reconciler_settings,
    stack_schema,
)
from gitops.configuration.credential_settings import ChartCredentials
from gitops.configuration.kubernetes_settings import KubernetesSettings
from gitops.configuration.reconciler_settings import ReconcilerSettings
from gitops.errors import ConfigError
from gitops.gate import settings as gate_settings
from gitops.gate.settings import GateSettings
from gitops.git.login import RepositoryCredential
from gitops.git.working_tree import without_credentials
from gitops.health import user_rules
from gitops.health.user_rules import UserRule
from gitops.ignoring import rules as ignore_rules
from gitops.ignoring.customizations import read_customizations
from gitops.ignoring.rules import IgnoreRule
from gitops.projects import AppProject
from gitops.rendering.inputs import LoadRestrictor
from gitops.sharding import settings as shard_settings
from gitops.sharding.settings import Shards
from gitops.templates.application_template import check, sync_policy

NAMESPACE = "home-ops"

_RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}
_BOOTSTRAP_POLICY = {"automated": {"prune": True, "selfHeal": True}}


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositorySource:
    """The repository the stack is made from, as AppProjects and people know it."""

    repo_url: str = ""
    target_revision: str = "HEAD"


@dataclass(frozen=True, slots=True, kw_only=True)
class BootstrapSettings:
    """The base every cluster gets: its namespace, and how it is kept."""

    namespace: str = NAMESPACE
    labels: Mapping[str, str] = field(default_factory=lambda: dict(_RESTRICTED))
    annotations: Mapping[str, str] = field(default_factory=dict)
    sync_policy: SyncPolicy = field(default_factory=lambda: sync_policy(_BOOTSTRAP_POLICY))
    ignore_differences: tuple[IgnoreRule, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything the stack's config says, checked."""

    cluster: str
    source: RepositorySource = field(default_factory=RepositorySource)
    kubernetes: KubernetesSettings = field(default_factory=KubernetesSettings)
    load_restrictor: LoadRestrictor = LoadRestrictor.ROOT_ONLY
    chart_mirrors: Mapping[str, str] = field(default_factory=dict)
    chart_credentials: Mapping[str, ChartCredentials] = field(default_factory=dict)
    bootstrap: BootstrapSettings = field(default_factory=BootstrapSettings)
    ignore_differences: tuple[IgnoreRule, ...] = ()
    health_rules: tuple[UserRule, ...] = ()
    repository_credentials: Mapping[str, RepositoryCredential] = field(default_factory=dict)
    argocd: ArgoCDSettings | None = None
    projects: tuple[AppProject, ...] = ()
    application_sets: tuple[ApplicationSetSpec, ...] = ()
    prune_gate: GateSettings = field(default_factory=GateSettings)
    confirm: frozenset[str] = frozenset()
    reconciler: ReconcilerSettings = field(default_factory=ReconcilerSettings)
    separate_definitions: bool = False
    impersonation: bool = False
    shards: Shards = field(default_factory=Shards)


def parse(values: Mapping[str, Any]) -> Settings:
    """Read the config.

    Args:
        values: the keys without their namespace; a mapping or list may also be its JSON text, as
            Pulumi hands it over.

    Raises:
        ConfigError: one key is wrong, and the subject names it; or several are, and all are listed.
    """
    decoded, errors = _decoded(values)
    errors += [
        ConfigError(problem.path, problem.reason, remedy=problem.remedy)
        for problem in stack_schema.config_problems(decoded, path=f"config {NAMESPACE}:")
    ]
    _raise_any(errors)
    settings = _settings(decoded)
    _raise_any(_contradictions(settings, decoded))
    return settings


def _decoded(values: Mapping[str, Any]) -> tuple[dict[str, Any], list[ConfigError]]:
    decoded: dict[str, Any] = {}
    errors: list[ConfigError] = []
    for key, value in values.items():
        decoded[key] = value
        if key == "confirm" and isinstance(value, str) and not value.startswith("["):
            decoded[key] = [each.strip() for each in value.split(",")]
        elif isinstance(value, str) and stack_schema.top_level_type(key) in ("object", "array"):
            try:
                decoded[key] = json.loads(value)
            except ValueError as error:
                decoded.pop(key)
                errors.append(
                    ConfigError(
                        f"config {NAMESPACE}:{key}",
                        f"is text that is no JSON: {error}",
                        remedy="write it as YAML under the key, or `pulumi config set --path`",
                    )
                )
    return decoded, errors


def _raise_any(errors: list[ConfigError]) -> None:
    if len(errors) == 1:
        raise errors[0]
    if errors:
        listed = "".join(f"\n- {error}" for error in errors)
        raise ConfigError(
            "config", f"{len(errors)} settings are wrong", remedy=f"correct each of them:{listed}"
        )


def _settings(values: Mapping[str, Any]) -> Settings:
    source = values.get("source", {})
    repository = RepositorySource(
        repo_url=source.get("repoURL", ""), target_revision=source.get("targetRevision", "HEAD")
    )
    return Settings(
        cluster=values["cluster"],
        source=repository,
        kubernetes=kubernetes_settings.read(
            values.get("kubernetes", {}), subject=f"config {NAMESPACE}:kubernetes"
        ),
        load_restrictor=LoadRestrictor(
            values.get("kustomize", {}).get("loadRestrictor", LoadRestrictor.ROOT_ONLY)
        ),
        chart_mirrors=values.get("chartMirrors", {}),
        chart_credentials=credential_settings.chart_credentials(values.get("chartCredentials", {})),
        bootstrap=_bootstrap(values.get("bootstrap", {})),
        ignore_differences=read_customizations(
            values.get("resourceCustomizations", {}),
            subject=f"config {NAMESPACE}:resourceCustomizations",
        ),
        health_rules=user_rules.read(
            values.get("resourceCustomizations", {}),
            subject=f"config {NAMESPACE}:resourceCustomizations",
        ),
        repository_credentials=credential_settings.repository_credentials(
            values.get("repositoryCredentials", {})
        ),
        argocd=argocd_settings.read(values),
        projects=_projects(values.get("projects", ())),
        application_sets=tuple(
            _application_set(entry, cluster=values["cluster"], source=repository)
            for entry in values.get("applicationSets", ())
        ),
        prune_gate=gate_settings.read(
            values.get("pruneGate", {}), subject=f"config {NAMESPACE}:pruneGate"
        ),
        confirm=_confirm(values),
        separate_definitions=values.get("definitions", {}).get("separate", False),
        impersonation=values.get("impersonation", {}).get("enabled", False),
        shards=shard_settings.read(values.get("shards", {})),
        reconciler=reconciler_settings.read(
            values.get("reconciler", {}), subject=f"config {NAMESPACE}:reconciler"
        ),
    )


def _confirm(values: Mapping[str, Any]) -> frozenset[str]:
    subject = f"config {NAMESPACE}:confirm"
    return gate_settings.read_confirmations(values.get("confirm", ()), subject=subject)


def _projects(entries: Iterable[Mapping[str, Any]]) -> tuple[AppProject, ...]:
    read = tuple(projects.read(entry) for entry in entries)
    if any(project.name == "default" for project in read):
        return read
    return (projects.DEFAULT, *read)  # ArgoCD has it from the start, and it permits everything


def _bootstrap(values: Mapping[str, Any]) -> BootstrapSettings:
    try:
        policy = sync_policy(values.get("syncPolicy", _BOOTSTRAP_POLICY))
    except ValueError as error:
        raise ConfigError(
            f"config {NAMESPACE}:bootstrap.syncPolicy", str(error), remedy="correct it"
        ) from error
    return BootstrapSettings(
        namespace=values.get("namespace", NAMESPACE),
        labels=values.get("labels", _RESTRICTED),
        annotations=values.get("annotations", {}),
        sync_policy=policy,
        ignore_differences=tuple(
            ignore_rules.read(
                entry, subject=f"config {NAMESPACE}:bootstrap.ignoreDifferences[{index}]"
            )
            for index, entry in enumerate(values.get("ignoreDifferences", ()))
        ),
    )


def _application_set(
    values: Mapping[str, Any], *, cluster: str, source: RepositorySource
) -> ApplicationSetSpec:
    git = values["generators"][0]["git"]
    template = values["template"]
    defaults = {"targetRevision": source.target_revision}
    if source.repo_url:
        defaults["repoURL"] = source.repo_url
    spec = {**template["spec"], "source": {**defaults, **template["spec"].get("source", {})}}
    given = {f"values.{key}": value for key, value in git.get("values", {}).items()}
    return ApplicationSetSpec(
        name=values["name"],
        directories=tuple(GitDirectory(**line) for line in git["directories"]),
        template={**template, "spec": spec},
        parameters={"cluster": cluster, **given},
        preserve_resources_on_deletion=values.get("syncPolicy", {}).get(
            "preserveResourcesOnDeletion", False
        ),
    )


def _contradictions(settings: Settings, values: Mapping[str, Any]) -> list[ConfigError]:
    """What each key by itself allows and several together do not."""
    errors = list(credential_settings.contradictions(values, namespace=NAMESPACE))
    for key in ("projects", "applicationSets"):
        names = [entry["name"] for entry in values.get(key, ())]
        errors += [
            ConfigError(
                f"config {NAMESPACE}:{key}", f"{name!r} is there twice", remedy="rename one"
            )
            for name in sorted({name for name in names if names.count(name) > 1})
        ]
    entries = values.get("applicationSets", ())
    for appset, entry in zip(settings.application_sets, entries, strict=True):
        where = f"config {NAMESPACE}:applicationSets[{appset.name}]"
        errors += [ConfigError(where, each.reason, remedy=each.remedy) for each in check(appset)]
        errors += _other_sources(settings.source, entry, where)
    return errors


def _other_sources(
    source: RepositorySource, entry: Mapping[str, Any], where: str
) -> list[ConfigError]:
    """A stack reads one repository at one revision: its own checkout."""
    git = entry["generators"][0]["git"]
    given = entry["template"]["spec"].get("source", {})
    url, revision = source.repo_url, source.target_revision
    pairs = (
        ("generators[0].git.repoURL", git.get("repoURL", url), url),
        ("generators[0].git.revision", git.get("revision", revision), revision),
        ("template.spec.source.repoURL", given.get("repoURL", url), url),
        ("template.spec.source.targetRevision", given.get("targetRevision", revision), revision),
    )
    return [
        ConfigError(
            f"{where}.{path}",
            f"is {without_credentials(found)!r}, and the stack is made from "
            f"{without_credentials(wanted) or 'no named repository'!r}",
            remedy=f"leave it out, or change {NAMESPACE}:source",
        )
        for path, found, wanted in pairs
        if projects.repository(found) != projects.repository(wanted)
        and not (path.endswith("evision") and found == "HEAD")
    ]
