"""Which Kubernetes do charts render for?

Made from the live cluster, or from the stack's config where no cluster is at hand; read by
rendering.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from gitops.errors import ConfigError

_VERSION = re.compile(r"v?(\d+\.\d+(?:\.\d+)?(?:[-+][0-9A-Za-z.+-]+)?)")


@dataclass(frozen=True, slots=True)
class ClusterVersions:
    """What charts see as ``.Capabilities``: the cluster's version and its API versions.

    Args:
        version: Kubernetes version, with or without the leading ``v``: ``1.36.3``.
        api_versions: ``group/version`` and ``group/version/Kind``, as ``helm template
            --api-versions`` takes them; kept sorted and unique, so that two lists that say the
            same are equal.

    Raises:
        ConfigError: ``version`` is no Kubernetes version, or an API version is empty.
    """

    version: str
    api_versions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        match = _VERSION.fullmatch(self.version.strip())
        if match is None:
            raise ConfigError(
                "config home-ops:kubernetes.version",
                f"{self.version!r} is no Kubernetes version",
                remedy='write it as "1.36.3"',
            )
        if not all(entry.strip() and "," not in entry for entry in self.api_versions):
            raise ConfigError(
                "config home-ops:kubernetes.apiVersions",
                "an entry is empty or holds a comma",
                remedy="write one group/version or group/version/Kind per entry",
            )
        object.__setattr__(self, "version", match[1])
        object.__setattr__(
            self, "api_versions", tuple(sorted({entry.strip() for entry in self.api_versions}))
        )
