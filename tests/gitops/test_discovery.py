"""Directories become Applications, or errors that say why not."""

from __future__ import annotations

import copy
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gitops.application import (
    ApplicationSetSpec,
    ApplicationSpec,
    Automated,
    Commands,
    Discovery,
    GitDirectory,
)
from gitops.discovery import discover
from gitops.errors import DiscoveryError
from gitops.ignoring.rules import IgnoreRule
from gitops.templates.path_pattern import compile_pattern

TEMPLATE: Mapping[str, Any] = {
    "metadata": {"name": "{{cluster}}-{{category}}-{{path.basename}}"},
    "spec": {"project": "apps", "destination": {"namespace": "{{category}}"}},
}


def appset(
    *patterns: str,
    name: str = "apps",
    template: Mapping[str, Any] = TEMPLATE,
    parameters: Mapping[str, str] | None = None,
) -> ApplicationSetSpec:
    """A set; a pattern that begins with ``-`` excludes."""
    return ApplicationSetSpec(
        name=name,
        directories=tuple(
            GitDirectory(path=pattern.removeprefix("-"), exclude=pattern.startswith("-"))
            for pattern in patterns or ("apps/*/*",)
        ),
        template=template,
        parameters={"cluster": "pitower"} if parameters is None else parameters,
    )


