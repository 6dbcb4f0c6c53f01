"""Which script is for which kind, as ArgoCD's keys say it."""

from __future__ import annotations

from typing import Any

import pytest

from gitops import config
from gitops.errors import ConfigError
from gitops.health.user_rules import UserRule, find, read

SCRIPT = 'return {status = "Healthy"}\n'


def rules(**values: Any) -> tuple[UserRule, ...]:
    return read(values, subject="resourceCustomizations")


@pytest.mark.parametrize(
    "values",
    [
        {"health.example.org_Widget": SCRIPT},
        {"resource.customizations.health.example.org_Widget": SCRIPT},
        {"health": {"example.org_Widget": SCRIPT}},
        {"example.org/Widget": {"health.lua": SCRIPT}},
        {"example.org/Widget": f"health.lua: |\n  {SCRIPT}"},
        {"resource.customizations": f"example.org/Widget:\n  health.lua: |\n    {SCRIPT}"},
        {"resource.customizations": {"example.org/Widget": {"health.lua": SCRIPT}}},
    ],
    ids=["split", "whole", "mapping", "nested", "nested-text", "old-text", "old-mapping"],
)
def test_every_spelling_of_argocd_is_read(values: dict[str, Any]) -> None:
    """The same script in each of ArgoCD's forms is the same rule."""
    assert rules(**values) == (UserRule(pattern="example.org/Widget", script=SCRIPT),)


@pytest.mark.parametrize("libraries", [True, "true", "True"])
@pytest.mark.parametrize("form", ["nested", "split"])
def test_open_libraries(libraries: Any, form: str) -> None:
    """useOpenLibs belongs to the script of the same kind; a ConfigMap has it as text."""
    if form == "nested":
        entry = {"health.lua": SCRIPT, "health.lua.useOpenLibs": libraries}
        (found,) = rules(**{"example.org/*": entry})
    else:
        (found,) = rules(**{"useOpenLibs.example.org_*": libraries, "health.example.org_*": SCRIPT})
    assert found.open_libraries
    assert found.pattern == "example.org/*"


def test_split_keys_win() -> None:
    """Of a kind that both forms name, the split key's script counts, as in ArgoCD."""
    (found,) = rules(**{"health.Pod": "split", "resource.customizations": "Pod: {health.lua: old}"})
    assert (found.pattern, found.script) == ("Pod", "split")


def test_other_customizations_do_not_matter() -> None:
    """They have readers of their own, also where they stand beside a script."""
    entry = {"ignoreDifferences": "jsonPointers: [/spec]", "actions": "x"}
    assert rules(**{"apps/Deployment": entry, "ignoreDifferences.all": {}, "actions.Pod": ""}) == ()


@pytest.mark.parametrize(
    ("group", "kind", "expected"),
    [
        ("example.org", "Widget", "example.org/Widget"),
        ("example.org", "Gadget", "example.org/*"),
        ("s3.aws.crossplane.io", "Bucket", "*.crossplane.io/*"),
        ("rds.aws.crossplane.io", "Instance", "*.aws.crossplane.io/Instance"),
        ("", "Pod", "Pod"),
        ("other", "Pod", "*"),
        ("a.b", "Three", "{a,c}.b/Th[a-z]ee"),
    ],
)
def test_the_kind_s_own_script_comes_before_globs(group: str, kind: str, expected: str) -> None:
    """A script for the kind wins, then the longest glob; a glob's star passes over slashes."""
    patterns = [
        *("*", "*.crossplane.io/*", "*.aws.crossplane.io/Instance", "example.org/*"),
        *("example.org/Widget", "Pod", "{a,c}.b/Th[a-z]ee"),
    ]
    found = find([UserRule(pattern=each, script="x") for each in patterns], group=group, kind=kind)
    assert found is not None
    assert found.pattern == expected


def test_a_kind_without_a_script_has_none() -> None:
    """Then our own rules judge it; no group is not any group."""
    assert find([UserRule(pattern="example.org/*", script="x")], group="", kind="Pod") is None


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"health.example.org_": SCRIPT}, "it names no kind"),
        ({"health._Widget": SCRIPT}, "it names no kind"),
        ({"health.a_b_C": SCRIPT}, "it names no kind"),
        ({"health.Pod": 3}, "its health script is no text"),
        ({"health.Pod": "  "}, "its health script is no text"),
        ({"health.Pod": SCRIPT, "useOpenLibs.Pod": "yes"}, "its useOpenLibs is neither"),
        ({"a/B": ["health.lua"]}, "is no mapping"),
        ({"a/B": "health.lua: ["}, "resourceCustomizations.a/B: "),
        ({"health": SCRIPT}, "is no mapping"),
    ],
)
def test_what_cannot_be_read_is_refused(values: dict[str, Any], message: str) -> None:
    """A wrong key or value raises, and the text begins with where it stands."""
    with pytest.raises(ConfigError, match=r"^resourceCustomizations\.") as refused:
        rules(**values)
    assert message in str(refused.value)


def test_config_has_the_rules() -> None:
    """They stand under resourceCustomizations, with wildcards and beside other parts."""
    settings = config.parse(
        {
            "cluster": "local",
            "resourceCustomizations": {
                "*.crossplane.io/*": {
                    "health.lua": SCRIPT,
                    "ignoreDifferences": {"jsonPointers": ["/spec/x"]},
                },
                "health.example.org_Widget": SCRIPT,
                "ignoreDifferences.apps_Deployment": {"jsonPointers": ["/spec/replicas"]},
            },
        }
    )
    assert {each.pattern for each in settings.health_rules} == {
        "*.crossplane.io/*",
        "example.org/Widget",
    }
    assert {(each.group, each.kind) for each in settings.ignore_differences} == {
        ("*.crossplane.io", "*"),
        ("apps", "Deployment"),
    }


def test_config_refuses_other_keys() -> None:
    """A misspelt key is an error, not a rule that never applies."""
    with pytest.raises(ConfigError, match="resourceCustomizations"):
        config.parse({"cluster": "local", "resourceCustomizations": {"heath.Pod": SCRIPT}})
