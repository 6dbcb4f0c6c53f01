"""Which programs does home-ops start, at which version, and from where can each be had?

The table ``TOOLS`` is read by ``toolchain.install``. The versions here and the modules pinned in
``toolchain/go/*/go.mod`` are raised together.
"""

from __future__ import annotations

from toolchain.tools import Fit, GoBuild, ModuleFiles, PathCheck, Release, Tool

PULUMI = "3.259.0"
LANGUAGE_HOST = "3.79.0"
KUBERNETES_PROVIDER = "4.25.0"
COMMAND_PROVIDER = "1.2.1"
KUBERNETES = "1.36.3"
ETCD = "3.6.8"
KWOK = "0.8.0"
HELM = "3.22.0"
KUSTOMIZE = "5.8.1"
TEMPLATES = "0.1.0"
VERSITYGW = "1.8.0"

GITHUB = "https://github.com"

_KUBERNETES_VARIABLES = {
    "k8s.io/component-base/version.gitVersion": f"v{KUBERNETES}",
    "k8s.io/component-base/version.gitMajor": KUBERNETES.split(".")[0],
    "k8s.io/component-base/version.gitMinor": KUBERNETES.split(".")[1],
}
_HELM_CAPABILITIES = ("helm.sh/helm/v3/pkg/chartutil", "helm.sh/helm/v3/pkg/lint/rules")


def _pulumi_release(*programs: str) -> Release:
    download = f"{GITHUB}/pulumi/pulumi/releases/download/v{PULUMI}"
    return Release(
        url=f"{download}/pulumi-v{PULUMI}-{{os}}-{{arch}}.tar.gz",
        checksums=f"{download}/pulumi-{PULUMI}-checksums.txt",
        programs=programs,
        architectures={"amd64": "x64", "arm64": "arm64"},
    )


def _plugin_release(plugin: str) -> Release:
    # the checksum files beside these releases hold SHA-1: GitHub's own description has the SHA-256
    return Release(
        url=f"{GITHUB}/pulumi/pulumi-{plugin}/releases/download/v{{version}}/"
        f"pulumi-resource-{plugin}-v{{version}}-{{os}}-{{arch}}.tar.gz",
        checksums=f"https://api.github.com/repos/pulumi/pulumi-{plugin}/releases/tags/v{{version}}",
        programs=(f"pulumi-resource-{plugin}",),
    )


def _kubernetes(name: str, *, fit: Fit, systems: tuple[str, ...] = ("linux",)) -> Tool:
    client = name == "kubectl"
    url = f"https://dl.k8s.io/release/v{{version}}/bin/{{os}}/{{arch}}/{name}"
    return Tool(
        name=name,
        version=KUBERNETES,
        path_check=PathCheck(
            arguments=("version", "--client") if client else ("--version",), fit=fit
        ),
        release=Release(url=url, checksums=f"{url}.sha256", programs=(name,), systems=systems),
        build=GoBuild(
            folder="controlplane",
            package=f"k8s.io/kubernetes/cmd/{name}",
            variables=_KUBERNETES_VARIABLES,
        ),
    )


