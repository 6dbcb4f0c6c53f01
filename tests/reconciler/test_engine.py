from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cluster.connection import Connection, connect
from cluster.discovery import facts
from cluster.listing import list_objects
from gitops.errors import ToolError
from gitops.objects.ownership import APPLICATION_LABEL
from reconciler.engine import automation
from reconciler.engine.environment import ENVIRONMENT
from reconciler.engine.events import (
    Event,
    Outcome,
    Severity,
    Step,
    changes_by_application,
    readable,
)
from reconciler.engine.failures import EngineError, loses_state
from tests.reconciler.conftest import MakeProject, configure

pytestmark = pytest.mark.e2e
APPLICATION = "media-jellyfin"


def test_second_run_changes_nothing(make_project: MakeProject) -> None:
    """A stack is made at the first run; the same program again leaves every object unchanged."""
    root = make_project("simple")
    first = automation.up(root, "test")
    assert first.succeeded
    assert changes_by_application(first.steps)[APPLICATION].counts == {Outcome.CREATED: 2}
    second = automation.up(root, "test")
    assert second.succeeded
    assert changes_by_application(second.steps)[APPLICATION].counts == {Outcome.UNCHANGED: 2}
    assert readable(second.diagnostics, second.parents) == ()


def test_change_is_attributed_to_its_application(make_project: MakeProject) -> None:
    """A changed object counts for its Application, and events come as they happen."""
    root = make_project("simple", value="first")
    automation.up(root, "test")
    configure(root, value="second")
    events: list[Event] = []
    run = automation.up(root, "test", on_event=events.append)
    changes = changes_by_application(run.steps)[APPLICATION]
    assert (changes.changed, changes[Outcome.UNCHANGED]) == (1, 1)
    assert [each for each in events if isinstance(each, Step)] == run.steps


def test_program_error_fails_the_run(make_project: MakeProject) -> None:
    """What the program refuses is reported in its words, once, and the run has failed."""
    run = automation.up(make_project("failing"), "test")
    assert not run.succeeded
    errors = [
        each.message
        for each in readable(run.diagnostics, run.parents)
        if each.severity is Severity.ERROR
    ]
    assert errors == ["media/jellyfin: values.yaml is no YAML; correct line 3"]


def test_unreadable_project_is_explained(make_project: MakeProject) -> None:
    """A project the engine cannot read is an error with a remedy, not a traceback."""
    with pytest.raises(EngineError) as refused:
        automation.up(make_project("unreadable"), "test")
    assert refused.value.subject == "stack test"
    assert "correct the file" in refused.value.remedy


def test_locked_stack_is_explained(make_project: MakeProject, tmp_path: Path) -> None:
    """While another run holds the lock, this one says so and how to get rid of a dead one."""
    root = make_project("simple")
    automation.up(root, "test")
    locks = tmp_path / "state/.pulumi/locks/organization/simple/test"
    locks.mkdir(parents=True, exist_ok=True)
    (locks / f"{uuid.uuid4()}.json").write_text(
        '{"pid": 1, "username": "x", "hostname": "y", "timestamp": "2026-01-01T00:00:00Z"}'
    )
    with pytest.raises(EngineError, match="pulumi cancel"):
        automation.up(root, "test")


def test_wrong_passphrase_is_explained(make_project: MakeProject, tmp_path: Path) -> None:
    """A passphrase that does not fit the stack is named as the reason."""
    root = make_project("simple")
    automation.up(root, "test")
    (tmp_path / "passphrase").write_text("another")
    with pytest.raises(EngineError, match="passphrase does not fit"):
        automation.up(root, "test")


