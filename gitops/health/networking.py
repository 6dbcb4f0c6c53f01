"""Has a load balancer given an address? Called by ``assess``.

ArgoCD, "Resource Health", Service and Ingress: at least one entry in the load balancer's list.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gitops.health.fields import mappings, text
from gitops.health.status import Health, healthy, progressing


def service(live: Mapping[str, Any]) -> Health:
    """Only one of type LoadBalancer waits for something (Kubernetes, "Service")."""
    if text(live, "spec", "type") != "LoadBalancer":
        return healthy()
    return _addressed(live, by="load balancer")


def ingress(live: Mapping[str, Any]) -> Health:
    """Its controller has written the address it is served at (Kubernetes, "Ingress")."""
    name = text(live, "spec", "ingressClassName")
    return _addressed(live, by=f"ingress controller (class {name})" if name else "controller")


def _addressed(live: Mapping[str, Any], *, by: str) -> Health:
    entries = mappings(live, "status", "loadBalancer", "ingress")
    addresses = [text(each, "ip") or text(each, "hostname") for each in entries]
    if entries:
        return healthy(", ".join(address for address in addresses if address))
    return progressing(f"no address from its {by} yet")
