"""Through which provider do objects reach the cluster?

Made once by the composition root; components hand it to their children.
"""

from __future__ import annotations

import pulumi

from cluster.stack_cluster import kubeconfig_in
from components.resources import PROVIDER_VERSION
from gitops.config import Settings


def cluster_provider(
    settings: Settings, *, server_side_apply: bool = True
) -> pulumi.ProviderResource:
    """The Kubernetes provider of this stack's cluster.

    It reads KUBECONFIG itself, so no credential enters the state, but for a kubeconfig from a
    Secret, which the stack's key encrypts there. The identifier ties the state to
    the cluster by name: a new address or token replaces nothing. Edited ConfigMaps and Secrets are
    updated in place, and the client is not held to its default 50 requests a second.

    The one without server-side apply has a name of its own. Both name the same cluster, so an
    object that changes from one to the other is not replaced.
    """
    inputs: dict[str, pulumi.Input[str]] = {
        "clusterIdentifier": settings.cluster,
        "enableConfigMapMutable": "true",
        "enableSecretMutable": "true",
        "suppressHelmHookWarnings": "true",
        "kubeClientSettings": '{"qps": 1000, "burst": 2000}',
    }
    if secret := settings.kubernetes.kubeconfig_secret:
        inputs["kubeconfig"] = pulumi.Output.secret(kubeconfig_in(secret))
    if settings.kubernetes.context:
        inputs["context"] = settings.kubernetes.context
    name = settings.cluster
    if not server_side_apply:
        inputs["enableServerSideApply"] = "false"
        name += "-client-side"
    return pulumi.ProviderResource(
        "kubernetes", name, inputs, pulumi.ResourceOptions(version=PROVIDER_VERSION)
    )
