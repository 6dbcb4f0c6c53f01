from __future__ import annotations

import io
import json
import re
from datetime import UTC, datetime, timedelta

import pytest
import yaml

from gitops.application import ApplicationSpec, Destination, Source
from gitops.health import Health, HealthStatus
from gitops.objects.manifest import ResourceKey
from gitops.records.record import (
    ApplicationRecord,
    Condition,
    Operation,
    OperationPhase,
    Pinned,
    SyncStatus,
)
from gitops.status.application import ApplicationStatus, application_statuses, with_records
from gitops.status.resource import ResourceStatus
from reconciler.engine.events import Changes, Outcome
from reconciler.printing import status as status_printing
from reconciler.printing.status import Output

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
SPEC = ApplicationSpec(
    name="media-jellyfin",
    category="media",
    application_set="all",
    project="apps",
    source=Source(path="apps/media/jellyfin"),
    destination=Destination(namespace="media"),
)


def resource(
    kind: str, name: str, status: HealthStatus, message: str = "", **more: object
) -> ResourceStatus:
    key = ResourceKey(group="apps", kind=kind, namespace="media", name=name)
    health = Health(status=status, message=message)
    return ResourceStatus(key=key, api_version="apps/v1", health=health, **more)  # type: ignore[arg-type]  # a test's keywords


POD = resource("Pod", "web-1-a", HealthStatus.DEGRADED, "crashed")
SET = resource("ReplicaSet", "web-1", HealthStatus.PROGRESSING, "0 of 1", children=(POD, POD))
WEB = resource(
    "Deployment", "web", HealthStatus.PROGRESSING, "0 of 1", cause="Pod web-1-a: crashed",
    children=(SET,),
)  # fmt: skip
MAP = resource("Config", "web", HealthStatus.HEALTHY)
FOUND = application_statuses({"media-jellyfin": [WEB, MAP], "old": [MAP]}, [SPEC])


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(output: Output, found: list[ApplicationStatus] | None = None) -> list[str]:
    out = io.StringIO()
    status_printing.applications(found or FOUND, output, stream=out)
    return out.getvalue().splitlines()


MESSAGE = "Deployment.apps media/web: 0 of 1: Pod web-1-a: crashed"


def test_table_is_columns_of_plain_text() -> None:
    """Without a terminal the table is plain text a script can cut, with the whole message."""
    assert shown(Output.TABLE) == [
        "NAME             CATEGORY   NAMESPACE   HEALTH        OBJECTS   MESSAGE",
        f"media-jellyfin   media      media       Progressing   2         {MESSAGE}",
        "old              -          media       Healthy       1",
    ]


@pytest.mark.parametrize("output", [Output.TABLE, Output.WIDE, Output.NAME])
def test_nothing_is_no_table(output: Output) -> None:
    """Where there are no Applications there is no line, so that a script counts none."""
    out = io.StringIO()
    status_printing.applications([], output, stream=out)
    assert out.getvalue() == ""


def test_message_column_is_left_out_when_all_is_well() -> None:
    """Where nothing is wrong the table has no column for it."""
    assert shown(Output.TABLE, FOUND[1:])[0].endswith("OBJECTS")


def test_wide_table_has_more_columns() -> None:
    """The wide table also says what is known of the sync and where an Application comes from."""
    header, first, second = shown(Output.WIDE)
    assert header.split()[3:] == [
        *("SYNC", "HEALTH", "OBJECTS", "REVISION", "COMPARED"),
        *("PROJECT", "SET", "PATH", "MESSAGE"),
    ]
    assert first.split()[3:11] == [
        *("Unknown", "Progressing", "2", "-", "-"),
        *("apps", "all", "apps/media/jellyfin"),
    ]
    assert second.split()[3:] == ["OutOfSync", "Healthy", "1", "-", "-", "-", "-", "-"]


REVISION = "8c2f1d0a" * 5
RECORD = ApplicationRecord(
    name="media-jellyfin",
    paused=True,
    paused_by="ada@desk",
    paused_at="2026-05-01T12:00:00Z",
    pinned=Pinned(revision="a1", instead_of="b2", digest="c"),
    revision=REVISION,
    sync=SyncStatus.SYNCED,
    conditions=(Condition(type="RolledBack", message="to a1\nfrom b2", since=NOW),),
    operation=Operation(
        phase=OperationPhase.SUCCEEDED, revision="a1", digest="d", message="asked for", started=NOW
    ),
)


def remembered(record: ApplicationRecord = RECORD) -> list[ApplicationStatus]:
    ago = datetime.now(UTC) - timedelta(minutes=3, seconds=1)
    return with_records(FOUND, {record.name: record}, compared=ago)


def test_what_a_pass_has_found_is_shown() -> None:
    """Where there are records the table says what the last pass found of the sync, what keeps
    automation away, and in the wide form how old that is."""
    header, first, second = shown(Output.TABLE, remembered())
    assert header.split()[3:5] == ["SYNC", "HEALTH"]
    assert "Synced (paused, rolled back)   Progressing" in first
    assert second.split()[3] == "OutOfSync"
    _, first, _ = shown(Output.WIDE, remembered())
    assert f"{REVISION[:10]}   3m" in first


