"""Who puts the bootstrap and the namespaces right, and when."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from gitops.application import Automated, SyncPolicy
from gitops.application_target import ApplicationTarget
from gitops.comparison import Comparison, ObjectDrift, Why
from gitops.config import BootstrapSettings, Settings
from gitops.errors import RenderError
from gitops.objects.base_objects import BOOTSTRAP, NAMESPACES, base_objects
from gitops.objects.manifest import Manifest, ResourceKey
from gitops.target import Target
from reconciler.passes.base import HEALED, drifted, heals
from tests.gitops.objects import an_object, application

SETTINGS = Settings(cluster="home")
LEFT_ALONE = replace(SETTINGS, bootstrap=BootstrapSettings(sync_policy=SyncPolicy()))


def target(*, self_heal: bool = False, create: bool = True) -> Target:
    spec = application()
    policy = SyncPolicy(
        automated=Automated(self_heal=self_heal),
        sync_options={"CreateNamespace": "true"} if create else {},
    )
    return Target(applications=(ApplicationTarget(spec=replace(spec, sync_policy=policy)),))


def differing(name: str, of: str, why: Why = Why.DIFFERENT) -> list[Comparison]:
    key = ResourceKey(group="", kind="Namespace", namespace="", name=name)
    return [Comparison(application=of, drifts=(ObjectDrift(key=key, api_version="v1", why=why),))]


PLACE = application().destination.namespace


@pytest.mark.parametrize(
    ("base", "settings", "meant", "expected"),
    [
        (differing("home-ops", BOOTSTRAP), SETTINGS, target(), True),
        (differing("home-ops", BOOTSTRAP), LEFT_ALONE, target(), False),
        (differing(PLACE, NAMESPACES), SETTINGS, target(), False),
        (differing(PLACE, NAMESPACES), SETTINGS, target(self_heal=True), True),
        (differing("other", NAMESPACES), SETTINGS, target(self_heal=True), False),
        (differing(PLACE, NAMESPACES, Why.MISSING), SETTINGS, target(self_heal=True), False),
        ([], SETTINGS, target(self_heal=True), False),
    ],
)
def test_who_heals(
    base: list[Comparison], settings: Settings, meant: Target, *, expected: bool
) -> None:
    """The bootstrap's policy decides about its objects, selfHeal of an Application about its
    namespace; a namespace that is missing comes with what is missing in it."""
    assert heals(base, settings, meant, {}) is expected


def test_two_do_not_fight() -> None:
    """What differs again soon after it was put right waits, and then is put right again."""
    base = differing("home-ops", BOOTSTRAP)
    for minutes, expected in ((1, False), (11, True)):
        last = datetime.now(UTC) - timedelta(minutes=minutes)
        memory = {HEALED: last.isoformat(timespec="seconds")}
        assert heals(base, SETTINGS, target(), memory) is expected
    assert drifted(base) == {base[0].drifts[0].key}


def test_which_objects() -> None:
    """The bootstrap's, and the namespaces that CreateNamespace makes: not those that Applications
    render, and none of a broken Application."""
    found = base_objects(SETTINGS, target(), stack="home")
    assert "home-ops" in {m.key.name for m in found[BOOTSTRAP] if m.key.kind == "Namespace"}
    assert [each.key.name for each in found[NAMESPACES]] == [PLACE]
    (own,) = target().applications
    rendering = replace(own, manifests=(Manifest.from_body(an_object("v1", "Namespace", PLACE)),))
    broken = own.broken(RenderError("media/a", "is broken", remedy="repair it"))
    for other in (target(create=False), Target(applications=(rendering,)),
                  Target(applications=(broken,))):  # fmt: skip
        assert base_objects(SETTINGS, other, stack="home")[NAMESPACES] == []
