"""Which volume does a claim get when no provisioner of its storage class runs here?

Started by the supervisor. The claim gets a volume made for it and bound by the real controller:
the storage class need not exist. As in a cluster, nothing is provisioned for a claim that asks
for a particular volume: one with ``volumeName``, with a selector, with the empty class, or of a
class whose provisioner is ``kubernetes.io/no-provisioner``. A claim that a volume made by hand
could satisfy is left to that volume; since the two may be applied in either order, a new claim
waits a second for it.
"""

from __future__ import annotations

import http.client
import sys
import threading
import time
from datetime import datetime
from urllib.parse import quote

from toolchain.controlplane.api import Api, Object, follow
from toolchain.controlplane.errors import ApiError
from toolchain.controlplane.quantities import parse

_PROVISIONER = "home-ops.local/volumes"
_PROVISIONED_BY = "pv.kubernetes.io/provisioned-by"
_STATIC_ONLY = "kubernetes.io/no-provisioner"
_FOR_STATIC_SECONDS = 1.0
_NEW_SECONDS = 3.0
_LOOK_AGAIN_SECONDS = 5.0
_CONFLICT = 409
_NOT_FOUND = 404

Key = tuple[str, str]


class Provisioner:
    """Watches claims and volumes, makes volumes, and removes those it made once released.

    Args:
        api: the client to use.
    """

    def __init__(self, api: Api) -> None:
        self._api = api
        self._changed = threading.Condition()
        self._claims: dict[Key, Object] = {}
        self._due: dict[Key, float] = {}
        self._volumes: dict[str, Object] = {}
        self._released: set[str] = set()

    def start(self) -> None:
        """Begin, in threads that end with the process."""
        claims = (self._api.clone(), "/api/v1/persistentvolumeclaims", self._see_claim)
        volumes = (self._api.clone(), "/api/v1/persistentvolumes", self._see_volume)
        for arguments in (volumes, claims):
            threading.Thread(target=follow, args=arguments, daemon=True).start()
        threading.Thread(target=self._work, daemon=True).start()

    def _see_claim(self, event: str, claim: Object) -> None:
        key = (claim["metadata"]["namespace"], claim["metadata"]["name"])
        with self._changed:
            if event != "DELETED" and wants_volume(claim):
                self._claims[key] = claim
                wait = _FOR_STATIC_SECONDS if _age(claim) < _NEW_SECONDS else 0.0
                self._due.setdefault(key, time.monotonic() + wait)
                self._changed.notify()
            else:
                self._claims.pop(key, None)
                self._due.pop(key, None)

    def _see_volume(self, event: str, volume: Object) -> None:
        name = volume["metadata"]["name"]
        with self._changed:
            if event == "DELETED":
                self._volumes.pop(name, None)
                return
            self._volumes[name] = volume
            if is_ours_to_delete(volume):
                self._released.add(name)
                self._changed.notify()

    def _work(self) -> None:
        while True:
            with self._changed:
                while not (claims := self._take_due()) and not self._released:
                    self._changed.wait(self._patience())
                released, self._released = self._released, set()
                volumes = list(self._volumes.values())
            for claim in claims:
                self._settle(claim, volumes)
            for name in released:
                self._try("DELETE", f"/api/v1/persistentvolumes/{quote(name)}", None)

    def _take_due(self) -> list[Object]:
        """Claims whose time has come; each is looked at again later, until it is bound."""
        now = time.monotonic()
        due = [key for key, moment in self._due.items() if moment <= now]
        for key in due:
            self._due[key] = now + _LOOK_AGAIN_SECONDS
        return [self._claims[key] for key in due]

    def _patience(self) -> float | None:
        """Seconds until the next claim is due; None when there is none."""
        if not self._due:
            return None
        return max(0.0, min(self._due.values()) - time.monotonic())

    def _settle(self, claim: Object, volumes: list[Object]) -> None:
        """Make a volume for a claim, unless one that exists is meant for it."""
        if any(could_bind(volume, claim) for volume in volumes):
            return
        name = claim["spec"].get("storageClassName")
        found = name and self._try("GET", f"/apis/storage.k8s.io/v1/storageclasses/{quote(name)}")
        storage_class = found or {}
        if storage_class.get("provisioner") != _STATIC_ONLY:
            volume = volume_for(claim, storage_class.get("reclaimPolicy") or "Delete")
            self._try("POST", "/api/v1/persistentvolumes", volume)

    def _try(self, method: str, path: str, body: Object | None = None) -> Object | None:
        """Send a request; what is gone or there already is no failure, anything else is logged."""
        try:
            return self._api.request(method, path, body)
        except ApiError as error:
            if error.status not in (_CONFLICT, _NOT_FOUND):
                print(f"{method} {path}: {error}", file=sys.stderr, flush=True)
        except (OSError, http.client.HTTPException) as error:
            print(f"{method} {path}: {error}", file=sys.stderr, flush=True)
        return None


