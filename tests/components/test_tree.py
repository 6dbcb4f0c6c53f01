"""The tree a program registers: types, names, parents and the options that decide what stays."""

from __future__ import annotations

from typing import Any

import pytest

from components.application import Application, ApplicationArgs
from components.application_set import ApplicationSet, ApplicationSetArgs
from components.bootstrap import APP_PROJECT_TYPE, BOOTSTRAP_TYPE, Bootstrap, BootstrapArgs
from components.orphaned_resources import ORPHANED_RESOURCES_TYPE
from components.resources import PROVIDER_VERSION
from components.wave import WaveArgs, attempt
from gitops.application import ApplicationSpec, Commands, Destination, Source, SyncPolicy
from gitops.application_target import ApplicationTarget
from gitops.config import BootstrapSettings, Settings
from gitops.deployment.inventory import (
    APPLICATION_SET_TYPE,
    APPLICATION_TYPE,
    DELETION_TYPE,
    WAVE_TYPE,
    Inventory,
    InventoryObject,
    PassedWave,
)
from gitops.errors import ManifestError
from gitops.objects.bootstrap_objects import bootstrap_objects
from gitops.objects.manifest import Manifest, ResourceKey
from gitops.objects.namespaces import CreatedNamespace
from gitops.projects import AppProject
from gitops.syncing.checks import with_options
from tests.components.conftest import Recorder

# The SDK's mock monitor opens an event loop in each of its threads and closes none.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

CONFIG_MAP = "kubernetes:core/v1:ConfigMap"


def spec(**changes: Any) -> ApplicationSpec:
    values: dict[str, Any] = {
        "name": "test-media-jellyfin",
        "category": "media",
        "application_set": "media",
        "project": "apps",
        "source": Source(path="apps/media/jellyfin"),
        "destination": Destination(namespace="media"),
    }
    return ApplicationSpec(**{**values, **changes})


def config_map(name: str, **metadata: Any) -> Manifest:
    return Manifest.from_body(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": name, "namespace": "media", **metadata},
            "data": {"key": "value"},
        }
    )


def remembered(manifest: Manifest, urn: str, **flags: bool) -> InventoryObject:
    return InventoryObject(
        key=manifest.key,
        urn=urn,
        body=manifest.body,
        application="test-media-jellyfin",
        application_set="media",
        **flags,
    )


def register(
    recorder: Recorder,
    *manifests: Manifest,
    inventory: Inventory | None = None,
    kept: tuple[InventoryObject, ...] = (),
    application: ApplicationSpec | None = None,
    error: ManifestError | None = None,
) -> None:
    target = with_options(
        ApplicationTarget(spec=application or spec(), manifests=manifests, error=error)
    )
    args = ApplicationArgs(target=target, inventory=inventory or Inventory(), kept=kept)

    async def program() -> None:
        made = Application(target.spec.name, args)
        await made.declare_objects(dict(made.provided))

    recorder.run(program)


def test_type_tokens_are_part_of_every_urn_and_stay() -> None:
    """A changed type token would change the URN of every object of every user."""
    assert [
        APPLICATION_TYPE,
        APPLICATION_SET_TYPE,
        BOOTSTRAP_TYPE,
        APP_PROJECT_TYPE,
        ORPHANED_RESOURCES_TYPE,
        DELETION_TYPE,
        WAVE_TYPE,
    ] == [
        "home-ops:index:Application",
        "home-ops:index:ApplicationSet",
        "home-ops:index:Bootstrap",
        "home-ops:index:AppProject",
        "home-ops:index:OrphanedResources",
        "home-ops:index:Deletion",
        "home-ops:index:Wave",
    ]


def in_wave(name: str, wave: int) -> Manifest:
    return config_map(name, annotations={"argocd.argoproj.io/sync-wave": str(wave)})


def dependencies(recorder: Recorder, name: str) -> list[str]:
    request = recorder.requests[CONFIG_MAP, f"media/{name}"]
    return sorted(urn.rpartition("/")[2] for urn in request.dependencies)


