"""The image's file tree run as a Pod would run it: another user, a root nobody can write to, no
capabilities, and the credentials of a ServiceAccount where a Pod finds them."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.checkout import Checkout

USER = 65532
_SECONDS = 600.0
# In a mount namespace of its own: what may be seen is bound below a new file system, then the root
# becomes read-only and everything else of this machine that could be written to is hidden.
_SCRIPT = f"""
set -eu
mount --make-rprivate /
mount -t tmpfs -o mode=0755 tmpfs /mnt
for name in tree scratch repository state python account; do
  mkdir "/mnt/$name"
  mount --bind "$1/$name" "/mnt/$name"
done
for name in tree repository python account; do mount -o remount,bind,ro "/mnt/$name"; done
mount -t tmpfs -o mode=0755 tmpfs /run
mkdir -p /run/secrets/kubernetes.io/serviceaccount
mount --bind /mnt/account /run/secrets/kubernetes.io/serviceaccount
mount -t tmpfs -o mode=1777 tmpfs /tmp
mount -o remount,bind,ro /mnt
mount -o remount,bind,ro /
cd /mnt/scratch
shift
exec setpriv --reuid {USER} --regid {USER} --clear-groups --no-new-privs --bounding-set=-all "$@"
"""


def require() -> None:
    """Skip where no such place can be made."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to become another user in a mount namespace of its own")
    if not (shutil.which("unshare") and shutil.which("setpriv")):
        pytest.skip("needs unshare and setpriv (util-linux)")
    tried = subprocess.run(
        ["unshare", "--mount", "sh", "-c", "mount -t tmpfs tmpfs /mnt"],
        capture_output=True,
        check=False,
    )
    if tried.returncode != 0:
        pytest.skip(f"no mount namespace may be made here: {tried.stderr.decode().strip()}")


class Sandbox:
    """One place to run the tree in.

    Args:
        directory: an empty folder.
        tree: the image's file tree.
        checkout: the repository and the state.
        kubeconfig: of the ServiceAccount.
    """

    def __init__(self, directory: Path, tree: Path, checkout: Checkout, kubeconfig: Path) -> None:
        self._directory = directory
        self._environment = self._prepare(tree, checkout, kubeconfig)

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command in it; the entry point is ``/mnt/tree/bin/entrypoint``."""
        variables = [f"{name}={value}" for name, value in self._environment.items()]
        inside = ["sh", "-c", _SCRIPT, "sandbox", str(self._directory), "env", "-i", *variables]
        return subprocess.run(
            ["unshare", "--mount", *inside, *command],
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )

    def _prepare(self, tree: Path, checkout: Checkout, kubeconfig: Path) -> dict[str, str]:
        for name in ("scratch", "account"):
            (self._directory / name).mkdir()
        links = {
            "tree": tree,
            "repository": checkout.root,
            "state": checkout.root.parent / "state",
            "python": Path(sys.base_prefix),
        }
        for name, target in links.items():
            (self._directory / name).symlink_to(target)
        self._own(self._directory / "scratch", links["state"])
        # as a clone of one's own disk, which Git would not trust otherwise
        (self._directory / "scratch" / ".gitconfig").write_text("[safe]\n\tdirectory = *\n")
        server = self._account(kubeconfig)
        passphrase = (checkout.root.parent / "passphrase").read_text()
        host, _, port = server.removeprefix("https://").rpartition(":")
        return {
            "PATH": "/mnt/python/bin:/usr/local/bin:/usr/bin:/bin",
            "LD_LIBRARY_PATH": "/mnt/python/lib",  # where this Python has a library of its own
            "HOME_OPS_WORK": "/mnt/scratch",
            "KUBERNETES_SERVICE_HOST": host,
            "KUBERNETES_SERVICE_PORT": port,
            "PULUMI_BACKEND_URL": "file:///mnt/state",
            "PULUMI_CONFIG_PASSPHRASE": passphrase,
        }

    def _own(self, *folders: Path) -> None:
        for folder in folders:
            for path in (folder, *folder.rglob("*")):
                os.chown(path, USER, USER)

    def _account(self, kubeconfig: Path) -> str:
        """What a Pod finds of its account; the API server's address."""
        value = json.loads(kubeconfig.read_text())
        cluster = value["clusters"][0]["cluster"]
        folder = self._directory / "account"
        (folder / "token").write_text(value["users"][0]["user"]["token"])
        authority = base64.b64decode(cluster["certificate-authority-data"])
        (folder / "ca.crt").write_bytes(authority)
        (folder / "namespace").write_text("default")
        return str(cluster["server"])
