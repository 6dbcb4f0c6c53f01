from __future__ import annotations

import pytest

from reconciler.engine.events import (
    Changes,
    Diagnostic,
    Outcome,
    Severity,
    Step,
    application_of,
    changes_by_application,
    readable,
    total,
)

STACK = "urn:pulumi:local::home-ops::pulumi:pulumi:Stack::home-ops-local"
SET = "urn:pulumi:local::home-ops::home-ops:index:ApplicationSet::media"
TYPES = "home-ops:index:ApplicationSet$home-ops:index:Application"
JELLYFIN = f"urn:pulumi:local::home-ops::{TYPES}::media-jellyfin"


def config_map(name: str, operation: str, *, parent: str = JELLYFIN, failed: bool = False) -> Step:
    kind = "kubernetes:core/v1:ConfigMap"
    urn = f"urn:pulumi:local::home-ops::{TYPES}${kind}::media/{name}"
    return Step(urn=urn, operation=operation, parent=parent, ended=not failed, failed=failed)


def component(urn: str, parent: str) -> Step:
    return Step(urn=urn, operation="same", parent=parent, custom=False)


def test_parts_of_a_urn_are_read() -> None:
    """Type and name are the resource's own; a name may hold what separates the parts."""
    step = config_map("a::b$c", "create")
    assert step.type == "kubernetes:core/v1:ConfigMap"
    assert step.name == "media/a::b$c"


@pytest.mark.parametrize(
    ("operations", "outcome"),
    [
        (["create"], Outcome.CREATED),
        (["update"], Outcome.UPDATED),
        (["delete"], Outcome.DELETED),
        (["same"], Outcome.UNCHANGED),
        (["create-replacement", "replace", "delete-replaced"], Outcome.REPLACED),
        (["delete-replaced", "replace", "create-replacement"], Outcome.REPLACED),
        (["read"], None),
    ],
)
def test_operations_of_one_object_are_one_outcome(
    operations: list[str], outcome: Outcome | None
) -> None:
    """However many steps an object takes, it counts once."""
    steps = [config_map("a", operation) for operation in operations]
    counted = changes_by_application(steps)
    assert counted == ({"media-jellyfin": Changes(counts={outcome: 1})} if outcome else {})


def test_failed_object_is_no_change() -> None:
    """An object that failed is counted as failed, whatever was begun."""
    begun = Step(urn=config_map("a", "update").urn, operation="update", ended=False)
    changes = changes_by_application([begun, config_map("a", "update", failed=True)])
    only = changes.popitem()[1]
    assert only.counts == {Outcome.FAILED: 1}
    assert only.changed == 0
    assert str(only) == "1 failed"


def test_components_and_providers_are_no_objects() -> None:
    """Only objects are counted, not the tree they hang in."""
    provider = "urn:pulumi:local::home-ops::pulumi:providers:kubernetes::cluster"
    steps = [
        component(STACK, ""),
        component(JELLYFIN, SET),
        Step(urn=provider, operation="create"),
    ]
    assert changes_by_application(steps) == {}


def test_object_below_another_component_belongs_to_the_application() -> None:
    """A component within an Application does not hide it; other objects have no Application."""
    wave = f"urn:pulumi:local::home-ops::{TYPES}$home-ops:index:Wave::media-jellyfin/1"
    steps = [
        config_map("a", "create", parent=wave),
        component(wave, JELLYFIN),
        config_map("b", "create", parent=SET),
        component(SET, STACK),
    ]
    counted = changes_by_application(steps)
    assert {name: each[Outcome.CREATED] for name, each in counted.items()} == {
        "media-jellyfin": 1,
        "": 1,
    }
    assert application_of("no urn at all", {}) == ""


def test_changes_read_as_a_sentence() -> None:
    """A sum of changes names what happened, in one order, and says so when nothing did."""
    one = Changes(counts={Outcome.DELETED: 1, Outcome.CREATED: 2, Outcome.UNCHANGED: 9})
    two = Changes(counts={Outcome.CREATED: 1})
    assert str(total([one, two])) == "3 created, 1 deleted"
    assert str(total([])) == "nothing changed"


def message(text: str, *, severity: Severity = Severity.ERROR, urn: str = "") -> Diagnostic:
    return Diagnostic(severity=severity, message=text, urn=urn)


def test_message_about_an_object_names_application_and_object() -> None:
    """The provider's URN becomes what a person calls the object."""
    step = config_map("a", "create", failed=True)
    text = f'resource "{step.urn}" was not successfully created by the API server: no\n'
    told = readable([message(text, urn=step.urn)], {step.urn: JELLYFIN})
    assert [each.message for each in told] == [
        "media-jellyfin: ConfigMap media/a: not successfully created by the API server: no"
    ]


def test_same_message_is_told_once_and_noise_never() -> None:
    """Repetitions, empty messages and what is said on every run are left out."""
    noise = message(
        "using pulumi-language-python from $PATH at /a expected /b", severity=Severity.WARNING
    )
    told = readable([noise, message("one"), message("one\n"), message("  ")], {})
    assert [each.message for each in told] == ["one"]


def test_consequence_is_told_only_without_its_cause() -> None:
    """ "Update failed" helps nobody who reads why; alone it is better than silence."""
    consequence = message("an unhandled error occurred: program exited with non-zero exit code: 1")
    assert readable([consequence, message("why")], {}) == (message("why"),)
    assert readable([consequence], {}) == (consequence,)