def test_one_wave_has_no_edges_and_no_gate(recorder: Recorder) -> None:
    """What needs no order costs nothing."""
    register(recorder, in_wave("a", 3), in_wave("b", 3))
    assert recorder.names(WAVE_TYPE) == []
    assert dependencies(recorder, "a") == dependencies(recorder, "b") == []


def test_waves_are_tied_together_by_as_many_edges_as_objects(recorder: Recorder) -> None:
    """The first object of a wave depends on all of the wave before, the others on the first; what
    is kept is in its wave as well."""
    kept = remembered(in_wave("kept", 0), "urn:pulumi:test::home-ops::kubernetes:x::media/kept")
    names = {"a": -1, "b": -1, "c": 0, "d": 0, "e": 7}
    register(recorder, *(in_wave(name, wave) for name, wave in names.items()), kept=(kept,))
    found = {name: dependencies(recorder, name) for name in (*names, "kept")}
    assert found == {
        "a": [],
        "b": [],
        "c": ["a", "b"],
        "d": ["c"],
        "kept": ["c"],
        "e": [*"cd", "kept"],
    }


@pytest.mark.parametrize("state", ["broken", "stopped"])
def test_gates_of_an_application_that_is_left_as_it_is(recorder: Recorder, state: str) -> None:
    """Its gates are registered as the last deployment left them, or the next sync would run the
    hooks again."""
    last = PassedWave(digest="abc", attempt=2, passed=True)
    others = {"test-media-jellyfin/wave=0": last, "test-media-jellyfin-2/wave=0": last}
    target = ApplicationTarget(spec=spec())
    error = ManifestError("media/jellyfin", "is wrong", remedy="correct it")
    held = target.broken(error) if state == "broken" else target.held()
    args = ApplicationArgs(target=held, inventory=Inventory(waves=others))

    async def program() -> None:
        await Application("test-media-jellyfin", args).declare_objects({})

    recorder.run(program)
    assert recorder.names(WAVE_TYPE) == ["test-media-jellyfin/wave=0"]
    found = recorder.inputs(WAVE_TYPE, "test-media-jellyfin/wave=0")
    assert found == {"digest": "abc", "attempt": 2}


@pytest.mark.parametrize(
    ("last", "again", "expected"),
    [
        (None, False, 0),
        (PassedWave(digest="old", attempt=4, passed=False), False, 0),
        (PassedWave(digest="new", attempt=4, passed=True), False, 4),
        (PassedWave(digest="new", attempt=4, passed=True), True, 5),
        (PassedWave(digest="new", attempt=4, passed=False), False, 5),
    ],
)
def test_a_gate_is_tried_again_until_it_passes(
    last: PassedWave | None, expected: int, *, again: bool
) -> None:
    """The inputs change with the Application, while the gate has not passed, and where the sync it
    was passed for has failed."""

    async def gate() -> None:
        """Let everything pass."""

    assert attempt(WaveArgs(digest="new", gate=gate, last=last, again=again)) == expected


def test_provider_version_is_that_of_the_pinned_package() -> None:
    """The plugin asked for is the one the toolchain installs."""
    from importlib.metadata import version

    assert version("pulumi-kubernetes") == PROVIDER_VERSION


def test_object_is_named_by_namespace_and_name_under_its_application(recorder: Recorder) -> None:
    """The logical name holds no Application, so an object can move between Applications."""
    register(recorder, config_map("settings"))
    request = recorder.requests[CONFIG_MAP, "media/settings"]
    assert request.parent.endswith("home-ops:index:Application::test-media-jellyfin")


def test_steering_annotations_are_added_and_the_body_is_left_alone(recorder: Recorder) -> None:
    """The provider is told who owns the fields; the target's digest does not change by it."""
    manifest = config_map("settings", annotations={"own": "kept"})
    register(recorder, manifest)
    annotations = recorder.inputs(CONFIG_MAP, "media/settings")["metadata"]["annotations"]
    assert annotations == {
        "own": "kept",
        "pulumi.com/patchFieldManager": "home-ops",
        "pulumi.com/patchForce": "true",
        "pulumi.com/skipAwait": "true",
    }
    assert manifest.body["metadata"]["annotations"] == {"own": "kept"}


