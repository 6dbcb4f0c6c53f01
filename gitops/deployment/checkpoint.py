"""What does the file of a stack's state hold, and how is a part of it taken out and put back?

Called by the reconciler for a run of some Applications. The engine copies every resource of the
state several times in every run, whatever the run is about: 0.7 ms for each small one, one after
the other. So such a run is given what it is about and what that depends on, as a state of its own.
The resources keep the text they had; nothing that was not in the run is written anew.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from msgspec import Raw, Struct
from msgspec import json as fast  # a state has tens of megabytes, and this is three times as fast

from gitops.errors import HomeOpsError

VERSIONS = (3, 4)
_RESOURCES = b'"resources":['
_COPY_OF_INPUTS = "__inputs"
_PROVIDER = "pulumi:providers:"
_STACK = "pulumi:pulumi:Stack"
_REMEDY = "repair the state with `pulumi stack export` and `pulumi stack import`"


class CheckpointError(HomeOpsError):
    """A state is not of the kind of which a part can be taken out, or be put back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One resource: its URN, those it cannot be without, and its text."""

    urn: str
    needs: tuple[str, ...]
    text: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A state: everything but its resources, and its resources, each after what it needs."""

    frame: Mapping[str, Any]
    entries: Sequence[Entry]

    @property
    def urns(self) -> frozenset[str]:
        """All its resources."""
        return frozenset(each.urn for each in self.entries)

    def content(self) -> bytes:
        """The file."""
        place = {**_latest(self.frame), "resources": []}
        checkpoint = {**self.frame["checkpoint"], "latest": place}
        frame = json.dumps({**self.frame, "checkpoint": checkpoint}, separators=(",", ":"))
        head, mark, tail = frame.encode().rpartition(_RESOURCES + b"]")
        assert mark  # it is the last thing in the file but for brackets
        return head + _RESOURCES + b",".join(each.text for each in self.entries) + b"]" + tail


def read(content: bytes) -> tuple[Checkpoint, dict[str, Any]]:
    """A state, and the same as `pulumi stack export` shows it, but for what nobody asks of objects:
    the provider's copy of their inputs and ``managedFields``, together half of what would be kept.

    Args:
        content: the file of a stack.

    Raises:
        CheckpointError: it is of another kind.
    """
    try:
        start = content.index(_RESOURCES) + len(_RESOURCES)
        entries, resources, end = _entries(content, start)
        frame = json.loads(content[:start] + content[end:])
        latest = _latest(frame)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _other_kind(f"it cannot be read ({error})") from error
    if frame.get("version") not in VERSIONS or latest.get("resources") != []:
        raise _other_kind("its format is another")
    if latest.get("pending_operations") or latest.get("snippets"):
        raise _other_kind("something in it is not finished")
    frame["checkpoint"]["latest"] = {k: each for k, each in latest.items() if k != "resources"}
    deployment = {**latest, "resources": resources}
    return Checkpoint(frame=frame, entries=entries), {"version": 3, "deployment": deployment}


def cut(whole: Checkpoint, urns: Collection[str]) -> Checkpoint:
    """The part of a state that some resources are in, with all they need.

    Args:
        whole: a state.
        urns: the resources; those that are not there are left out.
    """
    needs: dict[str, tuple[str, ...]] = {}
    for each in whole.entries:  # a resource that is to be replaced is there twice
        needs[each.urn] = (*needs.get(each.urn, ()), *each.needs)
    found: set[str] = set()
    waiting = [urn for urn in needs if urn in urns or _is_root(urn)]
    while waiting:
        urn = waiting.pop()
        if urn in needs and urn not in found:
            found.add(urn)
            waiting.extend(needs[urn])
    return Checkpoint(
        frame=whole.frame, entries=[each for each in whole.entries if each.urn in found]
    )


def joined(whole: Checkpoint, part: Collection[str], after: Checkpoint) -> Checkpoint:
    """A state in which what a run has made of a part stands in its place.

    Args:
        whole: the state before the run.
        part: what had been taken out for it.
        after: what the run left of that.

    Raises:
        CheckpointError: the two do not fit together: they are encrypted in different ways, or
            something outside the part needs what the run has removed.
    """
    before, now = _latest(whole.frame), _latest(after.frame)
    if before.get("secrets_providers") != now.get("secrets_providers"):
        raise _other_kind("its secrets are encrypted in another way than the stack's config says")
    # the part needs nothing outside it, so its resources come first
    replaced = after.urns | frozenset(part)
    rest = [each for each in whole.entries if each.urn not in replaced]
    known = after.urns | {each.urn for each in rest}
    for each in rest:
        for needed in each.needs:
            if needed not in known:
                raise _other_kind(f"{each.urn} needs {needed}, which is gone")
    return Checkpoint(frame=_frame(whole.frame, after.frame), entries=[*after.entries, *rest])


def _frame(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    """The newer one, with what resources outside the part need of the older."""
    frame = {**now, "version": max(before["version"], now["version"])}
    if features := {*before.get("features", ()), *now.get("features", ())}:
        frame["features"] = sorted(features)
    latest = {**_latest(before), **_latest(now)}
    if extensions := {**(_of(before, "extensions")), **(_of(now, "extensions"))}:
        latest["extensions"] = extensions
    return {**frame, "checkpoint": {**before["checkpoint"], "latest": latest}}


def _of(frame: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = _latest(frame).get(name) or {}
    return found


class _Latest(Struct):
    resources: list[Raw]


class _Checkpoint(Struct):
    latest: _Latest


class _File(Struct):
    checkpoint: _Checkpoint


def _latest(frame: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = frame["checkpoint"]["latest"]
    return found


def _entries(content: bytes, start: int) -> tuple[list[Entry], list[dict[str, Any]], int]:
    """The resources of a list, and where it ends."""
    raws = fast.decode(content, type=_File).checkpoint.latest.resources
    end = start + sum(map(len, raws)) + max(len(raws) - 1, 0)
    if content[end : end + 1] != b"]" or not content.startswith(b"".join(raws[:1]), start):
        raise ValueError("its resources are not written one after the other")
    resources = [_asked_for(fast.decode(each)) for each in raws]
    entries = [
        Entry(urn=str(each["urn"]), needs=tuple(sorted(_needs(each))), text=bytes(raw))
        for each, raw in zip(resources, raws, strict=True)
    ]
    return entries, resources, end


def _asked_for(resource: dict[str, Any]) -> dict[str, Any]:
    outputs = resource.get("outputs") or {}
    outputs.pop(_COPY_OF_INPUTS, None)
    metadata = outputs.get("metadata")
    if isinstance(metadata, dict):
        metadata.pop("managedFields", None)
    return resource


def _needs(resource: Mapping[str, Any]) -> set[str]:
    """What a resource of the state refers to (apitype.ResourceV3)."""
    found = {resource.get("parent"), resource.get("deletedWith"), resource.get("viewOf")}
    found.add(str(resource.get("provider", "")).rpartition("::")[0])
    found.update(resource.get("dependencies") or (), resource.get("replaceWith") or ())
    for urns in (resource.get("propertyDependencies") or {}).values():
        found.update(urns or ())
    return {str(each) for each in found if each}


def _is_root(urn: str) -> bool:
    """Whether every run needs it: the stack itself, and the providers."""
    if "pulumi:p" not in urn:
        return False
    kind = urn.split("::", 3)[2].rpartition("$")[2]
    return kind == _STACK or kind.startswith(_PROVIDER)


def _other_kind(reason: str) -> CheckpointError:
    return CheckpointError("state", reason, remedy=_REMEDY)
