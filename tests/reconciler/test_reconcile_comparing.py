"""An Application that was found to be what Git says is compared again only where it may differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from cluster.connection import Connection
from cluster.discovery import ClusterFacts
from gitops.application_target import ApplicationTarget
from gitops.comparison import Comparison, ObjectDrift, Why, compare_object
from gitops.ignoring.rules import IgnoreRule
from gitops.impersonation import ServiceAccount
from gitops.objects.manifest import Manifest
from gitops.objects.orphans import LiveObject
from gitops.objects.ownership import Ownership, marked
from gitops.records.record import ApplicationRecord
from gitops.target import Target
from gitops.versions import ClusterVersions
from reconciler.passes import comparing
from reconciler.passes.comparing import Compared, Comparing
from reconciler.passes.equal import FoundEqual
from reconciler.passes.reading import LiveState
from tests.gitops.objects import application, config_map, key_of

APP = application()
NOBODY = cast("Connection", None)  # nothing is asked of it here
FACTS = ClusterFacts(versions=ClusterVersions("1.36.3"), resources=())


def own(name: str, value: str, version: str = "") -> dict[str, Any]:
    """An object of the Application, as Git has it, or as a version of it in the cluster."""
    body = config_map(name, namespace="media", data={"key": value})
    made = marked(body, key_of(body), Ownership(application=APP.name, stack="local"))
    if version:
        made["metadata"] |= {"uid": name, "resourceVersion": version}
    return made


class Stack:
    """One Application and what was found of it, in passes of several processes."""

    def __init__(self, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.file = file
        self.compared: list[str] = []
        monkeypatch.setattr(comparing, "compare_object", self._compare)

    def compare(
        self,
        target: str,
        *live: dict[str, Any],
        system: tuple[IgnoreRule, ...] = (),
        records: Mapping[str, ApplicationRecord] | None = None,
        account: ServiceAccount | None = None,
    ) -> Compared:
        """Compare it with what a new process finds."""
        self.compared = []
        manifest = Manifest.from_body(own("settings", target))
        objects = [LiveObject.from_body(each) for each in live]
        return Comparing(
            connection=NOBODY,
            facts=FACTS,
            target=Target(
                applications=(ApplicationTarget(spec=APP, manifests=(manifest,), account=account),)
            ),
            live=LiveState(
                objects={each.key: each.body for each in objects}, owned=objects, statuses={}
            ),
            records=records or {},
            system=system,
            stack="local",
            before=FoundEqual(file=self.file, program="program"),
        ).compare()

    def _compare(self, manifest: Manifest, live: Any, rules: Any) -> ObjectDrift | None:
        self.compared.append(manifest.key.name)
        return compare_object(manifest, live, rules)


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stack:
    return Stack(tmp_path / "stack.json", monkeypatch)


def found(compared: Compared) -> list[tuple[str, Why]]:
    """What differs."""
    comparison: Comparison = compared.comparisons[APP.name]
    assert comparison.error is None
    return [(each.key.name, each.why) for each in comparison.drifts]


def test_what_is_equal_is_compared_once(stack: Stack) -> None:
    """The second comparison looks at no field, and says what the first has said."""
    live = own("settings", "1", "1")
    assert found(stack.compare("1", live)) == []
    assert stack.compared == ["settings"]
    assert found(stack.compare("1", live)) == []
    assert stack.compared == []


def test_a_change_of_either_side_or_of_the_rules_is_compared(stack: Stack) -> None:
    """Git, the cluster and the rules each make it look again, and what differs is never taken for
    equal."""
    assert found(stack.compare("1", own("settings", "1", "1"))) == []
    for _ in range(2):
        assert found(stack.compare("1", own("settings", "2", "2"))) == [("settings", Why.DIFFERENT)]
        assert found(stack.compare("2", own("settings", "1", "1"))) == [("settings", Why.DIFFERENT)]
    rule = IgnoreRule(kind="ConfigMap", json_pointers=("/data/key",))
    assert found(stack.compare("1", own("settings", "2", "2"), system=(rule,))) == []
    assert found(stack.compare("1", own("settings", "2", "2"))) == [("settings", Why.DIFFERENT)]


def test_another_account_is_asked_anew(stack: Stack) -> None:
    """What the API server lets one account do says nothing of another."""
    account = ServiceAccount(namespace="media", name="deployer")
    live = own("settings", "1", "1")
    for who in (None, account, replace(account, name="other")):
        stack.compare("1", live, account=who)
        assert stack.compared == ["settings"]
        stack.compare("1", live, account=who)
        assert stack.compared == []


def test_what_is_missing_or_too_much_is_always_seen(stack: Stack) -> None:
    """Objects beside what Git has, and those that are gone, are found whatever was equal before;
    the former do not make the others be compared again."""
    live, more = own("settings", "1", "1"), own("more", "1", "1")
    assert found(stack.compare("1", live, more)) == [("more", Why.EXTRANEOUS)]
    assert found(stack.compare("1", live, more)) == [("more", Why.EXTRANEOUS)]
    assert stack.compared == []
    assert found(stack.compare("1")) == [("settings", Why.MISSING)]
    assert found(stack.compare("1", live)) == []


def test_what_is_remembered_of_objects_stays(stack: Stack) -> None:
    """The answers of the API server that a record holds are kept while nothing changes, but for
    objects that Git no longer has."""
    key = Manifest.from_body(own("settings", "1")).key
    equal = {str(key): "an answer", str(replace(key, name="gone")): "an old one"}
    record = ApplicationRecord(name=APP.name, equal=equal)
    live = own("settings", "1", "1")
    stack.compare("1", live)
    again = stack.compare("1", live, records={APP.name: record})
    assert stack.compared == []
    assert again.equal == {APP.name: {str(key): "an answer"}}
