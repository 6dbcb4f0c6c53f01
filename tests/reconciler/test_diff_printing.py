"""What people and programs read of differences; never a Secret's values."""

from __future__ import annotations

import io
import json

from gitops.comparison import Comparison, ObjectDrift, Why
from gitops.diff import Difference, compare
from gitops.errors import RenderError
from gitops.objects.manifest import ResourceKey
from reconciler.printing.differences import drift_table, object_lines, printed, shown
from reconciler.printing.status import Output
from tests.gitops.objects import config_map

KEY = ResourceKey(group="", kind="ConfigMap", namespace="media", name="settings")


def drift(*differences: Difference, why: Why = Why.DIFFERENT) -> ObjectDrift:
    return ObjectDrift(key=KEY, api_version="v1", why=why, differences=differences)


def difference(path: str, target: object, live: object, manager: str = "eve") -> Difference:
    return Difference(path=path, target=target, live=live, manager=manager)


def test_fields() -> None:
    """Each field has its path, who wrote the live value, and both values as YAML writes them: - is
    live, + the target."""
    found = drift(
        difference("data.a", "1", "by hand"),
        difference("spec.replicas", 1, None, manager=""),
        difference("spec.ports", None, [{"port": 80}]),
    )
    assert list(object_lines(found, None)) == [
        "===== ConfigMap media/settings =====",
        "@@ data.a @@ by eve",
        "-by hand",
        "+'1'",
        "@@ spec.replicas @@",
        "+1",
        "@@ spec.ports @@ by eve",
        "-- port: 80",
        "",
    ]


def test_texts_of_many_lines() -> None:
    """Of a long text the lines that differ are shown, with two around them."""
    lines = [str(number) for number in range(9)]
    live = "\n".join([*lines[:4], "by hand", *lines[5:]])
    found = drift(difference("data.script", "\n".join(lines), live))
    assert list(object_lines(found, None))[2:] == [
        *(" 2", " 3", "-by hand", "+4", " 5", " 6"),
        "",
    ]


def test_missing_and_extraneous() -> None:
    """What is not in the cluster is shown whole, what is no longer in Git by its name."""
    missing = list(object_lines(drift(why=Why.MISSING), config_map("settings")))
    assert missing == [
        "===== ConfigMap media/settings: not in the cluster =====",
        "+apiVersion: v1",
        "+kind: ConfigMap",
        "+metadata:",
        "+  name: settings",
        "",
    ]
    assert list(object_lines(drift(why=Why.EXTRANEOUS), None)) == [
        "===== ConfigMap media/settings: no longer in Git =====",
        "",
    ]


def test_secrets_are_never_shown() -> None:
    """Neither the fields of one that differs nor one that is missing shows a value."""
    target = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "s"},
        "stringData": {"password": "in-git"},
    }
    live = {**target, "stringData": None, "data": {"password": "bGl2ZQ=="}}
    found = ObjectDrift(
        key=ResourceKey(group="", kind="Secret", namespace="media", name="s"),
        api_version="v1",
        why=Why.DIFFERENT,
        differences=tuple(compare(target, live)),
    )
    assert found.differences
    out = io.StringIO()
    rows = [("media/a", Comparison(application="media-a", drifts=(found,)))]
    drift_table(rows, wide=True, stream=out)
    printed([("media-a", *rows[0])], Output.JSON, stream=out)
    told = "\n".join([out.getvalue(), *object_lines(found, target)])
    told += "\n".join(object_lines(drift(why=Why.MISSING), target))
    assert "(hidden)" in told
    for value in ("in-git", "aW4tZ2l0", "bGl2ZQ"):
        assert value not in told
    assert shown(target)["stringData"] == {"password": "(hidden)"}
    assert target["stringData"] == {"password": "in-git"}


def test_table() -> None:
    """One line for each field that differs; values are cut but in the wide form; nothing at all
    where nothing differs."""
    long = "x" * 50
    found = Comparison(
        application="home-a",
        drifts=(drift(difference("data.a", "1", long)), drift(why=Why.MISSING)),
    )
    out, wide, nothing = io.StringIO(), io.StringIO(), io.StringIO()
    drift_table([("media/a", found)], stream=out)
    header, first, second = (line.split() for line in out.getvalue().splitlines())
    assert header == ["APPLICATION", "OBJECT", "WHY", "FIELD", "TARGET", "LIVE", "MANAGER"]
    assert first[3:] == ["Different", "data.a", "1", f"{'x' * 37}...", "eve"]
    assert second[3:] == ["Missing", "-", "-", "-", "-"]
    drift_table([("media/a", found)], wide=True, stream=wide)
    assert long in wide.getvalue()
    drift_table([("media/a", Comparison(application="home-a"))], stream=nothing)
    assert nothing.getvalue() == ""


def test_data() -> None:
    """Programs get every value whole and as it is, and the error of what cannot be compared."""
    error = RenderError("media/b", "is broken", remedy="repair it")
    rows = [
        ("home-a", "media/a", Comparison(application="home-a", drifts=(drift(
            difference("spec.replicas", 1, {"a": [2]})),))),
        ("home-b", "media/b", Comparison(application="home-b", error=error)),
    ]  # fmt: skip
    out = io.StringIO()
    printed(rows, Output.JSON, stream=out)
    first, second = json.loads(out.getvalue())
    assert first["sync"] == {"status": "OutOfSync"}
    assert first["objects"] == [
        {
            "group": "",
            "version": "v1",
            "kind": "ConfigMap",
            "namespace": "media",
            "name": "settings",
            "why": "Different",
            "differences": [
                {"path": "spec.replicas", "target": 1, "live": {"a": [2]}, "manager": "eve"}
            ],
        }
    ]
    assert (second["sync"]["status"], second["error"]) == ("Unknown", str(error))
