"""ConfigMaps of two Applications; ``count`` and ``value`` change them, ``broken`` breaks one."""

import pulumi

config = pulumi.Config()
namespace = config.require("namespace")


class Application(pulumi.ComponentResource):
    def __init__(self, name: str) -> None:
        super().__init__("home-ops:index:Application", name)
        for number in range(config.get_int("count") or 2):
            self.config_map(name, f"{name}-{number}")
        if config.get("broken") == name:
            self.config_map(name, f"{name}-Not_A_Name")
        self.register_outputs({})

    def config_map(self, application: str, name: str) -> None:
        metadata = {
            "name": name,
            "namespace": namespace,
            "labels": {"home-ops/application": application},
            "annotations": {
                "home-ops/tracking-id": f"{application}:/ConfigMap:{namespace}/{name}",
                "pulumi.com/patchForce": "true",
            },
        }
        manifest = {"metadata": metadata, "data": {"key": config.get("value") or "first"}}
        manifest |= {"apiVersion": "v1", "kind": "ConfigMap"}
        own = pulumi.ResourceOptions(parent=self)
        pulumi.CustomResource("kubernetes:core/v1:ConfigMap", f"{namespace}/{name}", manifest, own)


for application in ("media-jellyfin", "media-navidrome"):
    Application(application)
