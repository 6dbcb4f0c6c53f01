"""What does a kustomization build to?

Called by ``render`` with gathered inputs. Runs ``kustomize build --enable-helm`` as ArgoCD does,
with the cluster's versions; plugins and functions stay off.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from gitops import stage, tools
from gitops.errors import RenderError
from gitops.inputs import Inputs, LoadRestrictor
from gitops.versions import ClusterVersions


def build(
    inputs: Inputs,
    *,
    subject: str,
    charts: Mapping[str, Path],
    versions: ClusterVersions,
    load_restrictor: LoadRestrictor = LoadRestrictor.ROOT_ONLY,
) -> bytes:
    """The YAML kustomize builds from the inputs.

    Args:
        inputs: what ``kustomization.gather`` found.
        subject: what errors start with.
        charts: the unpacked chart for each place in ``inputs.charts``.
        versions: what charts see as ``.Capabilities``.
        load_restrictor: whether files outside a kustomization's directory may be read.

    Raises:
        RenderError: kustomize refuses the inputs or takes too long; the reason is its cause.
        ToolError: kustomize or helm is not on PATH.
    """
    command = [
        tools.find("kustomize"),
        "build",
        ".",
        "--load-restrictor",
        load_restrictor.value,
        "--enable-helm",
        "--helm-kube-version",
        versions.version,
    ]
    if versions.api_versions:
        command += ["--helm-api-versions", ",".join(versions.api_versions)]
    with stage.laid_out(inputs, charts=charts) as place:
        command += ["--helm-command", str(tools.helm_for_kustomize(place.home))]
        outcome = tools.run(command, environment=place.environment, directory=place.directory)
        if outcome.returncode == 0:
            return outcome.stdout
        cause = tools.cause(outcome.stderr, hide=place.hidden)
    raise RenderError(
        subject,
        f"kustomize build failed: {cause}",
        remedy=f"correct it; to try: kustomize build --enable-helm {inputs.path}",
    )
