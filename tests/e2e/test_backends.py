"""A stack's state may be in any of Pulumi's backends; nothing of ours depends on which."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e import postgres
from tests.e2e.conftest import NewCheckout
from tests.e2e.objects import config_map
from tests.e2e.test_shards import gitops, stack

pytestmark = pytest.mark.e2e

# Such as s3://bucket?endpoint=127.0.0.1:9000&disableSSL=true&s3ForcePathStyle=true, with the
# variables that log in there; several are separated by blanks.
ASKED = os.environ.get("HOME_OPS_TEST_BACKENDS", "").split()


@pytest.fixture(params=["file", "postgres", "s3"])
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a backend that is empty, or one the environment names."""
    scheme = str(request.param)
    named = [each for each in ASKED if each.startswith(f"{scheme}:")]
    if named:
        yield named[0]
    elif scheme == "file":
        yield tmp_path.as_uri()
    elif scheme == "postgres" and len(postgres.programs()) == 2:
        with tempfile.TemporaryDirectory(prefix="home-ops-") as directory:
            Path(directory).chmod(0o755)  # the server may not be root's
            data = Path(directory) / "data"
            data.mkdir()
            with postgres.server(data) as url:
                yield url
    else:
        pytest.skip(f"no {scheme} server at hand: HOME_OPS_TEST_BACKENDS names none")


def test_backend(new_checkout: NewCheckout, tmp_path: Path, backend: str) -> None:
    """A divided stack is applied, put together, and put back divided from a backup."""
    checkout = new_checkout(f"backend-{backend.partition(':')[0]}")
    checkout.environment = {**checkout.environment, "PULUMI_BACKEND_URL": backend}
    checkout.pulumi("stack", "init", checkout.stack).succeeded()
    checkout.configure(shards={"count": 2})
    for number in range(3):
        checkout.write(f"app-{number}", config_map(f"a-{number}"))
    gitops(checkout, "up", "--yes")
    versions = checkout.versions()
    assert len(versions) == 3
    file = tmp_path / "backup.json"
    gitops(checkout, "state", "backup", str(file))
    checkout.configure(shards={"count": 1})
    gitops(checkout, "shards", "arrange")
    gitops(checkout, "state", "restore", "--yes", str(file))
    assert checkout.up().succeeded().changes == []
    assert checkout.versions() == versions
    gone = checkout.pulumi("stack", "export", "--stack", stack(checkout, 1))
    assert "no stack named" in gone.output