def wants_volume(claim: Object) -> bool:
    """Whether a claim is unbound and of a kind that a cluster would provision for."""
    spec = claim["spec"]
    return (
        (claim.get("status") or {}).get("phase", "Pending") == "Pending"
        and not claim["metadata"].get("deletionTimestamp")
        and not spec.get("volumeName")
        and not spec.get("selector")
        and spec.get("storageClassName") != ""
    )


def could_bind(volume: Object, claim: Object) -> bool:
    """Whether the controller would bind an existing volume to a claim.

    The rules are those of Kubernetes' volume binder: reserved for the claim, or free and of the
    same class and mode, large enough, with every access mode asked for.
    """
    spec, wanted = volume["spec"], claim["spec"]
    reserved = spec.get("claimRef")
    if reserved:
        return (
            reserved.get("namespace") == claim["metadata"]["namespace"]
            and reserved.get("name") == claim["metadata"]["name"]
            and reserved.get("uid") in (None, "", claim["metadata"]["uid"])
        )
    return (
        (volume.get("status") or {}).get("phase", "Pending") in ("Pending", "Available")
        and not volume["metadata"].get("deletionTimestamp")
        and (spec.get("storageClassName") or "") == (wanted.get("storageClassName") or "")
        and spec.get("volumeMode", "Filesystem") == wanted.get("volumeMode", "Filesystem")
        and set(wanted.get("accessModes") or ()) <= set(spec.get("accessModes") or ())
        and parse(spec["capacity"]["storage"]) >= parse(wanted["resources"]["requests"]["storage"])
    )


def is_ours_to_delete(volume: Object) -> bool:
    """Whether a volume was made here, its claim is gone, and it is not to be retained."""
    metadata = volume["metadata"]
    return (
        (metadata.get("annotations") or {}).get(_PROVISIONED_BY) == _PROVISIONER
        and (volume.get("status") or {}).get("phase") == "Released"
        and volume["spec"].get("persistentVolumeReclaimPolicy") == "Delete"
        and not metadata.get("deletionTimestamp")
    )


def volume_for(claim: Object, reclaim: str) -> Object:
    """The volume made for a claim, and for it alone.

    Its name is derived from the claim's uid, as provisioners do, so making it twice is refused.
    """
    metadata, spec = claim["metadata"], claim["spec"]
    name = f"pvc-{metadata['uid']}"
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name, "annotations": {_PROVISIONED_BY: _PROVISIONER}},
        "spec": {
            "capacity": {"storage": spec["resources"]["requests"]["storage"]},
            "accessModes": spec["accessModes"],
            "volumeMode": spec.get("volumeMode", "Filesystem"),
            "storageClassName": spec.get("storageClassName") or "",
            "persistentVolumeReclaimPolicy": reclaim,
            # Never opened: no node exists that could.
            "hostPath": {"path": f"/var/lib/home-ops/{name}"},
            "claimRef": {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "namespace": metadata["namespace"],
                "name": metadata["name"],
                "uid": metadata["uid"],
            },
        },
    }


def _age(claim: Object) -> float:
    """Seconds since a claim was made; the API server counts whole ones."""
    return time.time() - datetime.fromisoformat(claim["metadata"]["creationTimestamp"]).timestamp()