def test_one_application_tells_what_is_remembered() -> None:
    """Its sync with commit and age, who has paused it, the last sync and every
    condition in a line; in JSON under ArgoCD's names."""
    out = io.StringIO()
    status_printing.application(remembered()[0], stream=out)
    facts = dict(re.split(r":\s+", line, maxsplit=1) for line in out.getvalue().splitlines()[:13])
    assert facts["Sync"] == f"Synced ({REVISION}, compared 3m ago)"
    assert facts["Paused"] == "by ada@desk since 2026-05-01T12:00:00Z"
    assert re.fullmatch(r"Succeeded \d+d ago \(asked for\)", facts["Last sync"])
    assert facts["RolledBack"] == "to a1 from b2"
    status = json.loads("\n".join(shown(Output.JSON, remembered())))[0]["status"]
    assert (status["sync"]["status"], status["sync"]["revision"]) == ("Synced", REVISION)
    assert (status["paused"], status["pausedBy"]) == (True, "ada@desk")
    assert status["rollback"] == {"revision": "a1", "insteadOf": "b2"}
    assert status["conditions"][0]["type"] == "RolledBack"
    assert status["operationState"]["phase"] == "Succeeded"


def test_paused_before_the_first_pass() -> None:
    """A record that no pass has filled says nothing about the sync, and that it is paused."""
    _, first, _ = shown(Output.TABLE, remembered(ApplicationRecord(name=SPEC.name, paused=True)))
    assert "Unknown (paused)" in first


def test_names_are_plain() -> None:
    """The names can be given back to another command, as those of ArgoCD's list."""
    assert shown(Output.NAME) == ["media-jellyfin", "old"]


@pytest.mark.parametrize("output", [Output.JSON, Output.YAML])
def test_data_holds_everything(output: Output) -> None:
    """JSON and YAML hold the same, with ArgoCD's fields under ``status``."""
    text = "\n".join(shown(output))
    first = json.loads(text)[0] if output is Output.JSON else yaml.safe_load(text)[0]
    assert {name: value for name, value in first.items() if name != "status"} == {
        "name": "media-jellyfin",
        "category": "media",
        "applicationSet": "all",
        "project": "apps",
        "path": "apps/media/jellyfin",
        "namespace": "media",
        "objects": 2,
        "kinds": {"Config": 1, "Deployment": 1},
    }
    assert first["status"]["health"] == {"status": "Progressing", "message": MESSAGE}
    assert first["status"]["sync"]["status"] == "Unknown"
    config, deployment = first["status"]["resources"]
    assert config == {
        "group": "apps",
        "version": "v1",
        "kind": "Config",
        "namespace": "media",
        "name": "web",
        "health": {"status": "Healthy", "message": ""},
    }
    assert deployment["children"][0]["children"][0]["name"] == "web-1-a"


def test_changes_of_a_run_are_a_column() -> None:
    """After a run the table says what it changed, failures included."""
    out = io.StringIO()
    changes = {
        "media-jellyfin": Changes(counts={Outcome.UPDATED: 2, Outcome.UNCHANGED: 10}),
        "old": Changes(counts={Outcome.FAILED: 1}),
    }
    status_printing.applications(FOUND, changes=changes, stream=out)
    header, first, second = out.getvalue().splitlines()
    assert "CHANGED" in header
    assert "2 updated" in first
    assert "1 failed" in second


def test_tree_shows_the_cause_beside_the_object_that_has_it() -> None:
    """An Application's objects stand below each other, what they own below them."""
    out = io.StringIO()
    status_printing.application(FOUND[0], stream=out)
    head, _, tree = out.getvalue().partition("\n\n")
    assert f"Message:     {MESSAGE}" in head.splitlines()
    assert tree.splitlines() == [
        "KIND           NAMESPACE   NAME      HEALTH        MESSAGE",
        "Config         media       web       Healthy",
        "Deployment     media       web       Progressing   0 of 1",
        "└─ReplicaSet   media       web-1     Progressing   0 of 1",
        "  ├─Pod        media       web-1-a   Degraded      crashed",
        "  └─Pod        media       web-1-a   Degraded      crashed",
    ]


@pytest.mark.parametrize("columns", [90, 110])
def test_terminal_gets_colours_and_lines_that_fit(
    monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    """On a terminal health has a colour, and a long message goes on below itself to its very end,
    unless the table is wide; where it is narrow the columns a name tells are left out."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", str(columns))
    out = Terminal()
    status_printing.applications(FOUND, stream=out)
    assert "\x1b[36mProgressing\x1b[0m" in out.getvalue()
    plain = re.sub(r"\x1b\[\d+m", "", out.getvalue())
    assert ("CATEGORY" in plain) is (columns > 90)
    assert max(map(len, plain.splitlines())) <= columns
    assert MESSAGE not in plain
    column = plain.splitlines()[0].index("MESSAGE")
    parts = [line[column:] for line in plain.splitlines()[1:]]
    assert " ".join(parts).strip() == MESSAGE
    wide = Terminal()
    status_printing.applications(FOUND, Output.WIDE, stream=wide)
    assert MESSAGE in wide.getvalue()


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_colour_can_be_turned_off(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """A user or terminal that wants no colour gets none."""
    monkeypatch.setenv(name, value)
    out = Terminal()
    status_printing.applications(FOUND, stream=out)
    assert "\x1b" not in out.getvalue()
