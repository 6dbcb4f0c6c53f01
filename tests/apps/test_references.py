"""Do the example cluster's objects find each other by the names they use?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tests.apps.rendered import Placed

# Services whose pods are the control plane's own.
OTHERS_PODS = {"prometheus-kube-scheduler"}


def names(example: list[Placed], kind: str, namespace: str) -> set[str]:
    return {o.name for o in example if (o.kind, o.namespace) == (kind, namespace)}


def used_by_pods(spec: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Kind and name of everything a pod cannot start without."""
    if "serviceAccountName" in spec:
        yield "ServiceAccount", spec["serviceAccountName"]
    for volume in spec.get("volumes", ()):
        if "configMap" in volume:
            yield "ConfigMap", volume["configMap"]["name"]
        if "secret" in volume:
            yield "Secret", volume["secret"]["secretName"]
        if "persistentVolumeClaim" in volume:
            yield "PersistentVolumeClaim", volume["persistentVolumeClaim"]["claimName"]
    for container in [*spec.get("initContainers", ()), *spec["containers"]]:
        for source in container.get("envFrom", ()):
            kind = "Secret" if "secretRef" in source else "ConfigMap"
            yield kind, next(iter(source.values()))["name"]
        for variable in container.get("env", ()):
            for key, value in variable.get("valueFrom", {}).items():
                if key in ("secretKeyRef", "configMapKeyRef"):
                    yield ("Secret" if key[0] == "s" else "ConfigMap"), value["name"]


def test_pods_find_their_settings_secrets_claims_and_accounts(example: list[Placed]) -> None:
    """Name suffixes reach the pods: what a pod template names exists in its namespace."""
    for workload in example:
        if workload.pod_template is None:
            continue
        for kind, name in used_by_pods(workload.pod_template["spec"]):
            assert name in names(example, kind, workload.namespace), f"{workload}: {kind} {name}"


def test_mounts_name_volumes_that_exist(example: list[Placed]) -> None:
    """Every mount of a container has its volume or claim template."""
    for workload in (o for o in example if o.pod_template is not None):
        assert workload.pod_template is not None
        volumes = {v["name"] for v in workload.pod_template["spec"].get("volumes", ())}
        templates = workload.body["spec"].get("volumeClaimTemplates", ())
        volumes |= {t["metadata"]["name"] for t in templates}
        mounts = {m["name"] for c in workload.containers for m in c.get("volumeMounts", ())}
        assert mounts <= volumes, workload


def test_claims_name_a_storage_class_of_the_example(example: list[Placed]) -> None:
    """A claim with a class names one that an Application brings."""
    claims = [o.body["spec"] for o in example if o.kind == "PersistentVolumeClaim"]
    for workload in (o for o in example if o.kind == "StatefulSet"):
        claims += [t["spec"] for t in workload.body["spec"].get("volumeClaimTemplates", ())]
    classes = {c["storageClassName"] for c in claims if "storageClassName" in c}
    assert len(classes) > 1
    assert classes <= names(example, "StorageClass", "")


def test_services_and_budgets_select_pods(example: list[Placed]) -> None:
    """Every Service, PodDisruptionBudget and NetworkPolicy with a selector matches some pods."""
    for chooser in example:
        if selector(chooser) and chooser.name not in OTHERS_PODS:
            assert pods_behind(chooser, example), chooser


def selector(chooser: Placed) -> dict[str, str]:
    spec = chooser.body.get("spec", {})
    found: dict[str, str] = {}
    if chooser.kind == "Service":
        found = spec["selector"]
    elif chooser.kind == "PodDisruptionBudget":
        found = spec["selector"]["matchLabels"]
    elif chooser.kind == "NetworkPolicy":
        found = spec["podSelector"].get("matchLabels", {})
    return found


def pods_behind(chooser: Placed, example: list[Placed]) -> list[Placed]:
    """The workloads whose pods an object's selector matches."""
    wanted = selector(chooser).items()
    return [
        o for o in example if o.namespace == chooser.namespace and wanted <= o.pod_labels.items()
    ]


def test_service_ports_name_ports_of_their_pods(example: list[Placed]) -> None:
    """A Service's named target port is a port of the containers behind it."""
    for service in (o for o in example if o.kind == "Service" and o.name not in OTHERS_PODS):
        wanted = {p["targetPort"] for p in service.body["spec"]["ports"]}
        containers = [c for o in pods_behind(service, example) for c in o.containers]
        ports = {p["name"] for c in containers for p in c.get("ports", ())}
        assert wanted <= ports, service


def test_routes_lead_to_a_service_and_its_port(example: list[Placed]) -> None:
    """Every Ingress and HTTPRoute backend is a Service of its namespace, with that port."""
    ports = {
        (o.namespace, o.name, key)
        for o in example
        if o.kind == "Service"
        for port in o.body["spec"]["ports"]
        for key in (port["port"], port["name"])
    }
    checked = 0
    for route in (o for o in example if o.kind in ("Ingress", "HTTPRoute")):
        for name, port in backends(route):
            assert (route.namespace, name, port) in ports, f"{route}: {name}:{port}"
            checked += 1
    assert checked >= 10


def backends(route: Placed) -> Iterator[tuple[str, int | str]]:
    for rule in route.body["spec"]["rules"]:
        for backend in rule.get("backendRefs", ()):
            yield backend["name"], backend["port"]
        for path in rule.get("http", {}).get("paths", ()):
            service = path["backend"]["service"]
            yield service["name"], next(iter(service["port"].values()))


def test_routes_attach_to_a_gateway_and_its_listener(example: list[Placed]) -> None:
    """Every HTTPRoute's parent is a Gateway of the example that has the listener it names."""
    listeners = {
        (o.namespace, o.name, listener["name"])
        for o in example
        if o.kind == "Gateway"
        for listener in o.body["spec"]["listeners"]
    }
    for route in (o for o in example if o.kind == "HTTPRoute"):
        for parent in route.body["spec"]["parentRefs"]:
            where = (parent.get("namespace", route.namespace), parent["name"])
            assert (*where, parent["sectionName"]) in listeners, route


def test_bindings_name_roles_and_accounts_that_exist(example: list[Placed]) -> None:
    """Every subject of a binding exists; every role does, or is one Kubernetes brings."""
    for binding in (o for o in example if o.kind in ("RoleBinding", "ClusterRoleBinding")):
        for subject in binding.body["subjects"]:
            accounts = names(example, "ServiceAccount", subject["namespace"])
            assert subject["name"] in accounts, binding
        role = binding.body["roleRef"]
        namespace = binding.namespace if role["kind"] == "Role" else ""
        existing = names(example, role["kind"], namespace)
        assert role["name"] in existing | {"extension-apiserver-authentication-reader"}, binding


def test_scaled_workloads_leave_their_replicas_to_the_scaler(example: list[Placed]) -> None:
    """What a HorizontalPodAutoscaler scales exists and sets no number of replicas itself."""
    scalers = [o for o in example if o.kind == "HorizontalPodAutoscaler"]
    for scaler in scalers:
        target = scaler.body["spec"]["scaleTargetRef"]
        (workload,) = [
            o
            for o in example
            if (o.kind, o.namespace, o.name) == (target["kind"], scaler.namespace, target["name"])
        ]
        assert "replicas" not in workload.body["spec"], scaler
    assert scalers
