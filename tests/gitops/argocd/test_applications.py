"""Applications in manifests: what each says, and what is refused by name."""

from __future__ import annotations

from typing import Any

import pytest

from gitops.application import ApplicationSpec
from gitops.argocd.applications import Declaration, read
from gitops.argocd.patching import patched
from gitops.errors import DiscoveryError
from tests.gitops.argocd.clusters import clusters_of

SOURCE = {"repoURL": "https://example.com/repo", "path": "apps/one", "targetRevision": "main"}
CLUSTERS = clusters_of(clusters=[{"name": "lab", "server": "https://lab:6443"}])


def application(**patch: Any) -> dict[str, Any]:
    """A manifest with a patch on it."""
    body = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {"name": "one", "namespace": "argocd"},
        "spec": {
            "project": "default",
            "source": SOURCE,
            "destination": {"server": "https://kubernetes.default.svc", "namespace": "x"},
        },
    }
    return patched(body, patch)


def found(body: dict[str, Any], **declaration: Any) -> tuple[ApplicationSpec | None, list[Any]]:
    """What a manifest declares."""
    return read(body, Declaration(origin="apps.yaml", **declaration), clusters=CLUSTERS)


def one(body: dict[str, Any], **declaration: Any) -> ApplicationSpec:
    """The Application of a manifest nothing is wrong with."""
    spec, errors = found(body, **declaration)
    assert errors == []
    assert spec is not None
    return spec


def test_every_part_is_read() -> None:
    """Project, source, destination, policy and ignored differences come from their fields."""
    spec = one(
        application(
            metadata={
                "labels": {"a": "b"},
                "annotations": {"argocd.argoproj.io/sync-wave": "2"},
                "finalizers": ["resources-finalizer.argocd.argoproj.io"],
            },
            spec={
                "project": "apps",
                "revisionHistoryLimit": 3,
                "ignoreDifferences": [
                    {"group": "apps", "kind": "Deployment", "jsonPointers": ["/spec/replicas"]}
                ],
                "syncPolicy": {
                    "automated": {"prune": True, "selfHeal": True, "allowEmpty": True},
                    "syncOptions": ["CreateNamespace=true"],
                    "managedNamespaceMetadata": {"labels": {"c": "d"}},
                    "retry": {"limit": 5, "backoff": {"duration": "5s", "factor": 2}},
                },
            },
        )
    )
    assert (spec.name, spec.project, spec.destination.namespace) == ("one", "apps", "x")
    assert (spec.source.path, spec.repo_url, spec.target_revision) == (
        "apps/one",
        SOURCE["repoURL"],
        "main",
    )
    assert (spec.sync_policy.prune, spec.sync_policy.allow_empty) == (True, True)
    assert spec.sync_policy.option("CreateNamespace")
    assert spec.sync_policy.managed_namespace_metadata.labels == {"c": "d"}
    assert spec.sync_policy.retry["limit"] == 5
    assert (spec.revision_history_limit, len(spec.ignore_differences)) == (3, 1)
    assert (spec.labels, spec.subject, spec.application_set) == ({"a": "b"}, "one", "applications")


@pytest.mark.parametrize(
    ("finalizers", "declaration", "preserved"),
    [
        ([], {}, True),
        (["resources-finalizer.argocd.argoproj.io"], {}, False),
        (["resources-finalizer.argocd.argoproj.io/background"], {}, False),
        (["resources-finalizer.argocd.argoproj.io"], {"outlives": True}, True),
        (["other.example.com"], {}, True),
        ([], {"preserved": False}, False),
    ],
)
def test_objects_go_with_an_application_that_has_the_finalizer(
    finalizers: list[str],
    declaration: dict[str, bool],
    preserved: bool,  # noqa: FBT001
) -> None:
    """As in ArgoCD, an Application without the finalizer leaves its objects behind."""
    body = application(metadata={"finalizers": finalizers})
    assert one(body, **declaration).preserved is preserved


@pytest.mark.parametrize(
    "destination",
    [
        {"name": "in-cluster", "server": None},
        {"name": "t", "server": None},
        {"name": "lab", "server": None},
        {"server": "https://lab:6443"},
    ],
)
def test_the_stacks_cluster_goes_by_several_names(destination: dict[str, Any]) -> None:
    """ArgoCD's name for the cluster it runs in, the stack's, and those the config gives it."""
    assert one(application(spec={"destination": destination})).destination.namespace == "x"


def test_an_application_for_another_stack_is_left_out() -> None:
    """What the config says is elsewhere is neither an Application nor an error."""
    clusters = clusters_of(elsewhere=["https://other:*"])
    body = application(spec={"destination": {"server": "https://other:6443"}})
    assert read(body, Declaration(origin="x"), clusters=clusters) == (None, [])


def test_several_sources() -> None:
    """Every source is kept; what the Application is known by is the first that is rendered."""
    values = {"repoURL": "https://example.com/values", "targetRevision": "main", "ref": "values"}
    chart = {
        "repoURL": "registry.example.com/charts",
        "chart": "web",
        "targetRevision": "1.2.3",
        "helm": {"valueFiles": ["$values/web.yaml", "$ARGOCD_APP_NAME.yaml"]},
    }
    spec = one(application(spec={"source": None, "sources": [values, chart]}))
    assert [source.ref for source in spec.all_sources] == ["values", ""]
    assert (spec.source.chart, spec.source.path, spec.target_revision) == ("web", "", "1.2.3")