TOOLS: tuple[Tool, ...] = (
    Tool(
        name="kustomize",
        version=KUSTOMIZE,
        path_check=PathCheck(arguments=("version",), fit=Fit.SAME_MAJOR),
        release=Release(
            url=f"{GITHUB}/kubernetes-sigs/kustomize/releases/download/kustomize%2Fv{{version}}/"
            "kustomize_v{version}_{os}_{arch}.tar.gz",
            checksums=f"{GITHUB}/kubernetes-sigs/kustomize/releases/download/"
            "kustomize%2Fv{version}/checksums.txt",
            programs=("kustomize",),
        ),
        build=GoBuild(folder="render", package="sigs.k8s.io/kustomize/kustomize/v5"),
    ),
    Tool(
        name="helm",
        version=HELM,
        path_check=PathCheck(arguments=("version", "--short"), fit=Fit.SAME_MAJOR),
        release=Release(
            url="https://get.helm.sh/helm-v{version}-{os}-{arch}.tar.gz",
            checksums="https://get.helm.sh/helm-v{version}-{os}-{arch}.tar.gz.sha256sum",
            programs=("helm",),
        ),
        build=GoBuild(
            folder="render",
            package="helm.sh/helm/v3/cmd/helm",
            # without these it believes it talks to Kubernetes 1.20
            variables={
                "helm.sh/helm/v3/internal/version.version": f"v{HELM}",
                **{f"{package}.k8sVersionMajor": "1" for package in _HELM_CAPABILITIES},
                **{
                    f"{package}.k8sVersionMinor": KUBERNETES.split(".")[1]
                    for package in _HELM_CAPABILITIES
                },
            },
        ),
    ),
    # ours: the Go templates of ApplicationSets
    Tool(
        name="home-ops-templates",
        version=TEMPLATES,
        build=GoBuild(folder="templates", package=".", variables={"main.version": TEMPLATES}),
    ),
    _kubernetes("kube-apiserver", fit=Fit.SAME_MINOR),
    _kubernetes("kube-controller-manager", fit=Fit.SAME_MINOR),
    _kubernetes("kube-scheduler", fit=Fit.SAME_MINOR),
    _kubernetes("kubectl", fit=Fit.SAME_MAJOR, systems=("linux", "darwin")),
    Tool(
        name="etcd",
        version=ETCD,
        path_check=PathCheck(arguments=("--version",), fit=Fit.SAME_MINOR),
        release=Release(
            url=f"{GITHUB}/etcd-io/etcd/releases/download/v{{version}}/"
            "etcd-v{version}-{os}-{arch}.{suffix}",
            checksums=f"{GITHUB}/etcd-io/etcd/releases/download/v{{version}}/SHA256SUMS",
            programs=("etcd",),
            suffixes={"linux": "tar.gz", "darwin": "zip"},
        ),
        build=GoBuild(folder="controlplane", package="go.etcd.io/etcd/server/v3"),
    ),
    # only ever built: its releases publish no checksums, and its stages come from its module
    Tool(
        name="kwok",
        version=KWOK,
        build=GoBuild(
            folder="controlplane",
            package="sigs.k8s.io/kwok/cmd/kwok",
            files=(
                ModuleFiles(
                    module="sigs.k8s.io/kwok",
                    source="kustomize/stage",
                    target="stages",
                    pattern="*/*/*.yaml",
                ),
            ),
        ),
    ),
    Tool(
        name="pulumi-language-python",
        version=LANGUAGE_HOST,
        programs=("pulumi-language-python", "pulumi-language-python-exec"),
        # it has no version of its own to ask for: it belongs to the engine it was released with
        path_check=PathCheck(
            arguments=("version",), fit=Fit.SAME_MAJOR, beside="pulumi", version=PULUMI
        ),
        release=_pulumi_release("pulumi-language-python", "pulumi-language-python-exec"),
        build=GoBuild(
            folder="language",
            package="github.com/pulumi/pulumi/sdk/v3/python/cmd/pulumi-language-python",
            files=(
                ModuleFiles(
                    module="github.com/pulumi/pulumi/sdk/v3",
                    source="python/cmd/pulumi-language-python-exec",
                    target="pulumi-language-python-exec",
                    executable=True,
                ),
            ),
        ),
    ),
    Tool(
        name="pulumi",
        version=PULUMI,
        path_check=PathCheck(arguments=("version",), fit=Fit.SAME_MAJOR),
        release=_pulumi_release("pulumi"),
        build=GoBuild(
            folder="pulumi",
            package="github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
            variables={
                "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version": f"v{PULUMI}",
            },
        ),
    ),
    Tool(
        name="pulumi-resource-kubernetes",
        version=KUBERNETES_PROVIDER,
        plugin="kubernetes",
        release=_plugin_release("kubernetes"),
        build=GoBuild(
            folder="provider",
            package=".",
            variables={"main.version": KUBERNETES_PROVIDER},
            files=(
                ModuleFiles(
                    module="github.com/pulumi/pulumi-kubernetes/provider/v4",
                    source="cmd/pulumi-resource-kubernetes/schema.json",
                    target="schema.json",
                ),
            ),
        ),
    ),
    Tool(
        name="pulumi-resource-command",
        version=COMMAND_PROVIDER,
        plugin="command",
        release=_plugin_release("command"),
        optional=True,
        without="an Application that wants local commands says that they cannot run",
    ),
)

# what tests alone run, got when one of them does
TEST_TOOLS: tuple[Tool, ...] = (
    Tool(
        name="versitygw",
        version=VERSITYGW,
        build=GoBuild(
            folder="objectstore",
            package="github.com/versity/versitygw/cmd/versitygw",
            variables={"main.Version": VERSITYGW},
        ),
    ),
)