def test_propagation_policy_is_an_annotation_where_it_is_not_the_default(
    recorder: Recorder,
) -> None:
    """What steers the provider is stored in live objects, so only what is needed is there."""
    name = "pulumi.com/deletionPropagationPolicy"
    policy = SyncPolicy(sync_options={"PrunePropagationPolicy": "orphan"})
    register(recorder, config_map("settings"), application=spec(sync_policy=policy))
    assert recorder.inputs(CONFIG_MAP, "media/settings")["metadata"]["annotations"][name] == (
        "orphan"
    )
    policy = SyncPolicy(sync_options={"PrunePropagationPolicy": "foreground"})
    register(recorder, config_map("other"), application=spec(sync_policy=policy))
    assert name not in recorder.inputs(CONFIG_MAP, "media/other")["metadata"]["annotations"]


def test_definition_is_waited_for(recorder: Recorder) -> None:
    """Custom resources come right after their definition, so that one is awaited."""
    body = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.example.org"},
        "spec": {"group": "example.org", "names": {"kind": "Widget"}},
    }
    widget = {
        "apiVersion": "example.org/v1",
        "kind": "Widget",
        "metadata": {"name": "one", "namespace": "media"},
    }
    register(recorder, Manifest.from_body(body), Manifest.from_body(widget))
    kind = "kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition"
    annotations = recorder.inputs(kind, "widgets.example.org")["metadata"]["annotations"]
    assert "pulumi.com/skipAwait" not in annotations
    request = recorder.requests["kubernetes:example.org/v1:Widget", "media/one"]
    assert [urn.rpartition("::")[2] for urn in request.dependencies] == ["widgets.example.org"]
    assert recorder.requests[kind, "widgets.example.org"].deletedWith.endswith(
        "Application::test-media-jellyfin"
    )


@pytest.mark.parametrize(
    ("annotations", "preserve", "stays"),
    [
        ({}, False, False),
        ({"argocd.argoproj.io/sync-options": "Delete=false"}, False, True),
        ({"argocd.argoproj.io/sync-options": "Prune=false"}, False, False),
        ({"helm.sh/resource-policy": "keep"}, False, True),
        ({}, True, True),
    ],
)
def test_object_that_outlives_its_application_is_deleted_with_it(
    recorder: Recorder, *, annotations: dict[str, str], preserve: bool, stays: bool
) -> None:
    """`deletedWith` spares an object exactly when its whole Application goes."""
    register(
        recorder,
        config_map("settings", annotations=annotations),
        application=spec(preserve_resources_on_deletion=preserve),
    )
    request = recorder.requests[CONFIG_MAP, "media/settings"]
    assert bool(request.deletedWith) is stays
    assert not request.retainOnDelete


def test_known_urn_is_an_alias(recorder: Recorder) -> None:
    """An object the state knows by another URN is the same resource."""
    manifest = config_map("settings")
    urn = "urn:pulumi:test::home-ops::home-ops:index:Bootstrap$kubernetes:core/v1:ConfigMap::x"
    register(recorder, manifest, inventory=Inventory(urns={manifest.key: (urn,)}))
    request = recorder.requests[CONFIG_MAP, "media/settings"]
    assert [alias.urn for alias in request.aliases] == [urn]


def test_kept_object_is_a_stub_with_every_change_ignored(recorder: Recorder) -> None:
    """A stub sends nothing to the cluster and keeps the state's knowledge whole."""
    found = remembered(config_map("settings"), "urn:x::y::z::w", retained_with_application=True)
    register(recorder, kept=(found,), error=ManifestError("media/jellyfin", "x", remedy="y"))
    request = recorder.requests[CONFIG_MAP, "media/settings"]
    assert list(request.ignoreChanges) == ["*"]
    assert "data" not in recorder.inputs(CONFIG_MAP, "media/settings")
    assert request.deletedWith.endswith("Application::test-media-jellyfin")


