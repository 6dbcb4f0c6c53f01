"""The rules by which the supervisor acts, tried without a control plane."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.controlplane.client import claim, volume
from toolchain.controlplane import credentials
from toolchain.controlplane.addresses import wanted_address
from toolchain.controlplane.layout import Layout
from toolchain.controlplane.namespaces import waits_for
from toolchain.controlplane.quantities import parse
from toolchain.controlplane.volumes import could_bind, wants_volume


def a_claim(**spec: Any) -> dict[str, Any]:
    metadata = {"namespace": "media", "name": "data", "uid": "1"}
    return {"metadata": metadata, "spec": {**claim("fast"), **spec}}


def a_volume(**spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": "v"}, "spec": {**volume("fast"), **spec}}


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1", "1"),
        ("10Gi", "10737418240"),
        ("0.5Ti", "549755813888"),
        ("500M", "500000000"),
        ("100m", "0.1"),
        ("1e3", "1000"),
        ("12E", "12000000000000000000"),
    ],
)
def test_quantity(text: str, number: str) -> None:
    """A quantity is the number the Kubernetes documentation says it is."""
    assert parse(text) == Decimal(number)


def test_no_quantity() -> None:
    """What is no quantity is refused."""
    with pytest.raises(ValueError, match="no quantity"):
        parse("much")


@pytest.mark.parametrize(
    ("spec", "wanted"),
    [
        ({}, True),
        ({"storageClassName": ""}, False),
        ({"volumeName": "v"}, False),
        ({"selector": {"matchLabels": {"a": "b"}}}, False),
    ],
)
def test_claim_that_names_its_volume_gets_none(spec: dict[str, Any], *, wanted: bool) -> None:
    """A claim that asks for a volume of its choice is not provisioned for."""
    assert wants_volume(a_claim(**spec)) is wanted


def reserved(**who: str) -> dict[str, Any]:
    return {"claimRef": {"namespace": "media", "name": "data", **who}}


@pytest.mark.parametrize(
    ("spec", "binds"),
    [
        ({}, True),
        ({"storageClassName": "slow"}, False),
        ({"capacity": {"storage": "512Mi"}}, False),
        ({"accessModes": ["ReadOnlyMany"]}, False),
        ({"accessModes": ["ReadOnlyMany", "ReadWriteOnce"]}, True),
        ({"volumeMode": "Block"}, False),
        (reserved(), True),
        (reserved(uid="1"), True),
        (reserved(uid="2"), False),
        (reserved(name="other"), False),
    ],
)
def test_which_volume_could_bind(spec: dict[str, Any], *, binds: bool) -> None:
    """A claim waits for exactly the volumes that the controller would bind it to."""
    assert could_bind(a_volume(**spec), a_claim()) is binds


@pytest.mark.parametrize(
    ("metadata", "spec", "address"),
    [
        ({}, {}, None),
        ({}, {"loadBalancerIP": "10.0.0.9"}, "10.0.0.9"),
        ({"annotations": {"lbipam.cilium.io/ips": "10.0.0.7,fd00::7"}}, {}, "10.0.0.7"),
        ({"annotations": {"metallb.io/loadBalancerIPs": "fd00::7"}}, {}, None),
    ],
)
def test_wanted_address(
    metadata: dict[str, Any], spec: dict[str, Any], address: str | None
) -> None:
    """The address a Service asks for is read from where load balancers look."""
    assert wanted_address({"metadata": metadata, "spec": spec}) == address


STALE = (
    "Discovery failed for some groups, 1 failing: unable to retrieve the complete list of server"
    " APIs: metrics.k8s.io/v1beta1: stale GroupVersion discovery: metrics.k8s.io/v1beta1"
)


@pytest.mark.parametrize(
    ("phase", "more", "groups"),
    [
        ("Terminating", [], {"v1beta1.metrics.k8s.io"}),
        ("Active", [], set()),
        ("Terminating", ["NamespaceContentRemaining"], set()),
        ("Terminating", ["NamespaceFinalizersRemaining"], set()),
    ],
)
def test_what_a_namespace_waits_for(phase: str, more: list[str], groups: set[str]) -> None:
    """A namespace waits for an API only when nothing else keeps it."""
    conditions = [
        {"type": "NamespaceDeletionDiscoveryFailure", "status": "True", "message": STALE},
        {"type": "NamespaceDeletionContentFailure", "status": "False", "message": "fine"},
        *({"type": name, "status": "True", "message": "left"} for name in more),
    ]
    status = {"phase": phase, "conditions": conditions}
    assert waits_for({"metadata": {"name": "n"}, "status": status}) == groups


def test_half_a_certificate_is_dropped(tmp_path: Path) -> None:
    """A certificate without its key, left by a kill, does not keep the API server from starting."""
    layout = Layout(tmp_path / "plane")
    layout.create()
    layout.certificate.write_text("a certificate")
    credentials.prepare(layout)
    assert not layout.certificate.exists()


def test_credentials_are_kept(tmp_path: Path) -> None:
    """The tokens of a second run are those of the first, and no two are alike."""
    layout = Layout(tmp_path / "plane")
    layout.create()
    first = credentials.prepare(layout)
    assert credentials.prepare(layout) == first
    assert len(set(first.values())) == len(credentials.USERS)
