"""Which API server does the user mean, and with whose credentials?

Called by ``connection.connect``. lightkube reads one file and turns it into HTTP parameters; what
kubectl does around that is here: the order of the places, a list of files in ``KUBECONFIG``, and
exec plugins of the current API version. The provider reads the same files with client-go, and
both must come to the same cluster.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gitops.errors import ClusterError

if TYPE_CHECKING:
    from lightkube.config.kubeconfig import SingleConfig
    from lightkube.config.models import UserExec

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
DEFAULT_KUBECONFIG = Path("~/.kube/config")
_FILE_KEYS = ("certificate-authority", "client-certificate", "client-key", "tokenFile")
_EXEC_V1 = "client.authentication.k8s.io/v1"
_EXEC_V1BETA1 = "client.authentication.k8s.io/v1beta1"


def select(context: str | None = None) -> SingleConfig:
    """The cluster and user of a context.

    The place is the files ``KUBECONFIG`` lists, else ``~/.kube/config``, else the service account
    of the pod this runs in (client-go's loading rules; lightkube prefers the service account).

    Args:
        context: the name of a context; the current context when None.

    Raises:
        ClusterError: there is no configuration, it cannot be read, or it lacks the context.
    """
    from lightkube.config.kubeconfig import KubeConfig

    files = existing_files(os.environ)
    if not files and context is None and in_cluster(os.environ):
        single = KubeConfig.from_service_account(SERVICE_ACCOUNT).get()
        assert single is not None  # from_service_account always sets a current context
        return single
    if not files:
        raise ClusterError(
            "kubeconfig",
            f"no file at {os.environ.get('KUBECONFIG') or DEFAULT_KUBECONFIG}",
            remedy="set KUBECONFIG, or start the local control plane with `make up`",
        )
    where = os.pathsep.join(str(file) for file in files)
    return select_in(merge(files), context, where=f"kubeconfig {where}")


def select_in(content: Mapping[str, Any], context: str | None, *, where: str) -> SingleConfig:
    """The cluster and user of a context of one kubeconfig.

    Args:
        content: the kubeconfig.
        context: the name of a context; the current context when None.
        where: what errors call it.

    Raises:
        ClusterError: it lacks the context.
    """
    from lightkube.config.kubeconfig import KubeConfig
    from lightkube.config.models import User
    from lightkube.core.exceptions import ConfigError
    from msgspec import ValidationError

    try:
        single = KubeConfig.from_dict(dict(content)).get(context)
    except (ConfigError, ValidationError, KeyError) as error:
        raise ClusterError(
            where,
            str(error) if not isinstance(error, KeyError) else f"has no entry {error}",
            remedy="name a context it has (`kubectl config get-contexts`)",
        ) from error
    assert single is not None  # get raises rather than returning None without a default
    user = single.user or User()  # lightkube refuses a context without a user; kubectl does not
    if user.exec:
        user.exec = _runnable(user.exec, single)
    return single._replace(user=user)


def existing_files(environment: Mapping[str, str]) -> tuple[Path, ...]:
    """The kubeconfig files to read: those of ``KUBECONFIG`` that exist, else the default one."""
    listed = environment.get("KUBECONFIG")
    places = [Path(name) for name in listed.split(os.pathsep) if name] if listed else []
    return tuple(
        path
        for place in places or [DEFAULT_KUBECONFIG]
        if (path := place.expanduser().absolute()).is_file()
    )


def in_cluster(environment: Mapping[str, str]) -> bool:
    """Whether this runs in a pod with a service account."""
    return "KUBERNETES_SERVICE_HOST" in environment and (SERVICE_ACCOUNT / "token").is_file()


def merge(files: tuple[Path, ...]) -> dict[str, Any]:
    """One kubeconfig of several: the first file that names an entry wins, as in kubectl.

    Paths in a file are relative to it, so they are made absolute here.

    Raises:
        ClusterError: a file cannot be read as YAML.
    """
    merged: dict[str, Any] = {"clusters": [], "contexts": [], "users": []}
    for file in files:
        content = _read(file)
        if content.get("current-context"):
            merged.setdefault("current-context", content["current-context"])
        for section in ("clusters", "contexts", "users"):
            known = {entry["name"] for entry in merged[section]}
            for entry in content.get(section) or []:
                if entry["name"] not in known:
                    merged[section].append(_absolute(entry, file.parent))
    return merged


def _read(file: Path) -> dict[str, Any]:
    import yaml

    remedy = "write it again with `kubectl config` or `make up`"
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ClusterError(
            f"kubeconfig {file}", f"cannot be read ({error})", remedy=remedy
        ) from error
    if not isinstance(content, dict):
        raise ClusterError(f"kubeconfig {file}", "is no kubeconfig", remedy=remedy)
    return content


def _absolute(entry: dict[str, Any], folder: Path) -> dict[str, Any]:
    return {
        key: {
            name: str(folder / setting) if name in _FILE_KEYS and setting else setting
            for name, setting in value.items()
        }
        if isinstance(value, dict)
        else value
        for key, value in entry.items()
    }


def _runnable(plugin: UserExec, single: SingleConfig) -> UserExec:
    """An exec plugin as lightkube can run it.

    lightkube knows the beta version of the credential API only; v1 answers the same token. It also
    leaves out the environment variable in which plugins find the version they shall answer with
    (Kubernetes documentation, "client-go credential plugins").
    """
    from lightkube.config.models import NameValue, UserExec

    info = json.dumps(
        {
            "apiVersion": plugin.apiVersion,
            "kind": "ExecCredential",
            "spec": {"interactive": False, "cluster": {"server": single.cluster.server}},
        }
    )
    return UserExec(
        apiVersion=_EXEC_V1BETA1 if plugin.apiVersion == _EXEC_V1 else plugin.apiVersion,
        command=plugin.command,
        args=plugin.args,
        env=[*(plugin.env or []), NameValue(name="KUBERNETES_EXEC_INFO", value=info)],
    )
