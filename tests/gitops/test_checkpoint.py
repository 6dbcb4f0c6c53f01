"""A part of a state is taken out and put back without the rest being touched."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gitops.deployment.checkpoint import Checkpoint, CheckpointError, cut, joined, read

STACK = "urn:pulumi:s::home-ops::pulumi:pulumi:Stack::home-ops-s"
PROVIDER = "urn:pulumi:s::home-ops::pulumi:providers:kubernetes::s"
SALT = {"type": "passphrase", "state": {"salt": "v1:made-up"}}


def urn(name: str) -> str:
    return f"urn:pulumi:s::home-ops::kubernetes:core/v1:ConfigMap::{name}"


def resource(name: str, **fields: Any) -> dict[str, Any]:
    return {"urn": urn(name), "type": "kubernetes:core/v1:ConfigMap", "parent": STACK, **fields}


def state(
    *resources: dict[str, Any], version: int = 3, outer: Any = None, **latest: Any
) -> Checkpoint:
    return read(file(*resources, version=version, outer=outer, **latest))[0]


def file(*resources: dict[str, Any], version: int = 3, outer: Any = None, **latest: Any) -> bytes:
    roots = [
        {"urn": STACK, "type": "pulumi:pulumi:Stack"},
        {"urn": PROVIDER, "type": "pulumi:providers:kubernetes", "id": "1"},
    ]
    found = {
        "manifest": {"time": "then"},
        "secrets_providers": SALT,
        "resources": [*roots, *resources],
        "metadata": {},
        **latest,
    }
    content = {"version": version, **(outer or {}), "checkpoint": {"stack": "s", "latest": found}}
    return json.dumps(content, separators=(",", ":")).encode()


def names(checkpoint: Checkpoint) -> list[str]:
    return [each.urn.rpartition("::")[2] for each in checkpoint.entries]


def test_reading_changes_nothing() -> None:
    """Resources keep their very text, also where JSON has several for the same value."""
    text = file(resource("a", inputs={"n": 1.0, "s": "é"})).replace(b"1.0", b"1.00e0")
    checkpoint, export = read(text)
    assert read(checkpoint.content())[0] == checkpoint
    assert b'"n":1.00e0' in checkpoint.content()
    assert export["deployment"]["secrets_providers"] == SALT
    assert [each["urn"] for each in export["deployment"]["resources"]][2:] == [urn("a")]


def test_a_part_holds_all_it_needs() -> None:
    """With a resource come its parent, what it depends on in any way, and that in turn; the stack
    and the providers are in every part."""
    whole = state(
        resource("namespace"),
        resource("definition", dependencies=[urn("namespace")]),
        resource("other"),
        resource("by-property"),
        resource(
            "wanted",
            parent=urn("definition"),
            provider=f"{PROVIDER}::1",
            propertyDependencies={"spec": [urn("by-property")]},
        ),
        resource("user", dependencies=[urn("wanted")]),
    )
    part = cut(whole, {urn("wanted"), urn("not-there")})
    assert names(part) == [
        "home-ops-s", "s", "namespace", "definition", "by-property", "wanted",
    ]  # fmt: skip
    assert names(cut(whole, ())) == ["home-ops-s", "s"]


def test_what_a_run_has_made_takes_the_place_of_the_part() -> None:
    """Changed, new and removed resources of the part; all others keep their text and stay after
    what they need."""
    whole = state(
        resource("needed"),
        resource("gone", inputs={"n": 1}),
        resource("rest", dependencies=[urn("needed")], inputs={"big": 1e21}),
    )
    part = cut(whole, {urn("gone"), urn("needed")})
    after = state(resource("needed", id="2"), resource("new"), manifest={"time": "now"})
    result = joined(whole, part.urns, after)
    assert names(result) == ["home-ops-s", "s", "needed", "new", "rest"]
    assert result.entries[-1] == whole.entries[-1]
    _, export = read(result.content())
    assert export["deployment"]["manifest"] == {"time": "now"}


def test_what_does_not_fit_together_is_refused() -> None:
    """A rest that needs what is gone, and secrets encrypted in two ways."""
    whole = state(resource("gone"), resource("user", dependencies=[urn("gone")]))
    part = cut(whole, {urn("gone")})
    with pytest.raises(CheckpointError, match=r"user needs .*gone"):
        joined(whole, part.urns, state())
    with pytest.raises(CheckpointError, match="encrypted in another way"):
        joined(state(), (), state(secrets_providers={"type": "cloud"}))


def test_what_the_rest_needs_of_the_format_stays() -> None:
    """The rest may use features of the format that the part does not."""
    whole = state(resource("rest"), version=4, outer={"features": ["hooks"]})
    result, _ = read(joined(whole, cut(whole, ()).urns, state()).content())
    assert (result.frame["version"], result.frame["features"]) == (4, ["hooks"])


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b'{"version":3,"checkpoint":{"stack":"s"}}',
        file(version=2),
        file(resource("a"), pending_operations=[{"type": "creating"}]),
        file(resource("a")).replace(b'"resources":[', b'"resources": ['),
        file(config={"resources": [1]}),
        file(resource("a"))[:-9],
    ],
)
def test_other_states_are_left_to_the_engine(content: bytes) -> None:
    """No state, an older or damaged one, and one of a run that has not ended."""
    if content == file(config={"resources": [1]}):
        content = content.replace(b'"manifest"', b'"config":{"resources":[1]},"manifest"')
    with pytest.raises(CheckpointError):
        read(content)
