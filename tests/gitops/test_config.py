"""The stack's config: read, or refused with the key and what is allowed."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from gitops.application import GitDirectory
from gitops.config import Settings, parse
from gitops.configuration import schema, stack_schema
from gitops.errors import ConfigError
from gitops.ignoring.rules import IgnoreRule
from gitops.rendering.inputs import LoadRestrictor
from gitops.templates.application_template import sync_policy
from gitops.yaml_reader import load

ROOT = Path(__file__).parents[2]
SEED_CATEGORIES = [
    *("ai", "banking", "cert-manager", "cloudnative-pg", "home-automation", "kube-system", "media"),
    *("monitoring", "networking", "openebs", "rook-ceph", "security", "selfhosted", "system"),
]

VALUES: Mapping[str, Any] = {
    "cluster": "pitower",
    "source": {"repoURL": "https://github.com/example/home-ops", "targetRevision": "main"},
    "kubernetes": {"version": "1.36.3", "apiVersions": ["monitoring.coreos.com/v1"]},
    "chartMirrors": {"oci://ghcr.io/bjw-s-labs/helm": "oci://registry.lan/helm"},
    "chartCredentials": {"oci://registry.lan": {"usernameEnv": "U", "passwordEnv": "P"}},
    "projects": [
        {
            "name": "apps",
            "sourceRepos": ["*"],
            "destinations": [{"namespace": "*"}],
            "clusterResourceWhitelist": [{"group": "*", "kind": "*"}],
        }
    ],
    "applicationSets": [
        {
            "name": "media",
            "generators": [
                {
                    "git": {
                        "directories": [
                            {"path": "apps/media/*"},
                            {"path": "apps/media/old", "exclude": True},
                        ],
                        "values": {"tier": "gold"},
                    }
                }
            ],
            "syncPolicy": {"preserveResourcesOnDeletion": True},
            "template": {
                "metadata": {"name": "{{cluster}}-{{category}}-{{path.basename}}"},
                "spec": {
                    "project": "apps",
                    "destination": {"namespace": "{{category}}"},
                    "syncPolicy": {
                        "automated": {"prune": True, "selfHeal": False, "allowEmpty": True},
                        "syncOptions": ["CreateNamespace=true", "ServerSideApply=true"],
                    },
                },
            },
        }
    ],
}


def changed(path: str, value: Any) -> dict[str, Any]:
    """The values with one set; numbers in the dotted path are list entries."""
    values = copy.deepcopy(dict(VALUES))
    *above, last = path.split(".")
    inner: Any = values
    for key in above:
        inner = inner[int(key)] if key.isdigit() else inner.setdefault(key, {})
    inner[int(last) if last.isdigit() else last] = value
    return values


def stack(name: str) -> Settings:
    """The settings of one of the repository's stacks."""
    [document] = load((ROOT / f"Pulumi.{name}.yaml").read_bytes())
    values = document["config"]
    assert all(key.startswith("home-ops:") for key in values)
    return parse({key.removeprefix("home-ops:"): value for key, value in values.items()})


def test_everything_is_read() -> None:
    """Every key of a full config reaches the settings."""
    settings = parse(VALUES)
    assert settings.cluster == "pitower"
    assert settings.source.repo_url == "https://github.com/example/home-ops"
    assert settings.kubernetes.version == "1.36.3"
    assert settings.kubernetes.api_versions == ("monitoring.coreos.com/v1",)
    assert settings.chart_mirrors == {"oci://ghcr.io/bjw-s-labs/helm": "oci://registry.lan/helm"}
    assert settings.chart_credentials["oci://registry.lan"].password_env == "P"
    assert settings.load_restrictor is LoadRestrictor.ROOT_ONLY
    assert [project.name for project in settings.projects] == ["default", "apps"]
    [media] = settings.application_sets
    assert media.directories == (
        GitDirectory(path="apps/media/*"),
        GitDirectory(path="apps/media/old", exclude=True),
    )
    assert media.parameters == {"cluster": "pitower", "values.tier": "gold"}
    assert media.preserve_resources_on_deletion
    assert media.template["spec"]["source"] == VALUES["source"]


