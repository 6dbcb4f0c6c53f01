"""What the cluster does not show is found in the state, and only looked for in case of doubt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from gitops.application_target import ApplicationTarget
from gitops.comparison import Comparison, ObjectDrift, Why
from gitops.deployment.inventory import Inventory, InventoryObject
from gitops.errors import HomeOpsError
from gitops.objects.manifest import Manifest
from gitops.records.record import ApplicationRecord, SyncStatus
from reconciler.passes.deciding import Known
from reconciler.passes.unseen import find_unseen, with_unseen
from tests.e2e.objects import definition
from tests.gitops.objects import application, config_map

SPEC = application()
KIND = definition("x.example", "Widget")
NOW = tuple(map(Manifest.from_body, (config_map(), KIND)))
TARGET = ApplicationTarget(spec=SPEC, manifests=NOW, inputs="")
SYNCED = Comparison(application=SPEC.name)


def known(**changes: object) -> Known:
    record = ApplicationRecord(name=SPEC.name, digest="another")
    made = Known(name=SPEC.name, comparison=SYNCED, target=TARGET, record=record)
    return replace(made, **changes)  # type: ignore[arg-type]  # a test's keywords


def state(*bodies: dict[str, object]) -> Callable[[], Inventory]:
    manifests = map(Manifest.from_body, bodies)
    objects = {m.key: InventoryObject(key=m.key, urn="urn", body=m.body) for m in manifests}
    return lambda: Inventory(objects=objects)


def never() -> Inventory:
    raise AssertionError("nobody has to read it")


def refused() -> Inventory:
    raise HomeOpsError("stack home", "its state is damaged", remedy="repair it")


def test_the_state_knows_what_git_has_given_up() -> None:
    """An object that was applied otherwise than Git has it now differs, in whichever state it is;
    what is as it was applied, or in no state, does not."""
    labels = {**KIND["metadata"], "labels": {"changed": "yes"}}
    before = {**KIND, "metadata": labels}
    found, unseen = find_unseen({SPEC.name: known()}, state(config_map()), state(before))
    assert [(each.key.kind, each.why) for each in found[SPEC.name].comparison.drifts] == [
        (KIND["kind"], Why.DIFFERENT)
    ]
    assert found[SPEC.name].comparison.status is SyncStatus.OUT_OF_SYNC
    assert unseen == {SPEC.name: found[SPEC.name].comparison.drifts}
    for states in ((state(config_map(), KIND), None), (state(), state(KIND))):
        assert find_unseen({SPEC.name: known()}, *states) == ({SPEC.name: known()}, {})


def test_only_where_there_is_doubt() -> None:
    """The state is not read for an Application whose content is what was synced last, nor where it
    differs anyway and has no definitions apart; where it has to be and cannot be, nobody knows how
    the Application is."""
    drift = ObjectDrift(key=NOW[0].key, api_version="v1", why=Why.MISSING)
    differs = Comparison(application=SPEC.name, drifts=(drift,))
    synced = ApplicationRecord(name=SPEC.name, digest=TARGET.digest)
    for each in (
        known(record=synced),
        known(record=None),
        known(target=None),
        known(varies=True),
    ):
        assert find_unseen({SPEC.name: each}, never, never) == ({SPEC.name: each}, {})
    assert find_unseen({SPEC.name: known(comparison=differs)}, never, None)[1] == {}
    found, unseen = find_unseen({SPEC.name: known()}, refused, None)
    assert (found[SPEC.name].comparison.status, unseen) == (SyncStatus.UNKNOWN, {})
    assert "damaged" in str(found[SPEC.name].comparison.error)


def test_it_stays_until_it_is_applied() -> None:
    """After a sync that has not applied it, it differs as before, whatever the cluster shows."""
    drifts = (ObjectDrift(key=NOW[1].key, api_version="v1", why=Why.DIFFERENT),)
    again = with_unseen({SPEC.name: known()}, {SPEC.name: drifts})
    assert again[SPEC.name].comparison.drifts == drifts
    assert with_unseen({SPEC.name: known()}, {}) == {SPEC.name: known()}
    differs = known(comparison=replace(SYNCED, drifts=drifts))
    assert with_unseen({SPEC.name: differs}, {SPEC.name: drifts}) == {SPEC.name: differs}


def test_definitions_apart() -> None:
    """Of an Application that differs in something else, the definitions that are in a stack of
    their own are looked at all the same: nothing else would have that stack run."""
    labels = {**KIND["metadata"], "labels": {"changed": "yes"}}
    drift = ObjectDrift(key=NOW[0].key, api_version="v1", why=Why.DIFFERENT)
    differs = known(comparison=replace(SYNCED, drifts=(drift,)))
    states = state(config_map()), state({**KIND, "metadata": labels})
    found, unseen = find_unseen({SPEC.name: differs}, *states)
    assert [each.key for each in unseen[SPEC.name]] == [NOW[1].key]
    assert {each.key for each in found[SPEC.name].comparison.drifts} == {NOW[0].key, NOW[1].key}
