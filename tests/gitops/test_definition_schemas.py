"""Definitions are kept with their schemas folded, and are the same once unfolded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitops.application_target import ApplicationTarget
from gitops.objects import manifest as module
from gitops.objects.definition_schemas import without_schemas
from gitops.objects.manifest import Manifest
from gitops.rendering.cache import RenderCache
from tests.gitops.objects import application

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=8,
)
VERSIONS = st.lists(
    VALUES | st.fixed_dictionaries({"name": st.text(max_size=3)}, optional={"schema": VALUES}),
    max_size=4,
)


def definition(versions: Any) -> dict[str, Any]:
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.example.org"},
        "spec": {"group": "example.org", "versions": versions},
    }


def version(name: str, **fields: Any) -> dict[str, Any]:
    properties = {key: {"type": kind} for key, kind in fields.items()}
    schema = {"openAPIV3Schema": {"type": "object", "properties": properties}}
    return {"name": name, "served": True, "schema": schema}


@given(VERSIONS | VALUES)
def test_nothing_is_lost(versions: Any) -> None:
    """Whatever stands where versions and schemas should be, well formed or not."""
    body = definition(versions)
    before = json.dumps(body)
    folded = Manifest.from_body(body).folded()
    assert folded.body == body
    assert folded.folded() == folded
    assert json.dumps(body) == before


def test_other_objects_stay_as_they_are() -> None:
    """Only definitions have schemas of this kind."""
    body = {"apiVersion": "v1", "kind": "ConfigMap", "spec": {"versions": [version("v1")]}}
    assert without_schemas(body) == (body, None)


def test_what_is_the_same_is_the_same() -> None:
    """The order of keys says nothing; any other difference of a schema tells two apart."""
    one = Manifest.from_body(definition([version("v1", a="string", b="integer")])).folded()
    same = Manifest.from_body(definition([version("v1", b="integer", a="string")])).folded()
    other = Manifest.from_body(definition([version("v1", a="string", b="string")])).folded()
    assert one == same
    assert one.identity == same.identity
    assert one != other
    assert one.identity != other.identity
    assert one.outline == other.outline


def test_nobody_unfolds_what_has_not_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the render cache to the digest of an Application; both are as if nothing were folded."""
    rendered = [Manifest.from_body(definition([version("v1", a="string"), version("v2")]))]
    cache = RenderCache(tmp_path)
    cache.put("d", rendered)

    def refuse(*_: object) -> None:
        raise AssertionError("unfolded")

    with monkeypatch.context() as patched:
        patched.setattr(module, "with_schemas", refuse)
        found = cache.get("d")
        assert found is not None
        assert found[0].schemas is not None
        target = ApplicationTarget(spec=application(), manifests=tuple(found))
        digest = target.digest
    assert [each.body for each in found] == [each.body for each in rendered]
    fresh = tuple(each.folded() for each in rendered)
    assert digest == ApplicationTarget(spec=application(), manifests=fresh).digest
