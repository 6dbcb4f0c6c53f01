"""AppProjects in manifests: limits, what is not enforced yet, and what is refused by name."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from gitops.application import ApplicationSpec, Destination, Source
from gitops.argocd.appprojects import ReadProject, read
from gitops.errors import ProjectError
from gitops.impersonation import account_for
from gitops.policy.windows import calendar
from gitops.projects import GroupKind, OrphanedResources, check_application
from tests.gitops.argocd.clusters import clusters_of

CLUSTERS = clusters_of(clusters=[{"name": "lab", "server": "https://lab"}])


def project(**spec: Any) -> ReadProject:
    """What a manifest with this spec says."""
    body = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AppProject",
        "metadata": {"name": "apps", "namespace": "argocd"},
        "spec": spec,
    }
    return read(body, origin="projects.yaml", clusters=CLUSTERS)


def test_limits_are_read() -> None:
    """Every list that allows or forbids is a limit of the project."""
    kind = {"group": "apps", "kind": "Deployment"}
    found = project(
        description="all",
        sourceRepos=["https://example.com/*"],
        destinations=[{"namespace": "x", "server": "*"}],
        clusterResourceWhitelist=[{**kind, "name": "a*"}],
        clusterResourceBlacklist=[kind],
        namespaceResourceWhitelist=[kind],
        namespaceResourceBlacklist=[kind],
        roles=[{"name": "r", "policies": ["p"], "groups": ["g"], "jwtTokens": [{"iat": 1}]}],
        sourceNamespaces=["x"],
        permitOnlyProjectScopedClusters=True,
    )
    assert not (found.errors or found.warnings)
    assert found.project is not None
    assert found.project.source_repos == ("https://example.com/*",)
    assert found.project.cluster_resource_whitelist[0].name == "a*"
    assert found.project.namespace_resource_whitelist is not None
    assert found.project.roles[0].policies == ("p",)


@pytest.mark.parametrize(
    ("destination", "permitted"),
    [
        ({"namespace": "*", "server": "*"}, True),
        ({"namespace": "*", "server": "https://kubernetes.default.svc"}, True),
        ({"namespace": "*", "server": "https://lab"}, True),
        ({"namespace": "*", "name": "l?b"}, True),
        ({"namespace": "*", "server": "https://other"}, False),
        ({"namespace": "*", "name": "other"}, False),
        ({"namespace": "y", "server": "*"}, False),
        ({"namespace": "*", "name": "!lab"}, False),
        ({"namespace": "*", "name": "!other"}, True),
    ],
)
def test_destinations_mean_the_stacks_cluster_by_any_of_its_names(
    destination: dict[str, str],
    permitted: bool,  # noqa: FBT001
) -> None:
    """A destination of a project is compared with every name the cluster goes by."""
    found = project(sourceRepos=["*"], destinations=[destination]).project
    assert found is not None
    spec = ApplicationSpec(
        name="one",
        category="",
        application_set="",
        project="apps",
        source=Source(path="x"),
        destination=Destination(namespace="x"),
    )
    assert bool(check_application(spec, {"apps": found})) is not permitted


def test_every_source_has_to_be_permitted() -> None:
    """A project that permits one of several sources does not permit the Application."""
    found = project(sourceRepos=["https://a"], destinations=[{"namespace": "*"}]).project
    assert found is not None
    spec = ApplicationSpec(
        name="one",
        category="",
        application_set="",
        project="apps",
        source=Source(path="x", repo_url="https://a"),
        sources=(Source(path="x", repo_url="https://a"), Source(path="x", repo_url="https://b")),
        destination=Destination(namespace="x"),
        repo_url="https://a",
    )
    errors = check_application(spec, {"apps": found})
    assert [error.reason for error in errors] == [
        "AppProject apps does not permit repository https://b"
    ]


NOON = datetime(2026, 7, 1, 12, 30, tzinfo=UTC)
WINDOW = {"kind": "deny", "schedule": "0 12 * * *", "duration": "1h"}


def refusal(**fields: Any) -> str:
    """Why an Application of a project with one window is not synced half an hour past noon."""
    found = project(
        syncWindows=[{**WINDOW, **fields}], destinations=[{"namespace": "*", "server": "*"}]
    )
    assert not (found.errors or found.warnings)
    assert found.project is not None
    spec = ApplicationSpec(
        name="media-player",
        category="",
        application_set="",
        project="apps",
        source=Source(path="x"),
        destination=Destination(namespace="media"),
    )
    return calendar(found.project.sync_windows, spec, now=NOON, manual=False).refusal


@pytest.mark.parametrize(
    ("fields", "refused"),
    [
        ({}, False),  # about no Application
        ({"applications": ["media-*"]}, True),
        ({"applications": ["other"]}, False),
        ({"namespaces": ["media"], "description": "at lunch"}, True),
        ({"clusters": ["in-cluster"]}, True),
        ({"clusters": ["t"]}, True),
        ({"clusters": ["https://lab"]}, True),
        ({"clusters": ["l*"]}, True),
        ({"clusters": ["elsewhere"]}, False),
        ({"clusters": ["elsewhere"], "namespaces": ["media"], "andOperator": True}, False),
        ({"clusters": ["lab"], "namespaces": ["media"], "andOperator": True}, True),
        ({"applications": ["*"], "timeZone": "Europe/Berlin"}, False),
        ({"applications": ["*"], "kind": "allow"}, False),
        ({"applications": ["*"], "kind": "allow", "schedule": "0 13 * * *"}, True),
        ({"applications": ["*"], "duration": "29m", "syncOverrun": True}, False),
    ],
)
def test_sync_windows(fields: dict[str, Any], refused: bool) -> None:  # noqa: FBT001
    """A window in Git holds for the Applications it is about; a cluster may go by any name."""
    assert bool(refusal(**fields)) is refused


def test_orphaned_resources_are_read() -> None:
    """Without a word about it people are warned; an entry without a kind or name is about all."""
    for given, wanted in (
        ({}, OrphanedResources()),
        ({"warn": False}, OrphanedResources(warn=False)),
        (
            {"ignore": [{"kind": "Secret"}, {"group": "g*", "name": "n"}]},
            OrphanedResources(
                ignore=(
                    GroupKind(group="", kind="Secret"),
                    GroupKind(group="g*", kind="*", name="n"),
                )
            ),
        ),
    ):
        found = project(orphanedResources=given)
        assert not (found.errors or found.warnings)
        assert found.project is not None
        assert found.project.orphaned_resources == wanted
    without = project().project
    assert without is not None
    assert without.orphaned_resources is None


def test_what_is_not_enforced_yet_is_named() -> None:
    """Signatures are read, and a warning names each field about them."""
    found = project(
        signatureKeys=[{"keyID": "4AEE18F83AFDEB23"}],
        sourceIntegrity={"git": {"policies": []}},
    )
    assert found.errors == ()
    assert found.warnings == tuple(
        f"AppProject apps (projects.yaml): spec.{field} is read, but not enforced yet"
        for field in ("signatureKeys", "sourceIntegrity")
    )


@pytest.mark.parametrize(
    ("server", "account"),
    [
        ("*", "x:deployer"),
        ("https://kubernetes.default.svc", "x:deployer"),
        ("https://l?b", "x:deployer"),
        ("https://other", ""),
    ],
)
def test_service_accounts_mean_the_stacks_cluster(server: str, account: str) -> None:
    """An account is named for the cluster by any server it goes by; for another cluster it is for
    no Application here."""
    entry = {"server": server, "namespace": "x*", "defaultServiceAccount": "deployer"}
    found = project(destinationServiceAccounts=[entry])
    assert not (found.errors or found.warnings)
    assert found.project is not None
    spec = ApplicationSpec(
        name="one",
        category="",
        application_set="",
        project="apps",
        source=Source(path="x"),
        destination=Destination(namespace="x"),
    )
    if account:
        assert str(account_for(spec, found.project)) == account
    else:
        with pytest.raises(ProjectError, match="no entry in destinationServiceAccounts"):
            account_for(spec, found.project)


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (
            {"destinationServiceAccounts": [{"server": "*"}]},
            "spec.destinationServiceAccounts[0].defaultServiceAccount is missing",
        ),
        (
            {"destinationServiceAccounts": [{"server": "*", "defaultServiceAccount": "a/b"}]},
            "spec.destinationServiceAccounts[0].defaultServiceAccount 'a/b' is no ServiceAccount",
        ),
        ({"sourceRepo": ["*"]}, 'did you mean "sourceRepos"?'),
        ({"syncWindows": [{**WINDOW, "kind": "never"}]}, "use one of allow, deny"),
        ({"syncWindows": [{"kind": "deny", "schedule": "* * * * *"}]}, "duration is missing"),
        (
            {"syncWindows": [{**WINDOW, "schedule": "0 25 * * *"}]},
            "spec.syncWindows[0].schedule",
        ),
        ({"syncWindows": [{**WINDOW, "duration": "long"}]}, "syncWindows[0].duration"),
        ({"syncWindows": [{**WINDOW, "timeZone": "Mars"}]}, "'Mars' is no time zone"),
        ({"clusterResourceWhitelist": [{"kind": "x"}]}, "group is missing"),
    ],
)
def test_refused(spec: dict[str, Any], said: str) -> None:
    """What is not supported is refused by name, with the remedy."""
    found = project(**spec)
    assert found.project is None
    assert said in str(found.errors[0])
    assert str(found.errors[0]).startswith("AppProject apps (projects.yaml): ")