def test_fields_ignored_in_all_applications() -> None:
    """The keys of ArgoCD's ConfigMap mean the same whole, in short and as a mapping."""
    pointers = {"jsonPointers": ["/spec/replicas"]}
    settings = parse(
        {
            "cluster": "a",
            "resourceCustomizations": {
                "resource.customizations.ignoreDifferences.apps_Deployment": pointers,
                "ignoreDifferences.apps_StatefulSet": "jsonPointers: [/spec/replicas]",
                "ignoreDifferences": {"apps_ReplicaSet": pointers},
                "ignoreResourceUpdates.all": pointers,
            },
        }
    )
    rules = settings.ignore_differences
    assert [(rule.group, rule.kind) for rule in rules] == [
        ("apps", "Deployment"),
        ("apps", "StatefulSet"),
        ("apps", "ReplicaSet"),
    ]
    assert {rule.json_pointers for rule in rules} == {("/spec/replicas",)}


def test_json_text_is_the_same_as_objects() -> None:
    """Pulumi hands structured config over as JSON text; both forms mean the same."""
    as_text = {
        key: value if isinstance(value, str) else json.dumps(value) for key, value in VALUES.items()
    }
    assert parse(as_text) == parse(VALUES)


def test_only_the_cluster_is_required() -> None:
    """Everything but the cluster's name has a default."""
    settings = parse({"cluster": "a"})
    assert settings.bootstrap.namespace == "home-ops"
    assert settings.bootstrap.labels == {"pod-security.kubernetes.io/enforce": "restricted"}
    assert settings.bootstrap.sync_policy.automated is not None
    assert settings.bootstrap.sync_policy.automated.self_heal
    assert [project.name for project in settings.projects] == ["default"]
    assert settings.application_sets == ()


def test_how_often_it_is_reconciled() -> None:
    """Without settings every three minutes, and everything every six hours; zero switches that
    off."""
    default = parse({"cluster": "a"}).reconciler
    assert (default.interval, default.full_run_every) == (
        timedelta(minutes=3),
        timedelta(hours=6),
    )
    found = parse({"cluster": "a", "reconciler": {"interval": "90s", "fullRunEvery": "0s"}})
    assert found.reconciler.interval == timedelta(seconds=90)
    assert not found.reconciler.full_run_every


def test_the_default_project_may_be_replaced() -> None:
    """A project named default takes the place of the one that permits everything."""
    [project] = parse({"cluster": "a", "projects": [{"name": "default"}]}).projects
    assert project.source_repos == ()


TEMPLATE = "applicationSets.0.template"
SET = "config home-ops:applicationSets[media]"


