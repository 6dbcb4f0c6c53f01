"""An API server for this machine: real etcd, API server, controllers and scheduler, played nodes.

Used by the ``local`` stack and by the tests. ``python3 -m toolchain.controlplane start`` starts one
and prints the kubeconfig; from Python, call ``start(directory)``. Next: ``lifecycle``.
"""

from toolchain.controlplane.errors import ControlPlaneError
from toolchain.controlplane.lifecycle import ControlPlane, reset, start, status, stop
from toolchain.controlplane.state import Phase, Status

__all__ = [
    "ControlPlane",
    "ControlPlaneError",
    "Phase",
    "Status",
    "reset",
    "start",
    "status",
    "stop",
]