def test_broken_application_says_of_itself_what_it_said_last(recorder: Recorder) -> None:
    """A broken Application shows as unchanged, so its digest does not change twice."""
    inventory = Inventory(application_inputs={"test-media-jellyfin": {"digest": "of last time"}})
    error = ManifestError("media/jellyfin", "x", remedy="y")
    register(recorder, inventory=inventory, error=error)
    assert recorder.inputs(APPLICATION_TYPE, "test-media-jellyfin") == {"digest": "of last time"}


def test_kept_objects_wait_for_what_they_need(recorder: Recorder) -> None:
    """A stub depends on its namespace and definition as the object did before."""
    namespace = Manifest.from_body(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "media"}}
    )
    kept = (
        remembered(config_map("settings"), "urn:a::b::c::d"),
        remembered(namespace, "urn:a::b::c::e"),
    )
    register(recorder, kept=kept, error=ManifestError("media/jellyfin", "x", remedy="y"))
    request = recorder.requests[CONFIG_MAP, "media/settings"]
    assert [urn.rpartition("::")[2] for urn in request.dependencies] == ["media"]


def test_secret_data_is_marked_secret(recorder: Recorder) -> None:
    """Secret data is encrypted in the state and hidden in every diff."""
    body = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "login", "namespace": "media"},
        "stringData": {"password": "made-up"},
    }
    register(recorder, Manifest.from_body(body))
    request = recorder.requests["kubernetes:core/v1:Secret", "media/login"]
    assert rpc_is_secret(request.object["stringData"])
    assert set(request.additionalSecretOutputs) == {"data", "stringData"}


def test_application_set_never_deletes_its_namespaces(recorder: Recorder) -> None:
    """A namespace made by CreateNamespace stays whatever happens to its set."""
    namespace = CreatedNamespace(
        name="media",
        application_set="media",
        body={"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "media"}},
    )

    def program() -> None:
        ApplicationSet("media", ApplicationSetArgs(namespaces=[namespace], inventory=Inventory()))

    recorder.run(program)
    assert recorder.requests["kubernetes:core/v1:Namespace", "media"].retainOnDelete


def test_bootstrap_makes_namespace_account_and_projects(recorder: Recorder) -> None:
    """The base is a namespace with Pod Security labels, an account with rights, and projects."""

    def program() -> None:
        Bootstrap(
            "bootstrap",
            BootstrapArgs(
                settings=BootstrapSettings(),
                objects=[
                    Manifest.from_body(body)
                    for body in bootstrap_objects(Settings(cluster="test"), stack="test")
                ],
                projects=[AppProject(name="apps", source_repos=("*",))],
                inventory=Inventory(),
            ),
        )

    recorder.run(program)
    labels = recorder.inputs("kubernetes:core/v1:Namespace", "home-ops")["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    assert recorder.names("kubernetes:core/v1:ServiceAccount") == ["home-ops/reconciler"]
    assert recorder.names("kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding")
    assert recorder.inputs(APP_PROJECT_TYPE, "apps")["source_repos"] == ["*"]


def test_commands_run_around_a_sync_with_the_digest_as_trigger(recorder: Recorder) -> None:
    """Objects wait for what comes before a sync, what comes after waits for them."""
    register(
        recorder,
        config_map("settings"),
        application=spec(commands=Commands(before=("echo before",), after=("echo after",))),
    )
    kind = "command:local:Command"
    before = recorder.inputs(kind, "test-media-jellyfin-before-1")
    after = recorder.inputs(kind, "test-media-jellyfin-after-1")
    assert (before["create"], after["create"]) == ("echo before", "echo after")
    assert before["triggers"] == after["triggers"] != []

    def waits_for(kind: str, name: str) -> list[str]:
        request = recorder.requests[kind, name]
        return [urn.rpartition("::")[2] for urn in request.dependencies]

    assert waits_for(CONFIG_MAP, "media/settings") == ["test-media-jellyfin-before-1"]
    assert waits_for(kind, "test-media-jellyfin-after-1") == ["media/settings"]


def rpc_is_secret(value: Any) -> bool:
    return "4dabf18193072939515e22adb298388d" in value


def test_key_decides_the_logical_name() -> None:
    """Cluster-scoped objects are named by their name alone."""
    key = ResourceKey(group="", kind="Namespace", namespace="", name="media")
    assert key.logical_name == "media"
