"""As which ServiceAccount is an Application synced?

Asked by composition once impersonation is on; the rule is ArgoCD's ("Application Sync using
impersonation"): of the project's ``destinationServiceAccounts`` the first entry that matches the
Application's destination, and none at all is a refusal. The API server then lets the Application do
what that account may do. Who is known to the state by the account's name is told by the name of the
provider it was applied through.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

from gitops.deployment.inventory import Inventory
from gitops.errors import ConfigError, ProjectError
from gitops.globs import matches
from gitops.in_cluster.objects import RECONCILER

if TYPE_CHECKING:
    from gitops.application import ApplicationSpec
    from gitops.application_target import ApplicationTarget
    from gitops.config import Settings
    from gitops.projects import AppProject

INPUT = "serviceAccount"
USER_PREFIX = "system:serviceaccount:"
CLIENT_SIDE = "-client-side"
_SERVER = "https://kubernetes.default.svc"
_LABEL = r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"
# a namespace is a DNS label, the name of an account a DNS subdomain (Kubernetes, "Object Names")
_ACCOUNT = re.compile(rf"(?:{_LABEL}:)?{_LABEL}(?:\.{_LABEL})*")
_MARK = "-as-"
_REFUSED = re.compile(
    rf'is forbidden: User "{USER_PREFIX}(?P<namespace>[^":]+):(?P<name>[^"]+)" cannot '
)


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class ServiceAccount:
    """An account of a namespace, whether it exists or not: rights are given to its name."""

    namespace: str
    name: str

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """The account that ``str`` has written; None where it is no such text."""
        namespace, colon, name = text.partition(":")
        return cls(namespace=namespace, name=name) if colon and namespace and name else None

    @property
    def user(self) -> str:
        """What the API server calls whoever authenticates with it (Kubernetes, "Managing Service
        Accounts"); it adds the account's groups itself."""
        return f"{USER_PREFIX}{self}"

    def __str__(self) -> str:
        return f"{self.namespace}:{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DestinationServiceAccount:
    """An entry of ``destinationServiceAccounts``: globs for the cluster's server and the
    Application's namespace, and the account, by its name in that namespace or as
    ``namespace:name``."""

    namespace: str
    account: str
    server: str = "*"


def read_accounts(project: Mapping[str, Any]) -> tuple[DestinationServiceAccount, ...]:
    """The entries of a project as ArgoCD writes it; their schema has been checked.

    Raises:
        ConfigError: the account is none, or a glob forbids, which ArgoCD knows for no entry here.
    """
    return tuple(
        _entry(each, f"AppProject {project['name']}: destinationServiceAccounts[{number}]")
        for number, each in enumerate(project.get("destinationServiceAccounts", ()))
    )


def _entry(values: Mapping[str, Any], subject: str) -> DestinationServiceAccount:
    account = values["defaultServiceAccount"]
    if not _ACCOUNT.fullmatch(account):
        raise ConfigError(
            f"{subject}.defaultServiceAccount",
            f"{account!r} is no ServiceAccount",
            remedy="write its name, or its namespace and name as namespace:name",
        )
    found = DestinationServiceAccount(
        namespace=values.get("namespace", ""), account=account, server=values.get("server", "*")
    )
    for name, glob in (("namespace", found.namespace), ("server", found.server)):
        if glob.startswith("!"):
            raise ConfigError(
                f"{subject}.{name}",
                f"{glob!r} would mean all but one, and the first entry that matches counts",
                remedy="put an entry for that one before an entry for the others",
            )
    return found


def account_for(spec: ApplicationSpec, project: AppProject) -> ServiceAccount:
    """The account an Application is synced as.

    Raises:
        ProjectError: no entry of the project matches, or one without a namespace does where the
            Application has none either.
    """
    namespace = spec.destination.namespace
    for entry in project.destination_service_accounts:
        if not (matches(entry.server, _SERVER) and matches(entry.namespace, namespace)):
            continue
        place, colon, name = entry.account.rpartition(":")
        if not colon and not namespace:
            raise ProjectError(
                spec.subject,
                f"AppProject {project.name} names ServiceAccount {name} for it, and it has no "
                "destination namespace to look for that in",
                remedy=f"write it as namespace:{name}",
            )
        return ServiceAccount(namespace=place if colon else namespace, name=name)
    raise ProjectError(
        spec.subject,
        f"no entry in destinationServiceAccounts of AppProject {project.name} matches namespace "
        f"{namespace!r}, and impersonation is on",
        remedy="add one for it, or set home-ops:impersonation.enabled to false",
    )


def with_account(target: ApplicationTarget, project: AppProject) -> ApplicationTarget:
    """The Application with the account it is synced as; broken where there is none."""
    if target.error is not None:
        return target
    try:
        return replace(target, account=account_for(target.spec, project))
    except ProjectError as error:
        return target.broken(error)


def not_in_force(settings: Settings, projects: Iterable[AppProject]) -> tuple[str, ...]:
    """What people are warned of while impersonation is off: projects that name accounts."""
    if settings.impersonation:
        return ()
    names = sorted(each.name for each in projects if each.destination_service_accounts)
    return tuple(
        f"AppProject {name}: destinationServiceAccounts has no effect while "
        "home-ops:impersonation.enabled is not true"
        for name in names
    )


def with_remedy(message: str) -> str:
    """What the API server says when it refuses something to an account, and what helps."""
    found = _REFUSED.search(message)
    if found is None or found["name"] == RECONCILER:
        return message
    return (
        f"{message}; grant it to ServiceAccount {found['namespace']}:{found['name']} (RBAC), or "
        "have the AppProject name another in destinationServiceAccounts"
    )


def last_account(inventory: Inventory, application: str) -> ServiceAccount | None:
    """The account an Application was last synced as."""
    inputs = inventory.application_inputs.get(application, {})
    return ServiceAccount.parse(str(inputs.get(INPUT, "")))


def provider_name(cluster: str, account: ServiceAccount | None, *, client_side: bool) -> str:
    """What the provider is called that applies as an account; a namespace has no dot in it."""
    name = f"{cluster}{_MARK}{account.namespace}.{account.name}" if account else cluster
    if not client_side:
        return name
    # no account's name ends with an underscore, so this is no other account's
    return f"{name}_{CLIENT_SIDE}" if account else f"{name}{CLIENT_SIDE}"


def account_of_provider(reference: str, cluster: str) -> ServiceAccount | None:
    """The account of the provider that an object was applied through.

    Args:
        reference: the provider's URN and id, as the state has them.
        cluster: the cluster's name in the config.
    """
    name = reference.rpartition("::")[0].rpartition("::")[2]
    name = name.removesuffix(f"_{CLIENT_SIDE}")
    start = f"{cluster}{_MARK}"
    if not name.startswith(start):
        return None
    return ServiceAccount.parse(name.removeprefix(start).replace(".", ":", 1))
