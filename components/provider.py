"""Through which provider do objects reach the cluster?

``cluster_provider`` is made once by the composition root; components hand it to their children.
Applications that are synced as a ServiceAccount have one for each account and way of writing:
``Providers`` makes those a run needs.
"""

from __future__ import annotations

import pulumi

from cluster.impersonation import (
    accounts_in,
    kubeconfig_as,
    kubeconfig_input,
    write_kubeconfigs,
)
from cluster.stack_cluster import kubeconfig_in
from components.resources import PROVIDER_VERSION
from gitops.config import Settings
from gitops.deployment.part import Part
from gitops.errors import ClusterError
from gitops.impersonation import ServiceAccount, account_of_provider, provider_name


def cluster_provider(
    settings: Settings, *, server_side_apply: bool = True, account: ServiceAccount | None = None
) -> pulumi.ProviderResource:
    """The Kubernetes provider of this stack's cluster.

    It reads KUBECONFIG itself, so no credential enters the state, but for a kubeconfig from a
    Secret, which the stack's key encrypts there. The identifier ties the state to
    the cluster by name: a new address or token replaces nothing. Edited ConfigMaps and Secrets are
    updated in place, and the client is not held to its default 50 requests a second.

    The one without server-side apply has a name of its own, as has that of an account. All name the
    same cluster, so an object that changes from one to the other is not replaced.
    """
    inputs: dict[str, pulumi.Input[str]] = {
        "clusterIdentifier": settings.cluster,
        "enableConfigMapMutable": "true",
        "enableSecretMutable": "true",
        "suppressHelmHookWarnings": "true",
        "kubeClientSettings": '{"qps": 1000, "burst": 2000}',
    }
    if account is not None:
        place = kubeconfig_input(settings, account, stack=pulumi.get_stack())
        inputs["kubeconfig"] = place or pulumi.Output.secret(
            kubeconfig_as(settings.kubernetes, account)
        )
    elif secret := settings.kubernetes.kubeconfig_secret:
        inputs["kubeconfig"] = pulumi.Output.secret(kubeconfig_in(secret))
    if settings.kubernetes.context and account is None:
        inputs["context"] = settings.kubernetes.context
    if not server_side_apply:
        inputs["enableServerSideApply"] = "false"
    return pulumi.ProviderResource(
        "kubernetes",
        provider_name(settings.cluster, account, client_side=not server_side_apply),
        inputs,
        pulumi.ResourceOptions(version=PROVIDER_VERSION),
    )


class Providers:
    """The providers of a run, each made when the first object needs it.

    Args:
        settings: the stack's config.
        own: the one that writes as whoever runs the program.
    """

    def __init__(self, settings: Settings, own: pulumi.ProviderResource | None) -> None:
        self._settings = settings
        self._made: dict[tuple[ServiceAccount | None, bool], pulumi.ProviderResource] = {}
        if own is not None:
            self._made[None, True] = own

    def prepare(self, part: Part) -> None:
        """Have the kubeconfigs of a part's accounts ready, those of the last deployment among them:
        what was applied as an account is deleted as that account.

        Raises:
            ClusterError: there is no usable kubeconfig, and this is no preview.
            ConfigError: they cannot be written.
        """
        references = (
            each.provider for each in (*part.inventory.objects.values(), *part.bystanders)
        )
        accounts = (each.account for each in part.applications if each.account)
        wanted = {*accounts, *accounts_in(references, self._settings)}
        try:
            write_kubeconfigs(self._settings, wanted, stack=pulumi.get_stack())
        except ClusterError as error:
            if not pulumi.runtime.is_dry_run():
                raise
            pulumi.log.warn(str(error))  # previewed without a cluster, as everything else is

    def of(
        self, account: ServiceAccount | None, *, server_side_apply: bool = True
    ) -> pulumi.ProviderResource:
        """The provider that writes as an account, or as whoever runs the program."""
        found = self._made.get((account, server_side_apply))
        if found is None:
            found = cluster_provider(
                self._settings, server_side_apply=server_side_apply, account=account
            )
            self._made[account, server_side_apply] = found
        return found

    def last(self, reference: str) -> pulumi.ProviderResource:
        """The provider that an object was applied through, by its URN and id in the state."""
        return self.of(account_of_provider(reference, self._settings.cluster))
