"""How is a chart's archive pulled and unpacked?

Called by the chart store, once per chart and machine. helm pulls; it sees none of the user's
settings and no password on its command line.
"""

from __future__ import annotations

import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path

from gitops.chart_store import source as chart_source
from gitops.chart_store.source import Credential
from gitops.errors import ChartError
from gitops.rendering import tools
from gitops.rendering.inputs import ChartReference

_REPOSITORY = "home-ops"


def pull(
    chart: ChartReference, *, url: str, credentials: Mapping[str, Credential], into: Path
) -> Path:
    """Pull a chart's archive.

    Args:
        chart: the chart.
        url: the repository to pull from, mirrors applied.
        credentials: by prefix of the repository.
        into: an empty folder.

    Returns:
        The archive.

    Raises:
        ChartError: the repository, the chart or the version is not there; the reason is helm's.
        ToolError: helm is not on PATH.
    """
    login = chart_source.login(chart, url=url, credentials=credentials)
    with tempfile.TemporaryDirectory(prefix="home-ops-pull-") as name:
        home = Path(name)
        environment = tools.environment(home)
        chart_source.write_settings(home / "config", url=url, name=_REPOSITORY, login=login)
        for arguments in _commands(chart, url):
            outcome = tools.run(
                [tools.find("helm"), *arguments], environment=environment, directory=into
            )
            if outcome.returncode != 0:
                said = f"{outcome.stdout.decode('utf-8', 'replace')}\n{outcome.stderr}"
                raise ChartError(
                    str(chart),
                    f"cannot be pulled from {url}: {tools.cause(said, hide=[home])}",
                    remedy="check repository, name and version, or set chartMirrors",
                )
    archives = list(into.iterdir())
    if len(archives) != 1:
        raise ChartError(str(chart), f"{url} sent no chart", remedy="check the repository")
    return archives[0]


def _commands(chart: ChartReference, url: str) -> list[list[str]]:
    """What helm is told to do; an HTTP repository's index comes first."""
    version = ["--version", chart.version] if chart.version else []
    if url.startswith("oci://"):
        plain = ["--plain-http"] if chart_source.is_loopback(url) else []
        return [["pull", f"{url}/{chart.name}", *version, *plain]]
    return [
        ["repo", "update", "--fail-on-repo-update-fail", _REPOSITORY],
        ["pull", f"{_REPOSITORY}/{chart.name}", *version],
    ]


def unpack(archive: Path, *, chart: ChartReference, into: Path) -> Path:
    """Unpack a chart's archive; nothing in it may lead out of the folder.

    Returns:
        The chart's folder.

    Raises:
        ChartError: the archive is damaged, or holds another chart.
    """
    try:
        with tarfile.open(archive) as packed:
            packed.extractall(into, filter="data")
    except (tarfile.TarError, OSError, EOFError) as error:
        raise ChartError(
            str(chart), f"its archive cannot be unpacked: {error}", remedy="pull or pack it again"
        ) from error
    folder = into / chart.name
    if not (folder / "Chart.yaml").is_file():
        raise ChartError(
            str(chart), f"its archive holds no {chart.name}/Chart.yaml", remedy="pack it again"
        )
    return folder
