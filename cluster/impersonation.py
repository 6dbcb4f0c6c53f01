"""With which kubeconfig does the provider write as a ServiceAccount?

Asked by the program for each account Applications are synced as, and by a pass before it has the
engine read something with the providers in the state. Only a kubeconfig can tell the provider whom
to impersonate. What is written is the stack's own kubeconfig with ``as`` in its user; in a Pod it
names the token's file and holds no credential. The state holds its place and nothing of it; the
place is the same on every machine, since the provider looks for ``~`` where we do.
"""

from __future__ import annotations

import json
import os
import pwd
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from cluster.kubeconfig import SERVICE_ACCOUNT, existing_files, in_cluster, merge
from cluster.stack_cluster import kubeconfig_in, parsed_kubeconfig
from gitops.config import Settings
from gitops.configuration.kubernetes_settings import KubernetesSettings
from gitops.errors import ClusterError, ConfigError
from gitops.impersonation import ServiceAccount, account_of_provider

_FOLDER = ".cache/home-ops/impersonation"


def kubeconfig_input(settings: Settings, account: ServiceAccount, *, stack: str) -> str | None:
    """What the provider is given: the place of its kubeconfig; None where the stack's kubeconfig is
    in a Secret, and the provider is given the text of ``kubeconfig_as``."""
    if settings.kubernetes.kubeconfig_secret:
        return None
    name = f"{account.namespace}.{account.name}.json"
    return f"~/{_FOLDER}/{settings.cluster}/{stack.rpartition('/')[2]}/{name}"


def write_kubeconfigs(
    settings: Settings, accounts: Iterable[ServiceAccount], *, stack: str
) -> None:
    """Put the kubeconfigs of some accounts where the state says they are.

    Args:
        settings: the stack's config.
        accounts: the accounts.
        stack: the stack's name.

    Raises:
        ClusterError: there is no usable kubeconfig.
        ConfigError: they cannot be written.
    """
    wanted = sorted(set(accounts))
    for account in wanted:
        place = kubeconfig_input(settings, account, stack=stack)
        if place is not None:
            content = kubeconfig_as(settings.kubernetes, account)
            _write(_home() / place.removeprefix("~/"), content)
    _sweep(wanted)


def accounts_in(references: Iterable[str], settings: Settings) -> frozenset[ServiceAccount]:
    """The accounts that objects were applied as, by the URNs and ids of their providers."""
    found = (account_of_provider(each, settings.cluster) for each in set(references))
    return frozenset(each for each in found if each is not None)


def kubeconfig_as(settings: KubernetesSettings, account: ServiceAccount) -> str:
    """The stack's kubeconfig, with an account in the place of its user.

    Raises:
        ClusterError: there is none, it lacks its context, or its user impersonates somebody.
    """
    content: Mapping[str, Any]
    if secret := settings.kubeconfig_secret:
        content, where = parsed_kubeconfig(kubeconfig_in(secret), secret), str(secret)
    elif files := existing_files(os.environ):
        content = merge(files)
        where = f"kubeconfig {os.pathsep.join(map(str, files))}"
    elif in_cluster(os.environ) and not settings.context:
        content, where = _own_pod(os.environ), "the Pod's own ServiceAccount"
    else:
        raise ClusterError(
            "kubeconfig",
            f"there is none to impersonate ServiceAccount {account} with",
            remedy="set KUBECONFIG, or start the local control plane with `make up`",
        )
    return json.dumps(impersonating(content, settings.context, account.user, where=where))


def impersonating(
    content: Mapping[str, Any], context: str, user: str, *, where: str
) -> dict[str, Any]:
    """One context of a kubeconfig, with requests sent as another user.

    Args:
        content: the kubeconfig.
        context: the name of a context; the current one when empty.
        user: whom to impersonate.
        where: what errors call it.

    Raises:
        ClusterError: it lacks the context, or its user impersonates somebody already.
    """
    name = context or content.get("current-context") or ""
    entry = _entry(content, "contexts", name, where)
    cluster = _entry(content, "clusters", str(entry["context"].get("cluster", "")), where)
    own: Mapping[str, Any] = {}
    if wanted := entry["context"].get("user"):
        own = _entry(content, "users", str(wanted), where).get("user") or {}
    if own.get("as"):
        raise ClusterError(
            where,
            f"the user of context {name!r} impersonates {own['as']}, and whoever does that can "
            f"impersonate nobody else ({user})",
            remedy="use a context without `as`, or set home-ops:impersonation.enabled to false",
        )
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name,
        "contexts": [{"name": name, "context": {**entry["context"], "user": user}}],
        "clusters": [cluster],
        "users": [{"name": user, "user": {**own, "as": user}}],
    }


def _entry(content: Mapping[str, Any], section: str, name: str, where: str) -> Mapping[str, Any]:
    for each in content.get(section) or ():
        if each.get("name") == name:
            found: Mapping[str, Any] = each
            return found
    raise ClusterError(
        where,
        f"has no entry {name!r} in {section}",
        remedy="name a context it has (`kubectl config get-contexts`)",
    )


def _own_pod(environment: Mapping[str, str]) -> dict[str, Any]:
    """What client-go's in-cluster configuration says, as a kubeconfig: the token is read anew."""
    host = environment["KUBERNETES_SERVICE_HOST"]
    host = f"[{host}]" if ":" in host else host
    server = f"https://{host}:{environment.get('KUBERNETES_SERVICE_PORT', '443')}"
    cluster = {"server": server, "certificate-authority": str(SERVICE_ACCOUNT / "ca.crt")}
    user = {"tokenFile": str(SERVICE_ACCOUNT / "token")}
    return {
        "current-context": "pod",
        "contexts": [{"name": "pod", "context": {"cluster": "pod", "user": "pod"}}],
        "clusters": [{"name": "pod", "cluster": cluster}],
        "users": [{"name": "pod", "user": user}],
    }


def _sweep(accounts: Iterable[ServiceAccount]) -> None:
    """Remove the copies that providers of earlier runs have left: each makes one of its kubeconfig,
    for what it would do with Helm, and never removes it."""
    lines = {f"as: {each.user}" for each in accounts}
    for file in Path(tempfile.gettempdir()).glob("kubeconfig[0-9]*") if lines else ():
        with suppress(OSError, UnicodeDecodeError):
            if file.is_symlink() or file.stat().st_uid != os.getuid():
                continue
            if lines & {line.strip() for line in file.read_text(encoding="utf-8").splitlines()}:
                file.unlink()


def _home() -> Path:
    # where Go's os/user looks, and so the provider
    try:
        return Path(pwd.getpwuid(os.getuid()).pw_dir)
    except KeyError:
        return Path.home()


def _write(file: Path, content: str) -> None:
    """Write a file only its owner can read; whoever reads it meanwhile sees the old or the new."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor, made = tempfile.mkstemp(dir=file.parent)  # with mode 600
        with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
            opened.write(content)
        Path(made).replace(file)
    except OSError as error:
        raise ConfigError(
            str(file),
            f"cannot be written ({error.strerror})",
            remedy="impersonation needs a home directory that can be written to",
        ) from error