@pytest.mark.parametrize(
    ("path", "value", "text"),
    [
        (
            "resourceCustomizations",
            {"differences.apps_Deployment": "x"},
            "resourceCustomizations.differences.apps_Deployment: the key has the wrong form",
        ),
        (
            "resourceCustomizations",
            {"resource.customizations.ignoreDifferences.apps_Deployment": {"jsonPointers": ["a"]}},
            "resourceCustomizations.ignoreDifferences.apps_Deployment.jsonPointers: 'a' does not",
        ),
        ("reconciler", {"interval": "soon"}, "reconciler.interval: is 'soon'"),
        ("reconciler", {"interval": "0s"}, "reconciler.interval: is no time at all"),
        ("reconciler", {"intervall": "3m"}, 'did you mean "interval"'),
        (
            "bootstrap.ignoreDifferences",
            [{"kind": "Secret"}],
            r"bootstrap.ignoreDifferences\[0\]: it names no field",
        ),
        (
            "applicationSets.0.template.spec.ignoreDifferences",
            [{"kind": "Secret", "jqPathExpressions": ["]"]}],
            r"template.spec.ignoreDifferences\[0\].jqPathExpressions '\]' is no jq path",
        ),
        ("clutser", "x", 'config home-ops:clutser: there is no such key; .*mean "cluster"'),
        ("cluster", "Pi_Tower", "config home-ops:cluster: is 'Pi_Tower'; write a DNS label"),
        ("cluster", 3, "config home-ops:cluster: is '3'; write a DNS label"),
        ("source", "[1]", "config home-ops:source: is a list; write a mapping"),
        (
            "source",
            "{oops",
            "config home-ops:source: is text that is no JSON: .*; write it as YAML",
        ),
        ("source.repoUrl", "x", 'source.repoUrl: there is no such key; .*mean "repoURL"'),
        ("kubernetes.version", "latest", 'kubernetes.version: .*such as "1.36.3"'),
        ("kubernetes.version", 1.36, 'kubernetes.version: is .1.36.; .*such as "1.36.3"'),
        ("kubernetes.apiVersions.0", "a b", r"apiVersions\[0\]: is 'a b'; write group/version"),
        ("kustomize.loadRestrictor", "none", "use one of LoadRestrictionsRootOnly, LoadRestr"),
        (
            "chartMirrors",
            {"ghcr": "x"},
            "chartMirrors.ghcr: the key has the wrong form; write a repos",
        ),
        ("chartCredentials", {"oci://a": {"usernameEnv": "U"}}, "oci://a: is half a login; write"),
        ("chartCredentials", {"oci://a": {"password": "x"}}, "a.password: there is no such key"),
        ("chartCredentials", {"oci://a": {}}, "a: names no login"),
        (
            "repositoryCredentials",
            {"https://a": {"secret": "s", "usernameEnv": "U"}},
            "https://a: names a Secret and variables",
        ),
        (
            "source.repoURL",
            "https://someone:correct-horse@git.example/r",
            r"source.repoURL: https://git.example/r holds a password or token.*deploy.git",
        ),
        ("source.repoURL", "https://ghp_0@github.com/r", "holds a password or token"),
        ("bootstrap.namespace", "a.b", "bootstrap.namespace: is 'a.b'; write a DNS label"),
        ("bootstrap.syncPolicy", {"syncOptions": ["X=1"]}, 'bootstrap.syncPolicy: sync option "X"'),
        ("projects.0.rolls", [], r"projects\[apps\].rolls: there is no such key.*\"roles\""),
        ("projects.0.roles", [{}], r"projects\[apps\].roles\[0\].name: is missing"),
        (
            "projects",
            [{"name": "a"}, {"name": "a"}],
            "config home-ops:projects: 'a' is there twice",
        ),
        ("applicationSets.0.generators", [], r"generators: has 0 entries; write 1$"),
        ("applicationSets.0.generators.0", {"list": {}}, "2 settings are wrong"),
        ("applicationSets.0.generators.0.git.directories", [], "write 1 or more"),
        ("applicationSets.0.generators.0.git.directories.0.path", "/apps", "write a path in the"),
        ("applicationSets.0.generators.0.git.directories.0.path", "../x/*", "write a path in the"),
        ("applicationSets.0.generators.0.git.directories.0.path", "apps/[", "pattern .* malformed"),
        (
            "applicationSets.0.generators.0.git.repoURL",
            "https://other",
            "git.repoURL: is 'https://o",
        ),
        (
            "applicationSets.0.generators.0.git.revision",
            "v1",
            "git.revision: is 'v1', and the stack",
        ),
        ("applicationSets.0.goTemplateOptions", ["missingkey=zero"], "use one of missingkey=error"),
        (f"{TEMPLATE}.spec.source.helm", {}, "template.spec.source.helm: there is no such key"),
        (f"{TEMPLATE}.spec.source.repoURL", "https://other", "repoURL: is 'https://other', and"),
        (
            f"{TEMPLATE}.spec.destination.server",
            "https://o",
            "use one of https://kubernetes.default",
        ),
        (f"{TEMPLATE}.spec.syncPolicy.automated.prune", "yes", "is 'yes'; write true or false"),
        (f"{TEMPLATE}.spec.syncPolicy.automated.prune", 1, "is '1'; write true or false"),
        (f"{TEMPLATE}.spec.syncPolicy.retry.limit", True, "limit: is true; write a whole number"),
        (f"{TEMPLATE}.spec.syncPolicy.retry.limit", -2, "limit: is '-2'; write a whole number"),
        (f"{TEMPLATE}.spec.syncPolicy.retry.backoff.duration", "5", 'a duration such as "5s"'),
        (f"{TEMPLATE}.spec.syncPolicy.syncOptions.0", "CreateNamspace=true", '"CreateNamespace"'),
        (f"{TEMPLATE}.spec.syncPolicy.syncOptions.0", "Timeout=0", 'write "Timeout=600"'),
        (
            f"{TEMPLATE}.spec.syncPolicy.syncOptions.0",
            "PrunePropagationPolicy=x",
            "foreground, back",
        ),
        (f"{TEMPLATE}.metadata.name", "", "metadata.name: is ''; write text that is not empty"),
    ],
)
def test_refuses(path: str, value: Any, text: str) -> None:
    """A wrong key, type or value is refused with the key, what is wrong and what is allowed."""
    with pytest.raises(ConfigError) as caught:
        parse(changed(path, value))
    assert str(caught.value).startswith("config")
    assert re.search(text, str(caught.value)), str(caught.value)
    assert "correct-horse" not in str(caught.value)


