"""Which objects of a run are looked at for fields their kind does not have; test_schemas.py tries
the fields themselves."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from gitops.application_target import ApplicationTarget
from gitops.deployment.inventory import Inventory
from gitops.objects.known_fields import Schema, refuse_unknown_fields, unknown_fields
from gitops.objects.manifest import Manifest
from gitops.syncing.options import object_options
from tests.gitops.objects import SYNC_OPTIONS, an_object, application, deployed, inventory

TEXT = {"type": "string"}
PARTS = {
    "Thing": {
        "properties": {
            "apiVersion": TEXT,
            "kind": TEXT,
            "metadata": {"allOf": [{"$ref": "#/components/schemas/Metadata"}], "default": {}},
            "data": {"type": "object", "additionalProperties": TEXT},
            "raw": {"type": "object"},
            "open": {"properties": {"a": TEXT}, "x-kubernetes-preserve-unknown-fields": True},
            "same": {"type": "array", "items": {"$ref": "#/components/schemas/Thing"}},
        }
    },
    "Metadata": {
        "properties": {
            "name": TEXT,
            "namespace": TEXT,
            "annotations": {"type": "object", "additionalProperties": TEXT},
        }
    },
}


@dataclass
class Known:
    """A cluster that knows one schema and remembers what it was asked."""

    asked: list[str] = field(default_factory=list)

    def find(self, api_version: str, kind: str) -> Schema | None:
        self.asked.append(f"{api_version} {kind}")
        return None if kind == "Secret" else Schema(root=PARTS["Thing"], parts=PARTS)


def checked(
    body: dict[str, Any], known: Known | None, last: Inventory | None = None
) -> ApplicationTarget:
    """An Application with one object, after the check."""
    manifest = Manifest.from_body(body)
    spec = application()
    target = ApplicationTarget(
        spec=spec,
        manifests=(manifest,),
        own_options={manifest.key: object_options(body, spec.sync_policy)},
    )
    (found,) = refuse_unknown_fields([target], last or Inventory(), known)
    return found


def config_map(**more: Any) -> dict[str, Any]:
    return an_object("v1", "ConfigMap", "settings", namespace="media", **more)


def test_an_unknown_field_breaks_the_application() -> None:
    """Its subject, the object, the field and the remedy are said."""
    found = checked(config_map(dat={"a": "b"}), Known())
    assert str(found.error) == (
        "media/local-media-jellyfin: ConfigMap media/settings has what v1 does not have: dat (did "
        'you mean "data"?); correct it, or set Validate=false to have it left out'
    )
    assert found.manifests == ()


@pytest.mark.parametrize(
    "body",
    [
        config_map(data={"a": "b"}),
        config_map(dat={}, annotations={SYNC_OPTIONS: "Validate=false"}),
        an_object("example.com/v1", "ConfigMap", "custom", namespace="media", dat={}),
        an_object("v1", "Secret", "no-schema", namespace="media", dat={}),
    ],
)
def test_what_is_let_through(body: dict[str, Any]) -> None:
    """Objects without unknown fields, with Validate=false, of custom kinds, without a schema."""
    assert checked(body, Known()).error is None


def test_what_has_not_changed_is_not_looked_at() -> None:
    """No schema is asked for, so a run with nothing to do costs no request; without a cluster
    nothing is refused either."""
    known, body = Known(), config_map(dat={})
    assert checked(body, known, inventory(deployed(body))).error is None
    assert known.asked == []
    other = deployed(config_map(dat={"now": "another"}))
    assert checked(body, known, inventory(replace(other))).error is not None
    assert known.asked == ["v1 ConfigMap"]
    assert checked(body, None).error is None


def test_schemas() -> None:
    """Through references, lists and free maps; what keeps unknown fields, or declares none, takes
    any."""
    body = config_map(
        data={"free": "x"},
        raw={"any": {"thing": 1}},
        open={"b": 1},
        same=[{"data": {}}, {"metadata": {"nam": 1}}, None, {"same": [{"x": 1}]}],
    )
    found = unknown_fields(body, Schema(root=PARTS["Thing"], parts=PARTS))
    assert [each.path for each in found] == ["same[1].metadata.nam", "same[3].same[0].x"]