def test_damaged_state_is_explained(make_project: MakeProject, tmp_path: Path) -> None:
    """Of a state that ends in the middle, as a full disk leaves it, nobody thinks that it is empty;
    the error says how to go on."""
    root = make_project("simple")
    automation.up(root, "test")
    [file] = (tmp_path / "state").rglob("test.json")
    whole = file.read_bytes()
    for size in (0, len(whole) // 2):
        file.write_bytes(whole[:size])
        with pytest.raises(EngineError, match="state is damaged") as refused:
            automation.export(root, "test")
        assert "gitops state restore" in refused.value.remedy
        with pytest.raises(EngineError, match="state is damaged"):
            automation.up(root, "test")


def test_a_state_that_could_not_be_written() -> None:
    """What the engine says at the end of a run when the disk is full: its words for the reason."""
    said = (
        "error: writing snapshot: failed to save snapshot: An IO error occurred while writing the "
        'new snapshot file: blob (key ".pulumi/stacks/home-ops/x.json") (code=Unknown): write '
        "/state/.pulumi/stacks/home-ops/x.json.18eac04f4f7c0695.tmp: no space left on device"
    )
    assert loses_state(said)
    assert not loses_state("error: update failed")


@pytest.mark.parametrize("name", ENVIRONMENT)
def test_missing_environment_is_named(
    make_project: MakeProject, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Without a variable the engine needs nothing starts, and the remedy prepares all of them."""
    root = make_project("simple")
    monkeypatch.delenv(name)
    with pytest.raises(ToolError, match=f"lacks {name}; run eval") as refused:
        automation.up(root, "test")
    assert "make env" in refused.value.remedy


def test_missing_program_is_named(
    make_project: MakeProject, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Without pulumi on PATH the error names it."""
    root = make_project("simple")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolError, match="lacks pulumi, pulumi-language-python"):
        automation.up(root, "test")


@pytest.fixture
def namespace(
    control_plane: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Connection, str]]:
    monkeypatch.setenv("KUBECONFIG", str(control_plane.kubeconfig))
    name = f"engine-{uuid.uuid4().hex[:8]}"
    with connect() as connection:
        body = f'{{"apiVersion": "v1", "kind": "Namespace", "metadata": {{"name": "{name}"}}}}'
        connection.post("/api/v1/namespaces", body.encode())
        yield connection, name
        connection.delete(f"/api/v1/namespaces/{name}")


def live_names(connection: Connection, namespace: str) -> set[str]:
    found = list_objects(
        connection, facts(connection).resources, label_selector=APPLICATION_LABEL
    ).objects
    return {
        each["metadata"]["name"] for each in found if each["metadata"].get("namespace") == namespace
    }


def test_cluster_follows_the_program(
    make_project: MakeProject, namespace: tuple[Connection, str]
) -> None:
    """Counts per Application agree with what the API server holds: create, update and prune."""
    connection, name = namespace
    base = {"namespace": name, "kubernetes__enableConfigMapMutable": "true"}
    root = make_project("cluster", **base, count=2, value="first")
    automation.up(root, "test")
    assert len(live_names(connection, name)) == 4

    configure(root, **base, count=1, value="second")
    run = automation.up(root, "test")
    assert run.succeeded, run.diagnostics
    expected = {Outcome.UPDATED: 1, Outcome.DELETED: 1}
    changes = changes_by_application(run.steps)
    assert {application: each.counts for application, each in changes.items()} == {
        APPLICATION: expected,
        "media-navidrome": expected,
    }
    assert live_names(connection, name) == {"media-jellyfin-0", "media-navidrome-0"}


def test_one_failing_object_stops_no_other(
    make_project: MakeProject, namespace: tuple[Connection, str]
) -> None:
    """An object the API server refuses fails its Application alone, and is named in the message."""
    connection, name = namespace
    root = make_project("cluster", namespace=name, count=1, broken=APPLICATION)
    run = automation.up(root, "test")
    assert not run.succeeded
    changes = changes_by_application(run.steps)
    assert changes[APPLICATION].counts == {Outcome.CREATED: 1, Outcome.FAILED: 1}
    assert changes["media-navidrome"].counts == {Outcome.CREATED: 1}
    assert live_names(connection, name) == {"media-jellyfin-0", "media-navidrome-0"}
    errors = [
        each.message
        for each in readable(run.diagnostics, run.parents)
        if each.severity is Severity.ERROR
    ]
    assert len(errors) == 1
    assert errors[0].startswith(
        f"{APPLICATION}: ConfigMap {name}/{APPLICATION}-Not_A_Name: not successfully created"
    )
    assert os.environ["PULUMI_BACKEND_URL"] not in errors[0]
