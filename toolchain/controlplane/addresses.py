"""Which address does a Service of type LoadBalancer, or an Ingress, get where no balancer runs?

Started by the supervisor. Addresses come from 198.18.0.0/15, set aside for tests (RFC 2544), so
none of them is anybody's. An address that the Service asks for is given to it.
"""

from __future__ import annotations

import threading
from ipaddress import AddressValueError, IPv4Address
from urllib.parse import quote

from toolchain.controlplane.api import Api, Object, follow
from toolchain.controlplane.errors import ApiError

_FIRST = int(IPv4Address("198.18.0.1"))
_INGRESS = "198.19.255.254"
_NOT_FOUND = 404
# Where load balancers look for a wanted address besides spec.loadBalancerIP.
_ANNOTATIONS = (
    "metallb.io/loadBalancerIPs",
    "metallb.universe.tf/loadBalancerIPs",
    "lbipam.cilium.io/ips",
    "io.cilium/lb-ipam-ips",
    "kube-vip.io/loadbalancerIPs",
)


class Balancer:
    """Gives every Service of type LoadBalancer an address of its own, and Ingresses one.

    Args:
        api: the client to use.
    """

    def __init__(self, api: Api) -> None:
        self._api = api
        self._given: dict[str, str] = {}

    def start(self) -> None:
        """Begin, in threads that end with the process."""
        services = self._api.clone()
        ingresses = self._api.clone()

        def see_service(event: str, service: Object) -> None:
            self._see_service(services, event, service)

        def see_ingress(event: str, ingress: Object) -> None:
            if event != "DELETED" and not _ingress(ingress):
                path = "/apis/networking.k8s.io/v1/namespaces/{}/ingresses/{}/status"
                _give(ingresses, path, ingress, _INGRESS)

        watches = (
            ("/api/v1/services?fieldSelector=spec.type%3DLoadBalancer", see_service),
            ("/apis/networking.k8s.io/v1/ingresses", see_ingress),
        )
        for path, handle in watches:
            arguments = (self._api.clone(), path, handle)
            threading.Thread(target=follow, args=arguments, daemon=True).start()

    def _see_service(self, api: Api, event: str, service: Object) -> None:
        uid = service["metadata"]["uid"]
        if event == "DELETED":
            self._given.pop(uid, None)
            return
        wanted = wanted_address(service)
        present = next((item.get("ip") for item in _ingress(service)), None)
        if present and wanted in (None, present):
            self._given[uid] = present
            return
        address = wanted or self._given.get(uid) or self._unused()
        self._given[uid] = address
        _give(api, "/api/v1/namespaces/{}/services/{}/status", service, address)

    def _unused(self) -> str:
        taken = set(self._given.values())
        number = _FIRST
        while (address := str(IPv4Address(number))) in taken:
            number += 1
        return address


def wanted_address(service: Object) -> str | None:
    """The address a Service asks for: in its spec or in a load balancer's annotation."""
    annotations = service["metadata"].get("annotations") or {}
    asked = [service["spec"].get("loadBalancerIP"), *(annotations.get(key) for key in _ANNOTATIONS)]
    for text in filter(None, asked):
        first = str(text).split(",")[0].strip()
        try:
            return str(IPv4Address(first))
        except AddressValueError:
            continue
    return None


def _ingress(item: Object) -> list[Object]:
    balancer = (item.get("status") or {}).get("loadBalancer") or {}
    return balancer.get("ingress") or []


def _give(api: Api, path: str, item: Object, address: str) -> None:
    """Write an address into an object's status; an object that is gone needs none."""
    metadata = item["metadata"]
    place = path.format(quote(metadata["namespace"]), quote(metadata["name"]))
    try:
        api.request("PATCH", place, {"status": {"loadBalancer": {"ingress": [{"ip": address}]}}})
    except ApiError as error:
        if error.status != _NOT_FOUND:
            raise
