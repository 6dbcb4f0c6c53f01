"""What every test may ask for: an API server that is really one."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from toolchain import controlplane
from toolchain.controlplane import ControlPlane

# A machine busy with other tests is no reason to fail: nothing here is a test of speed. A commit is
# judged by examples that are always the same; `make test-long` looks for others.
UNTIMED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.register_profile("steady", UNTIMED, derandomize=True, max_examples=200)
settings.register_profile("search", UNTIMED, max_examples=2000)
settings.load_profile("steady")

# `make test` has the environment of the stack `local`; the stacks of tests have files of their own
os.environ.pop("PULUMI_OPTION_CONFIG_FILE", None)


@pytest.fixture(scope="session")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A control plane shared by the session; it ends with it, even if the session is killed."""
    directory = tmp_path_factory.mktemp("control-plane") / "tests"
    yield controlplane.start(directory, owner_pid=os.getpid())
    controlplane.stop(directory)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest: no worker is left alone with a module of slow tests."""
    items.sort(key=lambda item: item.get_closest_marker("e2e") is None)