def test_all_errors_at_once() -> None:
    """Several wrong settings are listed together, each with its own remedy."""
    values = changed("clutser", 1) | {"kubernetes": {"version": "x"}, "source": "{"}
    with pytest.raises(ConfigError) as caught:
        parse(values)
    lines = str(caught.value).splitlines()
    assert lines[0] == "config: 3 settings are wrong; correct each of them:"
    assert [line.split(": ")[0] for line in lines[1:]] == [
        "- config home-ops:source",
        "- config home-ops:kubernetes.version",
        "- config home-ops:clutser",
    ]


def test_errors_do_not_show_what_mappings_hold() -> None:
    """A password that stands in the wrong place is not repeated in the error."""
    with pytest.raises(ConfigError) as caught:
        parse(changed("cluster", {"password": "hunter2"}))
    assert "hunter2" not in str(caught.value)


def test_a_revision_of_head_is_the_stacks_own() -> None:
    """ArgoCD's HEAD in a generator means whatever is checked out."""
    assert parse(changed("applicationSets.0.generators.0.git.revision", "HEAD"))


def test_the_same_repository_written_differently() -> None:
    """An address with .git at its end is the same repository."""
    url = "https://github.com/Example/home-ops.git"
    assert parse(changed("applicationSets.0.generators.0.git.repoURL", url))


def test_every_sync_option_of_the_seed() -> None:
    """Options are read as names and values."""
    options = ["CreateNamespace=true", "Timeout=600", "PrunePropagationPolicy=foreground"]
    assert sync_policy({"syncOptions": options}).sync_options == {
        "CreateNamespace": "true",
        "Timeout": "600",
        "PrunePropagationPolicy": "foreground",
    }


def test_pitower_has_the_settings_of_the_seed() -> None:
    """The first real cluster's stack says what its ArgoCD said."""
    settings = stack("pitower")
    assert [appset.name for appset in settings.application_sets] == SEED_CATEGORIES
    for appset in settings.application_sets:
        assert [line.path for line in appset.directories] == [f"apps/{appset.name}/*"]
        assert appset.preserve_resources_on_deletion
        metadata, spec = appset.template["metadata"], appset.template["spec"]
        assert metadata["name"] == "{{cluster}}-{{category}}-{{path.basename}}"
        assert metadata["finalizers"] == ["resources-finalizer.argocd.argoproj.io"]
        assert spec["destination"]["namespace"] == "{{category}}"
        assert spec["revisionHistoryLimit"] == 3
        policy = sync_policy(spec["syncPolicy"])
        assert policy.automated is not None
        assert (policy.prune, policy.automated.self_heal, policy.allow_empty) == (True, False, True)
        assert policy.retry == {
            "limit": 5,
            "backoff": {"duration": "5s", "factor": 2, "maxDuration": "3m"},
        }
        for option in ("ServerSideApply", "SkipDryRunOnMissingResource", "ApplyOutOfSyncOnly"):
            assert policy.option(option)
        assert policy.sync_options["Timeout"] == "600"
        owns_namespace = appset.name != "kube-system"
        assert policy.option("CreateNamespace") is owns_namespace
        privileged = policy.managed_namespace_metadata.labels
        assert (
            privileged.get("pod-security.kubernetes.io/enforce") == "privileged"
        ) is owns_namespace


