"""One Application of two objects; they change with the config key ``value``."""

import pulumi


class Application(pulumi.ComponentResource):
    def __init__(self, name: str) -> None:
        super().__init__("home-ops:index:Application", name)
        value = pulumi.Config().get("value") or "first"
        own = pulumi.ResourceOptions(parent=self)
        pulumi.Stash("media/changing", input=value, opts=own)
        pulumi.Stash("media/constant", input="constant", opts=own)
        self.register_outputs({})


Application("media-jellyfin")
