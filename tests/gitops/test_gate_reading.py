"""What the prune gate says of an Application can be read back from a run's messages."""

from __future__ import annotations

from gitops.gate.judge import GateStop
from gitops.gate.reading import stopped_in
from gitops.gate.rules import GateReason, Move
from gitops.objects.manifest import ResourceKey

TOKEN = "prune-0123456789abcdef"


def keys(*names: str) -> tuple[ResourceKey, ...]:
    return tuple(
        ResourceKey(group="", kind="ConfigMap", namespace="media", name=each) for each in names
    )


def stop(application: str, *names: str, moves: tuple[Move, ...] = ()) -> str:
    return str(
        GateStop(
            application=application,
            reasons={GateReason.STATEFUL: "data would go with ConfigMap media/a"},
            objects=keys(*names),
            moves=moves,
            confirm=TOKEN,
        )
    )


def test_what_was_stopped_is_read_back() -> None:
    """Subject, objects and token; what moves with its new place; each once, and nothing else."""
    (source, destination) = keys("a", "b")
    moving = stop("", "a", moves=(Move(source=source, destination=destination),))
    together = f"the prune gate: {TOKEN} confirms all of local-media-jellyfin, bootstrap"
    one = stop("local-media-jellyfin", "a", "b")
    found = stopped_in([one, "media/x: nothing of the kind", together, moving, f"\n{one}\n"])
    assert [str(each) for each in found] == [
        "local-media-jellyfin: stopped by the prune gate, which keeps ConfigMap media/a, "
        f"ConfigMap media/b; put back into Git, or `gitops up --confirm {TOKEN}`",
        "bootstrap: stopped by the prune gate, which keeps ConfigMap media/a -> media/b; "
        f"put back into Git, or `gitops up --confirm {TOKEN}`",
    ]


def test_many_objects_are_counted() -> None:
    """The line stays a line; the message above it has them all."""
    (found,) = stopped_in([stop("one", "a", "b", "c", "d", "e")])
    assert len(found.objects) == 5
    assert "keeps ConfigMap media/a, ConfigMap media/b, ConfigMap media/c, 2 more;" in str(found)