def changed(path: str, value: Any) -> Mapping[str, Any]:
    """The template with one value at a dotted path set."""
    template = copy.deepcopy(dict(TEMPLATE))
    *above, last = path.split(".")
    inner = template
    for key in above:
        inner = inner.setdefault(key, {})
    inner[last] = value
    return template


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository with three Applications."""
    for path in ("apps/media/jellyfin", "apps/media/sonarr", "apps/ai/ollama"):
        add(tmp_path, path)
    return tmp_path


def add(root: Path, path: str, *names: str) -> Path:
    """Make a directory with files."""
    directory = root / path
    directory.mkdir(parents=True)
    for name in names or ("kustomization.yaml",):
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text("")
    return directory


def paths(found: Discovery) -> list[str]:
    """The directories of the Applications; there must be no errors."""
    assert found.errors == ()
    return [spec.source.path for spec in found.applications]


def only(found: Discovery) -> ApplicationSpec:
    """The only Application."""
    [spec] = found.applications
    assert found.errors == ()
    return spec


def only_error(found: Discovery) -> str:
    """The text of the only error."""
    [error] = found.errors
    return str(error)


def test_finds_applications(root: Path) -> None:
    """Every directory two levels below apps/ is an Application, sorted by name."""
    found = discover(root, [appset()])
    assert [spec.name for spec in found.applications] == [
        "pitower-ai-ollama",
        "pitower-media-jellyfin",
        "pitower-media-sonarr",
    ]
    assert paths(found) == ["apps/ai/ollama", "apps/media/jellyfin", "apps/media/sonarr"]


def test_twice_is_the_same(root: Path) -> None:
    """Discovery depends on the tree and nothing else."""
    assert discover(root, [appset()]) == discover(root, [appset()])


def test_what_the_template_says(root: Path) -> None:
    """Every field of a template reaches its Application."""
    template = {
        "metadata": {
            "name": "{{cluster}}-{{category}}-{{path.basename}}",
            "labels": {"tier": "{{values.tier}}", "{{category}}": "yes"},
            "annotations": {"a": "{{path}}"},
            "finalizers": ["resources-finalizer.argocd.argoproj.io"],
        },
        "spec": {
            "project": "{{category}}",
            "destination": {"namespace": "ns-{{category}}", "name": "in-cluster"},
            "source": {
                "path": "{{path}}",
                "repoURL": "https://example.com/x",
                "targetRevision": "main",
                "directory": {"recurse": True},
            },
            "revisionHistoryLimit": 3,
            "ignoreDifferences": [{"kind": "Secret", "jsonPointers": ["/data"]}],
            "syncPolicy": {
                "automated": {"prune": True, "selfHeal": True, "allowEmpty": True},
                "syncOptions": ["CreateNamespace=true", "Timeout=600"],
                "managedNamespaceMetadata": {"labels": {"l": "{{category}}"}},
                "retry": {"limit": 5},
            },
        },
    }
    parameters = {"cluster": "pitower", "values.tier": "gold-{{category}}"}
    spec = only(discover(root, [appset("apps/ai/*", template=template, parameters=parameters)]))
    assert spec.name == "pitower-ai-ollama"
    assert (spec.project, spec.category, spec.application_set) == ("ai", "ai", "apps")
    assert spec.destination.namespace == "ns-ai"
    assert spec.source.recurse
    assert (spec.repo_url, spec.target_revision) == ("https://example.com/x", "main")
    assert spec.annotations == {"a": "apps/ai/ollama"}
    assert spec.finalizers == ("resources-finalizer.argocd.argoproj.io",)
    assert spec.revision_history_limit == 3
    assert spec.ignore_differences == (IgnoreRule(kind="Secret", json_pointers=("/data",)),)
    assert spec.labels["tier"] == "gold-ai"
    assert spec.labels["ai"] == "yes"
    policy = spec.sync_policy
    assert policy.automated is not None
    assert policy.prune and policy.allow_empty and policy.automated.self_heal
    assert policy.sync_options == {"CreateNamespace": "true", "Timeout": "600"}
    assert policy.managed_namespace_metadata.labels == {"l": "ai"}
    assert policy.retry == {"limit": 5}


def test_standard_labels(root: Path) -> None:
    """Every Application has the recommended labels and those of this program."""
    assert dict(only(discover(root, [appset("apps/ai/*")])).labels) == {
        "app.kubernetes.io/name": "ollama",
        "app.kubernetes.io/instance": "pitower-ai-ollama",
        "app.kubernetes.io/component": "ai",
        "app.kubernetes.io/part-of": "home-ops",
        "app.kubernetes.io/managed-by": "home-ops",
        "home-ops/cluster": "pitower",
        "home-ops/category": "ai",
        "home-ops/namespace": "ai",
    }


def test_a_long_name_fits_into_a_label(tmp_path: Path) -> None:
    """A name of more than 63 characters stays whole; its label is shortened and still its own."""
    for end in ("a", "b"):
        add(tmp_path, f"apps/{'c' * 30}/{'d' * 40}{end}")
    specs = discover(tmp_path, [appset()]).applications
    labels = [spec.labels["app.kubernetes.io/instance"] for spec in specs]
    assert all(len(spec.name) > 63 for spec in specs)
    assert all(len(label) <= 63 for label in labels)
    assert labels[0] != labels[1]


def test_automated_can_be_switched_off(root: Path) -> None:
    """``enabled: false`` is the same as no ``automated`` at all."""
    off = changed("spec.syncPolicy", {"automated": {"enabled": False, "prune": True}})
    assert only(discover(root, [appset("apps/ai/*", template=off)])).sync_policy.automated is None


@pytest.mark.parametrize(
    ("patterns", "found"),
    [
        (["apps/media/*"], ["apps/media/jellyfin", "apps/media/sonarr"]),
        (["apps/*/*", "-apps/media/*"], ["apps/ai/ollama"]),
        (["-apps/*/sonarr", "apps/*/*"], ["apps/ai/ollama", "apps/media/jellyfin"]),
        (["apps/media/sonarr", "apps/media/*", "-apps/media/s*"], ["apps/media/jellyfin"]),
        (["apps/media/jelly[a-f]in"], ["apps/media/jellyfin"]),
        (["apps/media/??????"], ["apps/media/sonarr"]),
        (["apps/*"], []),
        (["apps/none/*"], []),
        (["apps/*/*/*"], []),
        (["apps/**"], []),
        (["apps/*/*", "-apps/*"], ["apps/ai/ollama", "apps/media/jellyfin", "apps/media/sonarr"]),
    ],
)
def test_patterns(root: Path, patterns: Sequence[str], found: list[str]) -> None:
    """Patterns match level by level, and an exclude wins wherever it stands."""
    if patterns in (["apps/*"], ["apps/**"]):
        # these match apps/ai and apps/media themselves, which hold no manifests
        errors = discover(root, [appset(*patterns)]).errors
        assert [error.subject for error in errors] == ["apps/ai", "apps/media"]
    else:
        assert paths(discover(root, [appset(*patterns)])) == found


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("a*b*c", "axbxc", True),
        ("*", "a/b", False),
        ("**", "a/b", False),
        ("a[^bc]d", "aed", True),
        ("a[^bc]d", "abd", False),
        ("a[!b]c", "a!c", True),
        (r"a\*b", "a*b", True),
        (r"a\*b", "axb", False),
        (r"[\]]x", "]x", True),
        ("{a,b}", "a", False),
        ("a.b", "axb", False),
    ],
)
def test_pattern_syntax(pattern: str, path: str, matches: bool) -> None:  # noqa: FBT001
    """The syntax is that of Go's path.Match, whose answers these are."""
    assert (compile_pattern(pattern).fullmatch(path) is not None) is matches


