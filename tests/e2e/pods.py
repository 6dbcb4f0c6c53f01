"""What a Pod of the reconciler would run, run on this machine: its command, its environment, and
its Secrets as the kubelet mounts them."""

from __future__ import annotations

import base64
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.e2e.checkout import Checkout
from tests.e2e.live import Body, until
from tests.gitops.credentials.mounted import mount


class Pod:
    """The Pod of a workload in the cluster.

    Args:
        checkout: whose stack it is; the Pod has none of its files.
        kubeconfig: of the Pod's account.
        workload: the path of its Deployment or CronJob.
    """

    def __init__(self, checkout: Checkout, kubeconfig: Path, workload: str) -> None:
        self._checkout = checkout
        self._root = checkout.root.parent / "pod"
        spec = checkout.live.request("GET", workload)["spec"]
        spec = spec.get("jobTemplate", {}).get("spec", spec)["template"]["spec"]
        self._spec: Body = spec
        self._container: Body = spec["containers"][0]
        self._environment = self._of_container(kubeconfig)
        (self._root / "work").mkdir(parents=True)
        self.mount()

    def mount(self) -> None:
        """What the kubelet does from time to time: the Secrets as they are now."""
        places = {each["name"]: each["mountPath"] for each in self._container["volumeMounts"]}
        for volume in self._spec["volumes"]:
            if "secret" in volume:
                self._mount(volume["secret"], places[volume["name"]])

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start the container's command, as JSON, and with further arguments."""
        return subprocess.Popen(
            [
                *(sys.executable, "-m", "reconciler.cli"),
                *(*self._container["args"], "--json", *arguments),
            ],
            cwd=self._root / "work",
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def _mount(self, volume: Mapping[str, str], place: str) -> None:
        namespace = f"{self._checkout.id}-base"
        path = f"/api/v1/namespaces/{namespace}/secrets/{volume['secretName']}"
        found = until(lambda: self._checkout.live.get(path), path)
        values = {
            name: base64.b64decode(each).decode() for name, each in found.get("data", {}).items()
        }
        mount(self._root / place.lstrip("/"), values)

    def _of_container(self, kubeconfig: Path) -> dict[str, str]:
        inherited = self._checkout.environment
        own = {each["name"]: each["value"] for each in self._container["env"]}
        moved = {
            name: f"{self._root}{value}" if value.startswith("/etc/home-ops/") else value
            for name, value in own.items()
        }
        hidden = ("GIT_", "SSH_")
        kept = {name: each for name, each in inherited.items() if not name.startswith(hidden)}
        return {**kept, **moved, "KUBECONFIG": str(kubeconfig)}
