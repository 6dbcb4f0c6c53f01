"""What an ApplicationSet does about Applications it has made in an earlier run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gitops.argocd.set_policy import INPUT, Made, recalled
from gitops.config import Settings
from gitops.decision import decide
from gitops.deployment.inventory import Inventory
from gitops.errors import ConfigError
from gitops.target import Target
from tests.gitops.argocd.test_repository import (
    URL,
    app,
    composed,
    config_map,
    repository,
    settings,
)
from tests.gitops.objects import config_map as gitops_config_map
from tests.gitops.objects import deployed, inventory

POLICIES = ("sync", "create-update", "create-delete", "create-only")


def set_of(
    *names: str, policy: str = "sync", label: str = "first", **template: Any
) -> dict[str, Any]:
    """An ApplicationSet that makes an Application of each directory ``apps/<name>``."""
    metadata = {"name": "{{name}}", "labels": {"made": label}, **template}
    source = {"repoURL": URL, "targetRevision": "main", "path": "apps/{{name}}"}
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "ApplicationSet",
        "metadata": {"name": "tested"},
        "spec": {
            "generators": [{"list": {"elements": [{"name": name} for name in names]}}],
            "syncPolicy": {"applicationsSync": policy},
            "template": {
                "metadata": metadata,
                "spec": {
                    "project": "default",
                    "source": source,
                    "destination": {"name": "in-cluster", "namespace": "x"},
                    "syncPolicy": {"automated": {"prune": True}},
                },
            },
        },
    }


class Runs:
    """A repository and what runs over it leave in the state."""

    def __init__(self, tmp_path: Path, *apps: str) -> None:
        self._tmp_path = tmp_path
        self.root = tmp_path / "tree"
        self.inventory = Inventory()
        self.settings: Settings = settings("argocd")
        repository(self.root, {f"apps/{name}/x.yaml": [config_map(name)] for name in apps})

    def run(self, *manifests: dict[str, Any]) -> Target:
        """One run with these manifests; the next one finds its state."""
        repository(self.root, {"argocd/all.yaml": list(manifests)})
        target = composed(self.root, self.settings, self._tmp_path, inventory=self.inventory)
        specs = [each.spec for each in target.applications]
        inputs = {each.name: {INPUT: each.made_by_set} for each in specs if each.made_by_set}
        self.inventory = Inventory(application_inputs=inputs)
        return target


def labels(target: Target) -> dict[str, str]:
    """What the label of each Application says about when it was made."""
    return {each.spec.name: each.spec.labels["made"] for each in target.applications}


@pytest.mark.parametrize("policy", POLICIES)
def test_what_becomes_of_applications(policy: str, tmp_path: Path) -> None:
    """A set that may not update leaves an Application as it was made, also in the third run; one
    that may not delete leaves one it makes no longer, and new ones are made by either."""
    runs = Runs(tmp_path, "one", "two", "three")
    assert labels(runs.run(set_of("one", "two", policy=policy))) == {"one": "first", "two": "first"}
    updates, deletes = policy in ("sync", "create-update"), policy in ("sync", "create-delete")
    for _ in range(2):
        target = runs.run(set_of("one", "three", policy=policy, label="second"))
        assert target.all_errors == ()
        stays = {} if deletes else {"two": "first"}
        made = {"one": "second" if updates else "first", "three": "second"}
        assert labels(target) == {**made, **stays}
        specs = {each.spec.name: each.spec for each in target.applications}
        assert specs["one"].preserved is not deletes
        assert {each.application_set for each in specs.values()} == {"tested"}
        assert all(len(each.manifests) == 1 for each in target.applications)


@pytest.mark.parametrize("policy", POLICIES)
def test_a_set_that_is_gone(policy: str, tmp_path: Path) -> None:
    """Applications outlive their set where it may not delete them, as in ArgoCD."""
    runs = Runs(tmp_path, "one", "other")
    runs.run(set_of("one", policy=policy), app("other", "apps/other"))
    for _ in range(2):
        target = runs.run(app("other", "apps/other"))
        stays = {"one"} if policy in ("create-only", "create-update") else set()
        assert {each.spec.name for each in target.applications} == {"other", *stays}


def test_the_directory_of_an_application_that_lives_on(tmp_path: Path) -> None:
    """Without its directory there is nothing to render: its objects stay, a warning says so, and
    the run is no failure."""
    runs = Runs(tmp_path, "one", "two")
    runs.run(set_of("one", "two", policy="create-only"))
    (tmp_path / "tree" / "apps" / "two" / "x.yaml").unlink()
    (tmp_path / "tree" / "apps" / "two").rmdir()
    target = runs.run(set_of("one", policy="create-only"))
    assert labels(target) == {"one": "first"}
    assert target.all_errors == ()
    assert target.warnings == (
        "two: ApplicationSet tested makes it no longer, and apps/two is gone; its objects stay, "
        "and nobody looks after them",
    )


def test_a_set_may_change_its_mind(tmp_path: Path) -> None:
    """What was kept under one policy goes, or is updated, under the next; the config's policy
    stands before all of them, those of sets that are gone too."""
    runs = Runs(tmp_path, "one", "two")
    runs.run(set_of("one", "two", policy="create-only"))
    target = runs.run(set_of("one", policy="create-only", label="second"))
    assert labels(target) == {"one": "first", "two": "first"}
    target = runs.run(set_of("one", policy="create-update", label="second"))
    assert labels(target) == {"one": "second", "two": "first"}
    runs.settings = settings("argocd", argocd={"policy": "create-only"})
    target = runs.run(set_of("one", policy="sync", label="third"))
    assert labels(target) == {"one": "second", "two": "first"}
    runs.settings = settings("argocd", argocd={"policy": "sync"})
    assert labels(runs.run(set_of("one", policy="create-only", label="third"))) == {"one": "third"}


def test_an_application_goes_to_whoever_makes_it(tmp_path: Path) -> None:
    """A set of another name makes its own Application, and a manifest of the same name is not in
    conflict with what an earlier set made."""
    runs = Runs(tmp_path, "one")
    runs.run(set_of("one", policy="create-only"))
    other = set_of("one", policy="create-only", label="second")
    other["metadata"]["name"] = "other"
    target = runs.run(other)
    assert (labels(target), target.all_errors) == ({"one": "second"}, ())
    assert target.applications[0].spec.application_set == "other"
    target = runs.run(app("one", "apps/one"))
    assert [each.spec.made_by_set for each in target.applications] == [""]


def test_a_broken_set_lets_nothing_go(tmp_path: Path) -> None:
    """While a set cannot be read, what it must not delete is still there, next to the error."""
    runs = Runs(tmp_path, "one")
    runs.run(set_of("one", policy="create-update"))
    broken = set_of("one", policy="create-update")
    broken["spec"]["generators"] = [{"lists": {}}]
    target = runs.run(broken)
    assert labels(target) == {"one": "first"}
    assert "there is no such key" in str(target.errors)


def test_the_state_is_asked_only_where_it_matters(tmp_path: Path) -> None:
    """Without such a set nobody has to know what was made; with one the state is asked before the
    set makes anything."""
    root = repository(tmp_path / "tree", {"apps/one/x.yaml": [config_map("one")]})
    asked: list[frozenset[str] | None] = []

    def recall(names: frozenset[str] | None) -> dict[str, Made]:
        asked.append(names)
        return {}

    for policy in ("sync", "create-only"):
        repository(root, {"argocd/all.yaml": [set_of("one", policy=policy)]})
        composed(root, settings("argocd"), tmp_path, recall=recall)
    assert asked == [frozenset({"one"}), None, frozenset({"one"})]


def test_what_the_state_holds_is_read_back() -> None:
    """What was made comes back as it was; what is no such value was never made."""
    made = Made(application_set="a", policy="create-only", manifest={"spec": {"n": 1 << 60}})
    inventory = Inventory(
        application_inputs={
            "one": {INPUT: str(made)},
            "two": {},
            "three": {INPUT: "null"},
            "four": {INPUT: "{"},
            "five": {INPUT: '{"set": "a"}'},
        }
    )
    assert recalled(inventory) == {"one": made}


@pytest.mark.parametrize(
    ("sync_policy", "template", "preserving"),
    [
        ({}, {}, False),
        ({"preserveResourcesOnDeletion": True}, {}, True),
        (
            {"preserveResourcesOnDeletion": True},
            {"finalizers": ["resources-finalizer.argocd.argoproj.io"]},
            False,
        ),
        ({"applicationsSync": "create-update"}, {}, True),
        ({"applicationsSync": "create-delete"}, {}, False),
    ],
)
def test_what_a_set_says_of_applications_it_has_no_longer(
    sync_policy: dict[str, Any], template: dict[str, Any], tmp_path: Path, *, preserving: bool
) -> None:
    """A set in Git keeps objects, and confirms deletions, like one in the config: also for an
    Application that left in the same commit."""
    token = "prune-0123456789abcdef"
    annotations = {"home-ops/confirm": token}
    body = set_of("one", annotations=annotations, **template)
    body["spec"]["syncPolicy"] = sync_policy
    body["spec"]["generators"] = [{"list": {"elements": []}}]
    root = repository(tmp_path / "tree", {"argocd/all.yaml": [body]})
    found = settings("argocd")
    target = composed(root, found, tmp_path)
    (declared,) = target.sets
    assert (declared.name, declared.preserving) == ("tested", preserving)
    left = deployed(gitops_config_map("left"), application="one", application_set="tested")
    run = decide(found, target, inventory(left), live=(), owners=None, stack="tests")
    assert run.passage.gate.unused == (token,)
    (decision,) = run.prune.decisions
    assert (decision.reason == "preserveResourcesOnDeletion") is preserving


def test_a_policy_that_is_none() -> None:
    """The config's policy is one of ArgoCD's four."""
    for policy in POLICIES:
        assert settings("argocd", argocd={"policy": policy}).argocd
    with pytest.raises(ConfigError, match="policy"):
        settings("argocd", argocd={"policy": "never"})