@pytest.mark.parametrize("pattern", ["apps/[", "apps/[]", "apps/[^]", "apps/a\\", "apps/[a-]"])
def test_a_malformed_pattern(root: Path, pattern: str) -> None:
    """A pattern that Go refuses is an error of its set."""
    assert only_error(discover(root, [appset(pattern)])).startswith("ApplicationSet apps: pattern ")


def test_hidden_directories(root: Path) -> None:
    """Directories that begin with a dot are no Applications, as in ArgoCD."""
    add(root, "apps/media/.trash")
    add(root, "apps/.components/x")
    assert len(discover(root, [appset("apps/*/*", "apps/.components/*")]).applications) == 3


def test_files_are_no_applications(root: Path) -> None:
    """A file where a directory could be is not looked at."""
    (root / "apps/media/README.md").write_text("")
    assert len(discover(root, [appset()]).applications) == 3


def test_nested_categories(tmp_path: Path) -> None:
    """A deeper pattern finds deeper directories; the category is the directory above."""
    add(tmp_path, "apps/media/tv/sonarr")
    spec = only(discover(tmp_path, [appset("apps/*/*/*")]))
    assert (spec.category, spec.destination.namespace, spec.subject) == (
        "tv",
        "tv",
        "media/tv/sonarr",
    )


@pytest.mark.parametrize(
    "name", ["kustomization.yml", "Kustomization", "Chart.yaml", "a.json", "a.yml"]
)
def test_recognised_files(tmp_path: Path, name: str) -> None:
    """Any file that rendering begins with makes a directory an Application."""
    add(tmp_path, "apps/media/x", name)
    assert only(discover(tmp_path, [appset()])).subject == "media/x"


@pytest.mark.parametrize(
    "names", [("README.md",), (".home-ops.yaml",), ("values.txt", "sub/a.yaml")]
)
def test_a_directory_with_no_recognised_file(tmp_path: Path, names: tuple[str, ...]) -> None:
    """A directory with nothing to render is an error, and never an Application to delete."""
    add(tmp_path, "apps/media/x", *names)
    found = discover(tmp_path, [appset()])
    assert found.applications == ()
    assert only_error(found).startswith("apps/media/x: the directory has no kustomization.yaml, ")


def test_recursion_looks_deeper(tmp_path: Path) -> None:
    """With directory.recurse a manifest in a folder further down counts."""
    add(tmp_path, "apps/media/x", "sub/deeper/a.yaml")
    template = changed("spec.source", {"directory": {"recurse": True}})
    assert only(discover(tmp_path, [appset(template=template)])).source.recurse


@pytest.mark.parametrize(
    ("path", "part"),
    [
        ("apps/media/Jellyfin", "Jellyfin"),
        ("apps/media/jelly_fin", "jelly_fin"),
        ("apps/media/-x", "-x"),
        ("apps/media/x.y", "x.y"),
        ("apps/Media/x", "Media"),
        (f"apps/media/{'x' * 64}", "x" * 64),
        ("apps/media/x\u00e9", "x\u00e9"),
    ],
)
def test_a_name_that_is_no_dns_label(tmp_path: Path, path: str, part: str) -> None:
    """Category and app must be DNS labels; the error names the directory, part and remedy."""
    add(tmp_path, path)
    text = only_error(discover(tmp_path, [appset()]))
    assert text.startswith(f"{path}: directory name {part!r} is no DNS label; rename")


