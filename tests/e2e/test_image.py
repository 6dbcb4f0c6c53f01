"""What is in the image works where it will run: without root, on a root nobody can write to."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import pytest

from gitops.in_cluster.objects import USER
from gitops.in_cluster.workload import WORK
from tests.e2e import sandbox
from tests.e2e.checkout import REPOSITORY, Checkout
from tests.e2e.in_cluster import account_kubeconfig, deployed
from tests.e2e.live import Body
from tests.e2e.objects import config_map
from tests.e2e.reconciling import Reconciling
from tests.e2e.sandbox import Sandbox
from toolchain.image import PACKAGES, assemble, image_tools

pytestmark = pytest.mark.e2e
ENTRYPOINT = "/mnt/tree/bin/entrypoint"


@pytest.mark.long
def test_a_pass_from_the_image(checkout: Checkout, tmp_path: Path) -> None:
    """The image's tree, made by what the Dockerfile calls, makes a pass as another user from a
    read-only root, with a Pod's credentials alone; a second one does nothing."""
    sandbox.require()
    tree, told = tmp_path / "made", io.StringIO()
    assemble(tree, progress=told)
    checkout.configure(reconciler=deployed())
    checkout.write("one", config_map("a"))
    passes = Reconciling(checkout)
    passes.commit()
    checkout.up().succeeded()
    checkout.write("one", config_map("a", "2"))
    passes.commit()
    place = Sandbox(make(tmp_path / "sandbox"), tree, checkout, account_kubeconfig(checkout))

    assert place.run("id", "-u").stdout.strip() == str(sandbox.USER)
    for folder in ("/", "/usr", "/mnt", "/mnt/tree", "/mnt/repository", "/etc"):
        refused = place.run("touch", f"{folder}/x")
        assert refused.returncode != 0, folder
        assert re.search("Read-only file system|Permission denied", refused.stderr)

    first = run(place, checkout)
    assert [each["sync"]["status"] for each in first["applications"]] == ["Synced"]
    found = checkout.live.find("ConfigMap", "a", checkout.namespace)
    assert found
    assert found["data"]["value"] == "2"
    assert run(place, checkout)["outcome"] == "Nothing"


def make(folder: Path) -> Path:
    folder.mkdir()
    return folder


def run(place: Sandbox, checkout: Checkout) -> Body:
    """A pass as the CronJob's Pod makes it; its report."""
    where = ("--stack", checkout.stack, "--repository", "/mnt/repository", "--revision", "main")
    done = place.run(ENTRYPOINT, "reconcile", "--once", "--json", *where)
    assert done.returncode == 0, done.stdout + done.stderr
    report: Body = json.loads(done.stdout)
    return report


def test_the_image_has_what_a_pass_needs() -> None:
    """Every tool but the embedded control plane's is in the image, every package of this program is
    copied into it by the Dockerfile, and nothing of the repository beside what it copies is sent
    to the builder."""
    names = {tool.name for tool in image_tools()}
    assert names >= {"pulumi", "pulumi-language-python", "pulumi-resource-kubernetes", "helm"}
    assert not names & {"etcd", "kube-apiserver", "kwok"}
    dockerfile = (REPOSITORY / "image" / "Dockerfile").read_text()
    ignored = (REPOSITORY / ".dockerignore").read_text().splitlines()
    copied = re.findall(r"^COPY ([^-]\S*) ", dockerfile, re.MULTILINE)
    assert {*PACKAGES, "toolchain", "requirements.txt", "image/entrypoint.sh"} == set(copied)
    assert "*" in ignored
    assert {line.removeprefix("!") for line in ignored if line.startswith("!")} == set(copied)
    assert re.search(rf"^USER {USER}:{USER}$", dockerfile, re.MULTILINE)
    assert f"HOME_OPS_WORK:-{WORK}" in (REPOSITORY / "image" / "entrypoint.sh").read_text()
