"""Parts of a run: what is declared, by which URNs, and when everything has to be run instead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from gitops.application_order import application_order
from gitops.application_target import ApplicationTarget
from gitops.config import Settings
from gitops.decision import decide
from gitops.deployment.incremental import Restricted, restrict
from gitops.deployment.inventory import Inventory, from_export
from gitops.deployment.sync_targets import Targets, application_urns, sync_targets
from gitops.errors import RenderError
from gitops.objects.manifest import Manifest
from gitops.prune import PruneAction
from gitops.target import Target
from tests.gitops.objects import SYNC_WAVE, an_object, application, config_map, definition

START = "urn:pulumi:home::home-ops::home-ops:index:ApplicationSet"
BROKEN = RenderError("media/broken", "no such chart", remedy="correct it")
NAMESPACE = an_object("v1", "Namespace", "media")
WIDGET = an_object("example.com/v1", "Widget", "w", namespace="media")


@dataclass
class Stack:
    """A state written by hand, and the Applications in Git."""

    targets: dict[str, ApplicationTarget] = field(default_factory=dict)
    resources: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._add(f"{START}::media", "home-ops:index:ApplicationSet")
        self._add(f"{START}$kubernetes:core/v1:Namespace::media", inputs=NAMESPACE)

    def git(self, name: str, *bodies: Mapping[str, Any], **more: Any) -> None:
        """What Git has of an Application."""
        options = {"CreateNamespace": "true"}
        spec = replace(application(name, sync_options=options), **more)
        manifests = tuple(Manifest.from_body(dict(each)) for each in bodies)
        self.targets[name] = ApplicationTarget(spec=spec, manifests=manifests)

    def state(self, name: str, *bodies: Mapping[str, Any], needs: Sequence[str] = ()) -> None:
        """What the state has of it."""
        kind = "home-ops:index:Application"
        urn = f"{START}${kind}::{name}"
        self._add(urn, kind, parent=f"{START}::media")
        for body in bodies:
            self._add(object_urn(body), inputs=body, parent=urn, dependencies=list(needs))

    def both(self, name: str, *bodies: Mapping[str, Any], needs: Sequence[str] = ()) -> None:
        """The same in Git and in the state."""
        self.git(name, *bodies)
        self.state(name, *bodies, needs=needs)

    def part(self, *names: str) -> tuple[Restricted, Targets]:
        """What is run for some Applications."""
        inventory: Inventory = from_export({"deployment": {"resources": self.resources}})
        targets = tuple(self.targets.values())
        target = Target(applications=targets, order=application_order(targets))
        run = decide(
            Settings(cluster="local"), target, inventory, live=[], owners=None, stack="home"
        )
        restricted = restrict(run, names)
        elsewhere = (
            manifest.key
            for each in targets
            if each.spec.name not in restricted.names
            for manifest in each.manifests
        )
        return restricted, sync_targets(restricted, inventory, elsewhere=elsewhere, stack="home")

    def _add(self, urn: str, kind: str = "kubernetes:x:X", **more: Any) -> None:
        self.resources.append(
            {"urn": urn, "type": kind, "custom": kind.startswith("kubernetes"), **more}
        )


def object_urn(body: Mapping[str, Any]) -> str:
    """The URN of an object of an Application."""
    manifest = Manifest.from_body(dict(body))
    version = manifest.api_version
    module = version if "/" in version else f"core/{version}"
    kind = f"kubernetes:{module}:{manifest.key.kind}"
    return f"{START}$home-ops:index:Application${kind}::{manifest.key.logical_name}"


def in_media(name: str, value: str = "1") -> dict[str, Any]:
    return config_map(name, namespace="media", data={"value": value})


def names_of(targets: Targets) -> set[str]:
    """The last parts of the targets, without the namespace, which matters to one test only."""
    assert not targets.everything
    return {each.rpartition("::")[2] for each in targets.urns} - {"media"}


def test_targets() -> None:
    """Exactly what the Application has, had and is; not its set and its namespace, which others are
    under and depend on."""
    stack = Stack()
    namespace = f"{START}$kubernetes:core/v1:Namespace::media"
    stack.git("one", in_media("new"), in_media("kept", "2"))
    stack.state("one", in_media("kept"), in_media("gone"), needs=[namespace])
    stack.both("two", in_media("other"), needs=[namespace])
    restricted, targets = stack.part("one")
    assert names_of(targets) == {"one", "media/new", "media/kept", "media/gone"}
    assert namespace not in targets.urns
    assert [each.name for each in restricted.part.namespaces] == ["media"]
    decisions = restricted.part.prune.decisions
    assert [(each.object.key.name, each.action) for each in decisions] == [
        ("gone", PruneAction.PRUNE)
    ]


def test_what_others_depend_on() -> None:
    """A definition with objects elsewhere is no target as long as it stays as it is; its change, or
    its going, is a run of everything."""
    for change, everything in ((definition(), ""), (definition(versions=("v1", "v2")), "others")):
        stack = Stack()
        stack.git("kinds", change, in_media("a", "2"))
        stack.state("kinds", definition(), in_media("a"))
        stack.both("user", WIDGET, needs=[object_urn(definition())])
        _, targets = stack.part("kinds")
        assert targets.everything.startswith(everything)
        assert bool(targets.everything) == bool(everything)
        if not everything:  # nor is the Application it stands under
            assert names_of(targets) == {"media/a"}


def test_bystanders() -> None:
    """A namespace or definition of another Application comes along, untouched."""
    stack = Stack()
    stack.both("kinds", definition(), in_media("a"))
    stack.git("user", WIDGET)
    restricted, targets = stack.part("user")
    assert [each.key.kind for each in restricted.part.bystanders] == ["CustomResourceDefinition"]
    assert names_of(targets) == {"user", "media/w"}


def test_moves() -> None:
    """Both ends of a move are one run, also where the former Application is nowhere any more; an
    object that moves to one that is not synced is a run of everything."""
    stack = Stack()
    stack.git("new", in_media("a"))
    stack.state("old", in_media("a"))
    restricted, targets = stack.part("new")
    assert restricted.names == {"new", "old"}
    assert names_of(targets) == {"new", "old", "media/a"}

    stack = Stack()
    stack.git("one", in_media("b", "2"))
    stack.git("two", in_media("a"))
    stack.state("one", in_media("a"), in_media("b"))
    assert "moves to an Application that is not synced" in stack.part("one")[1].everything


def test_nothing_is_deleted_while_one_is_broken() -> None:
    """What is gone may be in the directory that cannot be read: it stays, the Application is synced
    but for that, and one that has left Git is not touched at all."""
    stack = Stack()
    stack.git("one", in_media("a", "2"))
    stack.state("one", in_media("a"), in_media("b"))
    stack.state("left", in_media("c"))
    stack.targets["broken"] = ApplicationTarget(spec=application("broken"), error=BROKEN)
    restricted, targets = stack.part("one", "left", "broken")
    assert restricted.names == {"one"}
    assert set(restricted.left_out) == {"broken"}
    assert set(restricted.waiting) == {"one", "left"}
    assert all("media/broken" in each for each in restricted.waiting.values())
    kept = restricted.part.prune.of(PruneAction.KEEP)
    assert [each.object.key.name for each in kept] == ["b"]
    assert "media/c" not in names_of(targets)


def test_deletions_in_order() -> None:
    """What the program itself deletes of an Application is a target with it, and nobody else's; so
    is what earlier runs remember of Applications that are gone. A run of everything that leaves an
    Application as it is leaves its deletion out; while something is broken there is none."""
    kind, waves = "home-ops:index:Deletion", [in_media("a"), in_media("b")]
    waves[1]["metadata"]["annotations"] = {SYNC_WAVE: "1"}
    stack = Stack()
    for name in ("one", "two"):
        stack.git(name, in_media(f"{name}-stays"))
    stack.state("one", *waves)
    stack.state("two", in_media("c"))
    for name in ("two", "gone"):
        stack.resources.append({"urn": f"urn:pulumi:home::home-ops::{kind}::{name}", "type": kind})
    restricted, targets = stack.part("one")
    assert [each.name for each in restricted.part.deletions] == ["one"]
    found = {each.rpartition("::")[2] for each in targets.urns if f"::{kind}::" in each}
    assert found == {"one", "gone"}
    assert stack.part("two")[0].part.deletions == []
    held = application_urns(stack.targets.values(), Inventory(), ["one"], stack="home")
    assert f"urn:pulumi:home::home-ops::{kind}::one" in held

    stack.targets["broken"] = ApplicationTarget(spec=application("broken"), error=BROKEN)
    assert stack.part("one")[0].part.deletions == []


def test_gates_of_what_is_left_alone() -> None:
    """A run of everything that leaves an Application alone declares none of its gates either: they
    would run its hooks, and stand in the state without their Application."""
    later = in_media("later")
    later["metadata"]["annotations"] = {SYNC_WAVE: "2"}
    stack = Stack()
    stack.git("one", in_media("a"), later)
    stack.git("two", in_media("b"))
    held = application_urns(stack.targets.values(), Inventory(), ["one"], stack="home")
    gates = {each.rpartition("::")[2] for each in held if "$home-ops:index:Wave::" in each}
    assert gates == {"one/PreSync", "one/wave=0", "one/wave=2", "one/PostSync"}
    assert not any("two" in each for each in held)


def test_what_has_moved_from_what_is_left_alone() -> None:
    """A run of everything that leaves an Application alone applies all the same what another has
    got from it, and touches nothing that it has now."""
    stack = Stack()
    stack.git("held", in_media("own"))
    stack.git("other", in_media("moved"))
    stack.state("held", in_media("own"), in_media("moved"), in_media("gone"))
    inventory = from_export({"deployment": {"resources": stack.resources}})
    held = application_urns(stack.targets.values(), inventory, ["held"], stack="home")
    objects = {each.rpartition("::")[2] for each in held if "$kubernetes:" in each}
    assert objects == {"media/own", "media/gone"}


def test_who_waits() -> None:
    """An Application that depends on one that cannot be synced is left as it is; one that depends
    on an Application that is as it should be is declared after that one's last object."""
    stack = Stack()
    stack.both("first", in_media("a"))
    stack.git("second", in_media("b"), depends_on=("first",))
    restricted, _ = stack.part("second")
    assert [each.key.name for each in restricted.part.bystanders] == ["a"]
    assert [key.name for key in restricted.part.standing["first"]] == ["a"]

    stack.targets["first"] = stack.targets["first"].broken(BROKEN)
    restricted, _ = stack.part("first", "second")
    assert restricted.names == frozenset()
    assert "first" in restricted.left_out["second"]
