"""Working copies for the end-to-end tests; one control plane serves them all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import pytest

from tests.e2e.checkout import Checkout
from toolchain.controlplane import ControlPlane

NewCheckout = Callable[[str], Checkout]


@pytest.fixture(scope="session")
def new_checkout(
    control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[NewCheckout]:
    """Make a working copy; its name is part of its stack and of its namespaces."""
    with ExitStack() as stack:

        def make(name: str) -> Checkout:
            made = Checkout(tmp_path_factory.mktemp(name), control_plane.kubeconfig, name)
            stack.enter_context(closing(made.live))
            return made

        yield make


@pytest.fixture
def checkout(request: pytest.FixtureRequest, new_checkout: NewCheckout) -> Checkout:
    """A working copy for one test."""
    name = request.node.name.removeprefix("test_").replace("_", "-")
    return new_checkout(name[:24].rstrip("-"))