def test_pitower_bootstrap_and_project() -> None:
    """The bootstrap heals itself, ignores its Secret's data, and the project has its roles."""
    settings = stack("pitower")
    bootstrap = settings.bootstrap
    assert bootstrap.sync_policy.automated is not None
    assert bootstrap.sync_policy.automated.self_heal
    assert bootstrap.sync_policy.prune
    assert bootstrap.ignore_differences == (IgnoreRule(kind="Secret", json_pointers=("/data",)),)
    assert bootstrap.labels["pod-security.kubernetes.io/enforce"] == "privileged"
    [apps] = [project for project in settings.projects if project.name == "apps"]
    assert [role.name for role in apps.roles] == ["admin", "read-only"]


def test_local_has_the_same_policies() -> None:
    """The local stack syncs as the real one does, with two sets instead of one per category."""
    local, pitower = stack("local"), stack("pitower")
    assert local.cluster == "local"
    assert [appset.name for appset in local.application_sets] == ["apps", "kube-system"]
    by_name = {appset.name: appset for appset in pitower.application_sets}
    for name, twin in (("apps", "media"), ("kube-system", "kube-system")):
        [ours] = [appset for appset in local.application_sets if appset.name == name]
        assert ours.template["spec"]["syncPolicy"] == by_name[twin].template["spec"]["syncPolicy"]


def test_stacks_hold_no_secret() -> None:
    """Nothing in the stacks' files is encrypted or named like a password."""
    for path in ROOT.glob("Pulumi*.yaml"):
        settings = [
            line for line in path.read_text().splitlines() if not line.strip().startswith("#")
        ]
        assert not any(word in line for line in settings for word in ("secure:", "password:"))


def subschemas(value: Any) -> Iterator[Mapping[str, Any]]:
    """Every schema inside a schema."""
    if isinstance(value, Mapping):
        yield value
        named = [*value.get("properties", {}).values(), *value.get("$defs", {}).values()]
        inner = [value.get(key) for key in ("items", "additionalProperties", "propertyNames")]
        for part in (*named, *inner):
            yield from subschemas(part)


def test_the_schema_uses_no_more_than_is_read() -> None:
    """Our reader of schemas knows every word the schema uses, and the schema is a valid one."""
    own = (ROOT / "gitops/configuration/directory_schema.json").read_text()
    for whole in (stack_schema.load(), json.loads(own)):
        jsonschema.Draft202012Validator.check_schema(whole)
        used = {key for part in subschemas(whole) for key in part}
        assert used <= schema.KEYWORDS


def spoiled(value: Any) -> Iterator[Any]:
    """A value with one thing in it changed, for every thing in it."""
    yield from (None, True, 0, "", "x y", "A", [], {}, {"a": 1}, [1])
    if isinstance(value, Mapping):
        yield {**value, "unknown": 1}
        for key, part in value.items():
            yield {other: each for other, each in value.items() if other != key}
            for wrong in spoiled(part):
                yield {**value, key: wrong}
    if isinstance(value, list):
        for index, part in enumerate(value):
            for wrong in spoiled(part):
                yield [*value[:index], wrong, *value[index + 1 :]]


def test_verdicts_agree_with_the_library() -> None:
    """Whatever is changed in a valid config, jsonschema and our reader agree on whether it fits."""
    library = jsonschema.Draft202012Validator(stack_schema.load())
    verdicts = {True: 0, False: 0}
    for values in spoiled(json.loads(json.dumps(VALUES))):
        fits = library.is_valid(values)
        found = schema.problems(values, stack_schema.load())
        assert (found == []) is fits, (values, found)
        verdicts[fits] += 1
    assert verdicts[True] > 20
    assert verdicts[False] > 500
