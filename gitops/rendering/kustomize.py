"""What does a kustomization build to?

Called by ``render`` with gathered inputs. Runs ``kustomize build --enable-helm`` as ArgoCD does,
with the cluster's versions; plugins and functions stay off.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from gitops import yaml_reader
from gitops.errors import ManifestError, RenderError
from gitops.rendering import kustomize_edits, stage, tools
from gitops.rendering.inputs import Inputs, LoadRestrictor
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
    command = [tools.find("kustomize"), "build", "."]
    command += ["--load-restrictor", load_restrictor.value]
    command += ["--enable-helm", "--helm-kube-version", versions.version]
    if versions.api_versions:
        command += ["--helm-api-versions", ",".join(versions.api_versions)]
    with stage.laid_out(inputs, charts=charts) as place:
        kustomize_edits.apply(inputs.options, place=place, subject=subject)
        command += ["--helm-command", str(tools.helm_for_kustomize(place.home))]
        outcome = tools.run(command, environment=place.environment, directory=place.directory)
        if outcome.returncode == 0:
            return outcome.stdout
        cause = tools.cause(outcome.stderr, hide=place.hidden)
    raise _refusal(inputs, subject=subject, cause=_shortened(cause))


def _shortened(cause: str) -> str:
    """What is left of kustomize's message without its ways to say which way it came."""
    cause = re.sub(r".*recursed accumulation of path '([^']*)': ", r"in \1: ", cause)
    cause = re.sub(r"'?: must build at directory: .*", "", cause)
    cause = re.sub(r"accumulating (resources|components): ", "", cause)
    return re.sub(r"(accumulation err=')?accumulating (resources|components) from ", "", cause)


def _refusal(inputs: Inputs, *, subject: str, cause: str) -> RenderError:
    """The error for a failed build; broken YAML gets the file and line kustomize may not say."""
    if "yaml" in cause.lower():
        for path, content in inputs.files.items():
            if path.endswith((".yaml", ".yml")) and "/templates/" not in path:
                try:
                    yaml_reader.load(content, source=path)
                except ManifestError as error:
                    return RenderError(
                        subject, f"{error.subject}: {error.reason}", remedy=error.remedy
                    )
    remedy = f"correct it; to try: kustomize build --enable-helm {inputs.path}"
    if "is not in or below" in cause:
        remedy = (
            "kustomize reads no file above a kustomization: move it there, refer to a directory "
            "with a kustomization of its own, or give a chart a valuesFile in the directory"
        )
    return RenderError(subject, f"kustomize build failed: {cause}", remedy=remedy)
