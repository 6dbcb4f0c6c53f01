"""A person who syncs by hand is told when the reconciler is at it."""

from __future__ import annotations

import pytest

from cluster.connection import connect
from cluster.lease import held
from tests.e2e import objects
from tests.e2e.checkout import Checkout

pytestmark = pytest.mark.e2e


def test_a_pass_is_running(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    """While somebody holds the stack's lease `pulumi up` names them, and goes on; not after."""
    monkeypatch.setenv("KUBECONFIG", checkout.environment["KUBECONFIG"])
    checkout.write("app", objects.config_map("a"))
    checkout.up().succeeded()
    namespace = f"{checkout.id}-base"
    with (
        connect() as connection,
        held(connection, namespace=namespace, stack=checkout.stack, identity="pass on host-1"),
    ):
        checkout.write("app", objects.config_map("a", "other"))
        assert "pass on host-1 is syncing it right now" in checkout.up().succeeded().output
    assert "is syncing it" not in checkout.preview().succeeded().output