def test_without_effect() -> None:
    """What is about ArgoCD's own server, namespace or pages is accepted and changes nothing."""
    plain = application()
    more = application(
        status={"sync": {"status": "Synced"}},
        spec={
            "info": [{"name": "url", "value": "https://example.com"}],
            "source": {**SOURCE, "name": "code", "helm": {"passCredentials": True}},
        },
    )
    found = one(more)
    assert found.source.options == {"helm": {"passCredentials": True}}
    assert (found.sync_policy, found.destination) == (
        one(plain).sync_policy,
        one(plain).destination,
    )


def test_null_is_no_value() -> None:
    """The API server drops keys that hold null, so nothing is refused for them."""
    assert one(application(operation=None, spec={"source": {**SOURCE, "plugin": None}})).name


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"operation": {"sync": {}}}, "operation is not supported: a manifest starts no sync"),
    ({"spec": {"sourceHydrator": {"drySource": {}}}}, "spec.sourceHydrator is not supported"),
    ({"spec": {"source": {"plugin": {"name": "x"}}}}, "spec.source.plugin is not supported"),
    ({"spec": {"source": {"tagPrefix": "v"}}}, "spec.source.tagPrefix is not supported"),
    (
        {"spec": {"source": {"directory": {"jsonnet": {"libs": ["x"]}}}}},
        "spec.source.directory.jsonnet is not supported",
    ),
    (
        {"spec": {"source": {"kustomize": {"version": "v4"}}}},
        "spec.source.kustomize.version is not supported",
    ),
    ({"spec": {"source": {"helm": {"version": "v2"}}}}, "spec.source.helm.version is 'v2'"),
    ({"spec": {"source": {"helm": {"valueFile": ["a"]}}}}, 'did you mean "valueFiles"?'),
    ({"spec": {"sorce": {}}}, "spec.sorce there is no such key"),
    ({"spec": {"project": None}}, "spec.project is missing"),
    ({"spec": {"source": None}}, "spec.source is missing"),
    ({"spec": {"source": {"path": None}}}, "spec.source.path is missing"),
    ({"spec": {"source": {"path": "../other"}}}, "outside of the repository"),
    ({"spec": {"source": {"repoURL": ""}}}, "spec.source.repoURL is empty"),
    ({"spec": {"source": {"chart": "web"}}}, "spec.source has both chart and path"),
    (
        {"spec": {"source": {"chart": "web", "path": None, "targetRevision": None}}},
        "spec.source.targetRevision is missing",
    ),
    (
        {"spec": {"source": {"chart": "web", "path": None, "ref": "x"}}},
        "spec.source.ref stands at a chart",
    ),
    ({"spec": {"source": {"repoURL": "oci://x/y"}}}, "is an OCI artifact without a chart"),
    (
        {"spec": {"source": {"helm": {"releaseName": "a"}, "kustomize": {"namePrefix": "b"}}}},
        "has options for helm and kustomize",
    ),
    (
        {"spec": {"source": {"helm": {"valueFiles": ["https://example.com/values.yaml"]}}}},
        "reads 'https://example.com/values.yaml' over the network",
    ),
    (
        {"spec": {"source": {"helm": {"valueFiles": ["$nope/values.yaml"]}}}},
        "no source has the ref 'nope'",
    ),
    (
        {"spec": {"source": {"kustomize": {"replicas": [{"name": "a", "count": "x"}]}}}},
        "has count 'x'",
    ),
    (
        {"spec": {"sources": [{**SOURCE, "ref": "a"}, {**SOURCE, "ref": "a"}]}},
        "the ref 'a' is there twice",
    ),
    ({"spec": {"destination": {"server": "https://nope"}}}, "spec.destination is 'https://nope'"),
    ({"spec": {"destination": {"name": "lab"}}}, "has both name and server"),
    ({"spec": {"destination": {"server": None}}}, "has neither name nor server"),
    ({"spec": {"syncPolicy": {"syncOptions": ["Nope=true"]}}}, 'sync option "Nope" is not known'),
    ({"spec": {"syncPolicy": {"automated": {"prune": "true"}}}}, "write true or false"),
    ({"spec": {"ignoreDifferences": [{"jsonPointers": ["/a"]}]}}, "kind is missing"),
    ({"metadata": {"name": "One"}}, "metadata.name is 'One', which is no DNS name"),
    (
        {"metadata": {"annotations": {"argocd.argoproj.io/skip-reconcile": "true"}}},
        "skip-reconcile",
    ),
    ({"metadata": {"annotations": {"argocd.argoproj.io/nope": "true"}}}, "is not known"),
]


@pytest.mark.parametrize(("patch", "said"), REFUSED, ids=[said for _, said in REFUSED])
def test_refused(patch: dict[str, Any], said: str) -> None:
    """Each refusal names the Application, its file and the field, and says what to do."""
    spec, errors = found(application(**patch))
    assert spec is None
    text = "\n".join(map(str, errors))
    assert said in text
    assert all(isinstance(error, DiscoveryError) and error.remedy for error in errors)
    assert all(error.subject.startswith("Application ") for error in errors)
    assert all("(apps.yaml)" in error.subject for error in errors)
