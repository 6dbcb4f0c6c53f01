"""A stack's state may be in any of Pulumi's backends; nothing of ours depends on which."""

from __future__ import annotations

import base64
import os
import secrets
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e import postgres, s3
from tests.e2e.conftest import NewCheckout
from tests.e2e.objects import config_map, thing
from tests.e2e.reconciling import Reconciling
from tests.e2e.test_reconcile import data_of
from tests.e2e.test_shards import gitops, stack

pytestmark = pytest.mark.e2e

# Further servers, such as s3://bucket?endpoint=127.0.0.1:9000&disableSSL=true&s3ForcePathStyle=true,
# with the variables that log in there; several are separated by blanks.
ASKED = os.environ.get("HOME_OPS_TEST_BACKENDS", "").split()
Backend = tuple[str, dict[str, str]]


@pytest.fixture(params=["file", "postgres", "s3", *ASKED])
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Backend]:
    """The URL of a backend that is empty and the variables that log in there, or one that the
    environment names."""
    scheme = str(request.param)
    if scheme in ASKED:
        yield scheme, {}
    elif scheme == "file":
        yield tmp_path.as_uri(), {}
    elif scheme == "s3":
        (tmp_path / "s3").mkdir()
        with s3.server(tmp_path / "s3") as found:
            yield found
    elif len(postgres.programs()) == 2:
        with tempfile.TemporaryDirectory(prefix="home-ops-") as directory:
            Path(directory).chmod(0o755)  # the server may not be root's
            data = Path(directory) / "data"
            data.mkdir()
            with postgres.server(data) as url:
                yield url, {}
    else:
        pytest.skip("no PostgreSQL here: HOME_OPS_TEST_BACKENDS may name one")


def test_backend(new_checkout: NewCheckout, tmp_path: Path, backend: Backend) -> None:
    """A divided stack is previewed and applied, passes follow Git, and it is put together, and put
    back divided from a backup. Of its secrets the backend has nothing that could be read."""
    url, login = backend
    checkout = new_checkout(f"backend-{url.partition(':')[0]}")
    checkout.environment = {**checkout.environment, **login, "PULUMI_BACKEND_URL": url}
    checkout.pulumi("stack", "init", checkout.stack).succeeded()
    checkout.configure(shards={"count": 2})
    for number in range(3):
        checkout.write(f"app-{number}", config_map(f"a-{number}"))
    password = secrets.token_hex(8)
    checkout.write("secret", thing("v1", "Secret", "login", stringData={"password": password}))
    passes = Reconciling(checkout)
    passes.commit()
    gitops(checkout, "preview")
    assert checkout.versions() == {}
    gitops(checkout, "up", "--yes")
    assert len(checkout.versions()) == 4
    for shard in ("0", "1"):
        passes.once("--shard", shard).expect()  # the first runs everything
        passes.once("--shard", shard).expect(runs=0)
    for number in range(3):
        checkout.write(f"app-{number}", config_map(f"a-{number}", "2"))
    passes.commit()
    done = [passes.once("--shard", shard).expect().runs for shard in ("0", "1")]
    assert sum(done) >= 1
    assert [data_of(checkout, f"a-{number}") for number in range(3)] == ["2"] * 3
    versions = checkout.versions()
    file = tmp_path / "backup.json"
    gitops(checkout, "state", "backup", str(file))
    checkout.configure(shards={"count": 1})
    gitops(checkout, "shards", "arrange")
    gitops(checkout, "state", "restore", "--yes", str(file))
    assert checkout.up().succeeded().changes == []
    assert checkout.versions() == versions
    gone = checkout.pulumi("stack", "export", "--stack", stack(checkout, 1))
    assert "no stack named" in gone.output
    # what a backend on this disk has kept, and what was backed up
    for path in (file, *(each for each in tmp_path.rglob("*.json") if each.is_file())):
        assert password.encode() not in path.read_bytes()
        assert base64.b64encode(password.encode()) not in path.read_bytes()
