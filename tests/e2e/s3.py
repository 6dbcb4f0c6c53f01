"""An S3 server of a test's own: VersityGW, on a folder."""

from __future__ import annotations

import contextlib
import os
import secrets
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

from tests.e2e.live import until
from tests.e2e.postgres import answers, free_port
from toolchain import store
from toolchain.install import install
from toolchain.pins import TEST_TOOLS

BUCKET = "states"
REGION = "us-east-1"


def program() -> Path:
    """The server, built when this machine does not have it yet."""
    failures = install(TEST_TOOLS, progress=None, checkout=None)
    assert not failures, failures[0]
    return store.link(store.links_directory(TEST_TOOLS), TEST_TOOLS[0], "versitygw")


@contextlib.contextmanager
def server(directory: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """Run one on the loopback with one bucket; the URL as Pulumi takes it, and the variables that
    log in there.

    Args:
        directory: an empty folder.
    """
    (directory / "buckets" / BUCKET).mkdir(parents=True)
    (directory / "metadata").mkdir()
    port = free_port()
    login = {
        "AWS_ACCESS_KEY_ID": secrets.token_hex(10),
        "AWS_SECRET_ACCESS_KEY": secrets.token_urlsafe(30),
    }
    keys = {
        "ROOT_ACCESS_KEY_ID": login["AWS_ACCESS_KEY_ID"],
        "ROOT_SECRET_ACCESS_KEY": login["AWS_SECRET_ACCESS_KEY"],
    }
    # not every file system keeps the attributes that metadata would be in otherwise
    where = ("posix", "--sidecar", str(directory / "metadata"), str(directory / "buckets"))
    process = subprocess.Popen(
        [program(), "--port", f"127.0.0.1:{port}", "--region", REGION, "--quiet", *where],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={"PATH": os.environ["PATH"], **keys},
        cwd=directory,
    )
    try:
        until(lambda: answers(port), "the S3 server", seconds=60.0)
        options = {"endpoint": f"http://127.0.0.1:{port}", "region": REGION}
        query = urlencode({**options, "s3ForcePathStyle": "true"})
        yield f"s3://{BUCKET}?{query}", login
    finally:
        process.terminate()
        process.wait(timeout=60)
