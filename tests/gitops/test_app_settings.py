"""An Application's own settings file."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import pytest

from gitops.application import Commands
from gitops.errors import ConfigError, ManifestError
from gitops.templates import app_settings


def test_commands() -> None:
    """Commands to run before and after the sync are read in order."""
    text = "commands:\n  before: [./backup.sh, echo two]\n  after:\n    - curl -f http://x\n"
    assert app_settings.parse(text, path="apps/media/x").commands == Commands(
        before=("./backup.sh", "echo two"), after=("curl -f http://x",)
    )


@pytest.mark.parametrize(
    "text", ["", "# nothing\n", "{}", "commands: {}", "commands:\n  before: []"]
)
def test_nothing_to_run(text: str) -> None:
    """A file that sets nothing is the same as no file."""
    assert app_settings.parse(text, path="apps/media/x") == app_settings.AppSettings()


def test_confirm() -> None:
    """The tokens of confirmed deletions are read; a word that confirms everything is refused."""
    found = app_settings.parse("confirm: [prune-0123456789abcdef]", path="apps/media/x")
    assert found.confirm == {"prune-0123456789abcdef"}
    with pytest.raises(ConfigError, match="'everything' confirms no deletion"):
        app_settings.parse("confirm: [everything]", path="apps/media/x")


def test_what_to_wait_for() -> None:
    """Applications to wait for are read in order."""
    found = app_settings.parse("dependsOn: [databases/postgres, dns]", path="apps/media/x")
    assert found.depends_on == ("databases/postgres", "dns")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "command: {}",
            "command there is no such key; use one of commands, confirm, dependsOn, destination, "
            "ignoreDifferences, metadata, revisionHistoryLimit, syncPolicy; "
            'did you mean "commands"?',
        ),
        ("destination: {namespace: A_B}", "destination.namespace is 'A_B'; write a DNS label"),
        ("destination: {server: x}", "destination.server there is no such key; use one of names"),
        ("metadata: {name: x}", "metadata.name there is no such key; use one of annotations, lab"),
        ("metadata: {labels: {a: 1}}", "metadata.labels.a is '1'; write text"),
        ("syncPolicy: {automated: {selfheal: true}}", 'no such key; .* did you mean "selfHeal"?'),
        ("syncPolicy: {selfheal: null}", "syncPolicy.selfheal there is no such key"),
        ("syncPolicy: {automated: {selfHeal: yes please}}", "selfHeal is 'yes please'; write true"),
        ("syncPolicy: {syncOptions: [null]}", r"syncOptions\[0\] is empty; write Name=value"),
        ("syncPolicy: {retry: {limit: five}}", "syncPolicy.retry.limit is 'five'; write a whole"),
        ("ignoreDifferences: {kind: x}", "ignoreDifferences is a mapping; write a list"),
        ("ignoreDifferences: [{group: x}]", r"ignoreDifferences\[0\].kind is missing"),
        ("ignoreDifferences: [{kind: null}]", r"ignoreDifferences\[0\].kind is empty; write"),
        ("revisionHistoryLimit: -1", "revisionHistoryLimit is '-1'; write a whole number, 0 or"),
        ("project: admin", "project cannot be set here: .*; let the set exclude the directory"),
        ("source: {helm: {}}", r"source cannot be set here: .* in \.argocd-source\.yaml"),
        ("syncWindows: []", "syncWindows cannot be set here: they belong to the AppProject"),
        ("commands: {befor: []}", 'commands.befor there is no such key; .* did you mean "before"?'),
        ("commands: {before: ls}", "commands.before is 'ls'; write a list"),
        ("commands: {before: [yes]}", r"commands.before\[0\] is true; write a command line"),
        ("commands: {before: ['']}", r"commands.before\[0\] is ''; write a command line"),
        ("dependsOn: dns", "dependsOn is 'dns'; write a list"),
        ("dependsOn: [1]", r"dependsOn\[0\] is .1.; write an Application: its category/app"),
        ("- a", "is a list; write a mapping"),
        ("{}\n---\n{}\n", "more than one document"),
    ],
)
def test_refuses(text: str, message: str) -> None:
    """A wrong key or type is refused with the file, the key and what is allowed."""
    with pytest.raises(ConfigError, match=message.replace("?", r"\?")) as caught:
        app_settings.parse(text, path="apps/media/x")
    assert caught.value.subject == "apps/media/x/.home-ops.yaml"


TEMPLATE: Mapping[str, Any] = {
    "metadata": {"name": "x", "labels": {"tier": "gold", "team": "a"}},
    "spec": {
        "project": "apps",
        "destination": {"namespace": "media"},
        "syncPolicy": {
            "automated": {"prune": True, "selfHeal": True},
            "syncOptions": ["CreateNamespace=true", "Timeout=600"],
        },
        "ignoreDifferences": [{"kind": "Secret", "jsonPointers": ["/data"]}],
        "dependsOn": ["dns"],
    },
}


@pytest.mark.parametrize(
    ("text", "place", "wanted"),
    [
        ("{}", "", TEMPLATE),
        ("destination: {namespace: other}", "spec.destination", {"namespace": "other"}),
        ("metadata: {labels: {team: null, x: z}}", "metadata.labels", {"tier": "gold", "x": "z"}),
        ("metadata: {annotations: {a: b}}", "metadata.annotations", {"a": "b"}),
        (
            "syncPolicy: {automated: {selfHeal: false}}",
            "spec.syncPolicy.automated",
            {"prune": True, "selfHeal": False},
        ),
        (
            "syncPolicy: {automated: null}",
            "spec.syncPolicy",
            {"syncOptions": ["CreateNamespace=true", "Timeout=600"]},
        ),
        (
            "syncPolicy: {retry: {limit: 2}}",
            "spec.syncPolicy.retry",
            {"limit": 2},
        ),
        (
            "syncPolicy: {syncOptions: [Timeout=5, Replace=true]}",
            "spec.syncPolicy.syncOptions",
            ["CreateNamespace=true", "Timeout=5", "Replace=true"],
        ),
        ("syncPolicy: {syncOptions: []}", "spec", TEMPLATE["spec"]),
        (
            "syncPolicy: {syncOptions: null}",
            "spec.syncPolicy",
            {"automated": {"prune": True, "selfHeal": True}},
        ),
        (
            "syncPolicy: {managedNamespaceMetadata: {labels: {a: b}}}",
            "spec.syncPolicy.managedNamespaceMetadata",
            {"labels": {"a": "b"}},
        ),
        (
            "ignoreDifferences: [{kind: ConfigMap, jsonPointers: [/data]}]",
            "spec.ignoreDifferences",
            [{"kind": each, "jsonPointers": ["/data"]} for each in ("Secret", "ConfigMap")],
        ),
        ("revisionHistoryLimit: 2", "spec.revisionHistoryLimit", 2),
        ("revisionHistoryLimit: null", "spec", TEMPLATE["spec"]),
    ],
)
def test_what_differs_from_the_template(text: str, place: str, wanted: Any) -> None:
    """Mappings are merged and null takes away; a sync option takes the place of one of its name and
    rules are added; what the file does not say stays as it is."""
    before = copy.deepcopy(TEMPLATE)
    settings = app_settings.parse(text, path="apps/media/x")
    found: Any = app_settings.merged(TEMPLATE, settings, path="apps/media/x")
    for name in filter(None, place.split(".")):
        found = found[name]
    assert found == wanted
    assert before == TEMPLATE


@pytest.mark.parametrize("key", ["ignoreDifferences", "dependsOn"])
def test_a_list_of_the_set_is_taken_away(key: str) -> None:
    """Null is the way to do without what the set has."""
    settings = app_settings.parse(f"{key}: null", path="apps/media/x")
    assert key not in app_settings.merged(TEMPLATE, settings, path="apps/media/x")["spec"]
    assert settings.depends_on == ()


def test_what_an_application_needs_stays() -> None:
    """A field that is taken away though nothing works without it is named."""
    settings = app_settings.parse("destination: {namespace: null}", path="apps/media/x")
    with pytest.raises(ConfigError) as caught:
        app_settings.merged(TEMPLATE, settings, path="apps/media/x")
    assert str(caught.value) == (
        "apps/media/x/.home-ops.yaml: spec.destination.namespace is missing; write text that is "
        "not empty"
    )


def test_broken_yaml() -> None:
    """Broken YAML is refused with file and line."""
    with pytest.raises(ManifestError, match=r"^apps/media/x/\.home-ops\.yaml:2: "):
        app_settings.parse("a: 1\na: 2", path="apps/media/x")
