"""Does a virtual machine do what it is meant to? The rule for KubeVirt's VirtualMachine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gitops.health.fields import at, text
from gitops.health.phase_rules import VIRTUAL_MACHINE
from gitops.health.status import Health, healthy


def virtual_machine(live: Mapping[str, Any]) -> Health | None:
    """One that is declared halted and is stopped is as it should be; else its printable status.

    KubeVirt, "Run Strategies"; ``spec.running: false`` is the older spelling of Halted. One that
    somebody stopped although it may run is Suspended.
    """
    is_halted = (
        text(live, "spec", "runStrategy") == "Halted" or at(live, "spec", "running") is False
    )
    if is_halted and text(live, "status", "printableStatus") in ("", "Stopped"):
        return healthy("stopped, as its spec asks")
    return VIRTUAL_MACHINE.judge(live)