def test_one_bad_directory_does_not_stop_the_others(root: Path) -> None:
    """The other Applications are found all the same."""
    add(root, "apps/media/BAD")
    found = discover(root, [appset()])
    assert len(found.applications) == 3
    assert len(found.errors) == 1


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        ("metadata.name", "{{clutser}}-x", "there is no such parameter"),
        ("metadata.name", "{{cluster}}_x", "the Application's name 'pitower_x' is no DNS name"),
        ("metadata.name", "x" * 254, "is no DNS name"),
        ("spec.destination.namespace", "{{category}}.x", "namespace 'ai.x' is no DNS label"),
        ("metadata.labels", {"a": "{{path}}"}, "label a is 'apps/ai/ollama'"),
        ("spec.source.path", "{{path}}/overlays", "source.path 'apps/ai/ollama/overlays'"),
        ("spec.source.path", "../outside", "source.path '../outside'"),
        ("spec.syncPolicy.syncOptions", ["{{category}}=true"], 'sync option "ai" is not known'),
        (
            "spec.ignoreDifferences",
            [{"kind": "Secret", "name": "{{category}}", "jsonPointers": ["/a~2"]}],
            "ignoreDifferences[0].jsonPointers '/a~2' has a ~",
        ),
    ],
)
def test_a_template_that_does_not_fit_a_directory(
    root: Path, path: str, value: Any, reason: str
) -> None:
    """What a template makes of a directory is checked; the error names the directory."""
    text = only_error(discover(root, [appset("apps/ai/*", template=changed(path, value))]))
    assert text.startswith("apps/ai/ollama: ")
    assert reason in text


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        ("spec.syncPolicy.automatd", {}, "template.spec.syncPolicy.automatd there is no such key"),
        ("spec.source.helm", {}, "template.spec.source.helm there is no such key"),
        ("spec.project", 1, "template.spec.project is '1'"),
        ("spec.syncPolicy.syncOptions", ["CreateNamespaces=true"], "is not known"),
        ("spec.syncPolicy.syncOptions", ["CreateNamespace"], "is no Name=value"),
        ("spec.syncPolicy.syncOptions", ["CreateNamespace=yes"], "use one of true, false"),
        ("spec.syncPolicy.syncOptions", ["Timeout=5m"], "number of seconds"),
        ("spec.syncPolicy.syncOptions", ["Force=true", "Force=false"], "both true and false"),
        (
            "spec.ignoreDifferences",
            [{"kind": "Secret", "jqPathExpressions": ["]"]}],
            "template.spec.ignoreDifferences[0].jqPathExpressions ']' is no jq path",
        ),
    ],
)
def test_a_template_that_is_wrong_in_itself(root: Path, path: str, value: Any, reason: str) -> None:
    """Unknown fields, wrong types and options are one error of the set, not one per directory."""
    found = discover(root, [appset(template=changed(path, value))])
    assert found.applications == ()
    text = only_error(found)
    assert text.startswith("ApplicationSet apps: ")
    assert reason in text


def test_source_path_may_differ(root: Path) -> None:
    """A template may point at a folder of the directory."""
    add(root, "apps/ai/ollama/overlays/prod")
    template = changed("spec.source.path", "{{path}}/overlays/prod")
    assert (
        only(discover(root, [appset("apps/ai/*", template=template)])).source.path
        == "apps/ai/ollama/overlays/prod"
    )


def test_two_applications_with_one_name(root: Path) -> None:
    """Two directories that lead to one name are both named, and neither is an Application."""
    add(root, "apps/other/sonarr")
    template = changed("metadata.name", "{{path.basename}}")
    found = discover(root, [appset(template=template)])
    assert [spec.name for spec in found.applications] == ["jellyfin", "ollama"]
    assert only_error(found).startswith(
        "media/sonarr and other/sonarr: more than one Application would be named 'sonarr'"
    )


def test_one_directory_in_two_sets(root: Path) -> None:
    """A directory that two sets match under one name is an error that names both sets."""
    found = discover(root, [appset("apps/ai/*", name="one"), appset("apps/*/*", name="two")])
    assert len(found.applications) == 2
    assert "from ApplicationSet one and two; " in only_error(found)


def test_one_directory_under_two_names(root: Path) -> None:
    """A directory may be two Applications when their names differ."""
    other = appset(
        "apps/ai/*", name="two", template=changed("metadata.name", "b-{{path.basename}}")
    )
    found = discover(root, [appset("apps/ai/*", name="one"), other])
    assert [spec.name for spec in found.applications] == ["b-ollama", "pitower-ai-ollama"]


@pytest.mark.parametrize(
    ("target", "where"),
    [
        ("/etc", "out of the repository"),
        ("../../..", "out of the repository"),
        ("jellyfin", "inside the repository"),
        ("missing", "nowhere"),
    ],
)
def test_symbolic_links(root: Path, target: str, where: str) -> None:
    """A link instead of a directory is an error, also one that leads nowhere."""
    (root / "apps/media/linked").symlink_to(target)
    text = only_error(discover(root, [appset()]))
    assert text.startswith(f"apps/media/linked: it is a symbolic link that leads {where}; ")


def test_a_linked_category(root: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A category that is a link is an error, and what it leads to is not read."""
    outside = tmp_path_factory.mktemp("outside")
    add(outside, "x")
    (root / "apps/linked").symlink_to(outside)
    assert only_error(discover(root, [appset()])).startswith("apps/linked: it is a symbolic link")


def test_a_link_may_be_excluded(root: Path) -> None:
    """A link that no pattern is meant to match does not stand in the way."""
    (root / "apps/media/linked").symlink_to("jellyfin")
    assert len(paths(discover(root, [appset("apps/*/*", "-apps/media/linked")]))) == 3


def test_settings_of_an_application(root: Path) -> None:
    """The settings file in a directory gives its Application commands."""
    (root / "apps/ai/ollama/.home-ops.yaml").write_text("commands: {before: [./backup.sh]}")
    spec = only(discover(root, [appset("apps/ai/*")]))
    assert spec.commands == Commands(before=("./backup.sh",))


def test_what_an_application_sets_itself(root: Path) -> None:
    """Its own settings are an Application's, and nobody else's; the set's stay where it says
    nothing."""
    template = changed(
        "spec.syncPolicy",
        {"automated": {"prune": True, "selfHeal": True}, "syncOptions": ["CreateNamespace=true"]},
    )
    (root / "apps/media/sonarr/.home-ops.yaml").write_text(
        "destination: {namespace: downloads}\n"
        "metadata: {labels: {tier: gold}, annotations: {argocd.argoproj.io/sync-wave: '2'}}\n"
        "syncPolicy: {automated: {selfHeal: false}, syncOptions: [Prune=false]}\n"
        "ignoreDifferences: [{kind: Secret, jsonPointers: [/data]}]\n"
        "revisionHistoryLimit: 2\n"
    )
    found = discover(root, [appset("apps/media/*", template=template)])
    jellyfin, sonarr = found.applications
    assert sonarr.destination.namespace == sonarr.labels["home-ops/namespace"] == "downloads"
    assert sonarr.labels["tier"] == "gold"
    assert sonarr.annotations == {"argocd.argoproj.io/sync-wave": "2"}
    assert sonarr.sync_policy.automated == Automated(prune=True, self_heal=False)
    assert sonarr.sync_policy.sync_options == {"CreateNamespace": "true", "Prune": "false"}
    assert sonarr.revision_history_limit == 2
    assert [rule.kind for rule in sonarr.ignore_differences] == ["Secret"]
    without = discover(root, [appset("apps/media/jellyfin", template=template)])
    assert jellyfin == only(without)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("commands: {pre: []}", "commands.pre there is no such key"),
        ("destination: {namespace: null}", "spec.destination.namespace is missing"),
        ("syncPolicy: {syncOptions: [Foo=true]}", 'sync option "Foo" is not known'),
        ("metadata: {labels: {a: 'b c'}}", "label a is 'b c'"),
        ("ignoreDifferences: [{kind: Secret}]", "ignoreDifferences[0]"),
        ("a: [", "broken YAML"),
        ("words", "write a mapping"),
    ],
)
def test_wrong_settings_of_an_application(root: Path, text: str, said: str) -> None:
    """Wrong settings break their Application, which keeps the name and the set it has; the file is
    named."""
    (root / "apps/ai/ollama/.home-ops.yaml").write_text(text)
    found = discover(root, [appset()])
    assert (len(found.applications), found.errors) == (3, ())
    broken = found.applications[0]
    assert (broken.name, broken.application_set) == ("pitower-ai-ollama", "apps")
    assert str(broken.error).startswith("apps/ai/ollama/.home-ops.yaml")
    assert [spec.error for spec in found.applications[1:]] == [None, None]
    assert said in str(broken.error)


@pytest.mark.parametrize("a_file_instead", [True, False])
def test_no_apps(tmp_path: Path, a_file_instead: bool) -> None:  # noqa: FBT001
    """Without the directory the patterns begin with nothing is known, so nothing may be deleted."""
    if a_file_instead:
        (tmp_path / "apps").write_text("")
    for appsets in ([appset()], []):
        with pytest.raises(DiscoveryError, match=r"^apps/: there is no such directory in "):
            discover(tmp_path, appsets)


def test_no_repository(tmp_path: Path) -> None:
    """A root that is not there is the same."""
    with pytest.raises(DiscoveryError, match="there is no such directory"):
        discover(tmp_path / "nothing", [appset()])


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_directory_that_cannot_be_read(root: Path) -> None:
    """A category that cannot be listed stops discovery: its Applications are not gone."""
    (root / "apps/media").chmod(0)
    with pytest.raises(DiscoveryError, match=r"^apps/media: cannot be read"):
        discover(root, [appset()])


def test_a_listing_that_fails(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk error while listing stops discovery as well, whoever runs it."""
    scandir = os.scandir

    def failing(path: str) -> Any:
        if path.endswith("media"):
            raise OSError(5, "Input/output error")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", failing)
    with pytest.raises(DiscoveryError, match=r"^apps/media: cannot be read: Input/output error"):
        discover(root, [appset()])


def test_a_thousand_directories(tmp_path: Path) -> None:
    """Discovery takes no noticeable part of a run."""
    for category in range(20):
        for app in range(50):
            add(tmp_path, f"apps/c{category}/a{app}")
    seconds = []
    for _ in range(3):
        started = time.perf_counter()
        found = discover(tmp_path, [appset()])
        seconds.append(time.perf_counter() - started)
    assert len(found.applications) == 1000
    assert min(seconds) < 0.5


def test_overlays(root: Path) -> None:
    """One cluster's own directory takes the place of the shared one, also when it is wrong, and can
    be an Application of its own; without the word the two are in each other's way."""
    add(root, "clusters/pitower/media/jellyfin")
    add(root, "clusters/pitower/media/own")
    add(root, "clusters/pitower/media/sonarr", "README.md")
    shared = GitDirectory(path="apps/*/*")
    own = GitDirectory(path="clusters/pitower/*/*", overlay=True)
    found = discover(root, [replace(appset(), directories=(shared, own))])
    assert {each.name: each.source.path for each in found.applications} == {
        "pitower-ai-ollama": "apps/ai/ollama",
        "pitower-media-jellyfin": "clusters/pitower/media/jellyfin",
        "pitower-media-own": "clusters/pitower/media/own",
    }
    assert [each.subject for each in found.errors] == ["clusters/pitower/media/sonarr"]

    plain = replace(own, overlay=False)
    found = discover(root, [replace(appset(), directories=(shared, plain))])
    assert any("more than one Application" in each.reason for each in found.errors)
