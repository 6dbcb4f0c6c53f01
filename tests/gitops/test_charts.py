"""Charts: pulled once, from where mirrors say, and only the bytes that were locked."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitops.chart_store.locking import lock_charts
from gitops.chart_store.source import Credential, locate, longest_prefix
from gitops.charts import ChartStore
from gitops.errors import ChartError
from gitops.rendering.inputs import ChartReference
from tests.gitops.chart_servers import ChartServer, chart_server
from tests.gitops.credentials.mounted import mount
from tests.gitops.rendering import archive, chart_files, spec_for, write

DEMO = archive(chart_files("demo", "1.0.0"))
OTHER = archive(chart_files("demo", "1.0.0", message="tampered"))


@pytest.fixture
def server() -> Iterator[ChartServer]:
    with chart_server() as served:
        yield served


def store(tmp_path: Path, **settings: object) -> ChartStore:
    """A store in a fresh folder, beside a fresh repository."""
    (tmp_path / "repository").mkdir(exist_ok=True)
    options = {"repository_root": tmp_path / "repository"} | settings
    options.setdefault("lock_file", tmp_path / "repository" / "charts.lock")
    return ChartStore(tmp_path / "store", **options)  # type: ignore[arg-type]


def test_chart_comes_from_an_http_repository_once(tmp_path: Path, server: ChartServer) -> None:
    """A second pull, even by another store object, asks the repository nothing."""
    server.serve_http("demo", "1.0.0", DEMO)
    folder = store(tmp_path).pull(server.http, "demo", "1.0.0")
    assert (folder / "values.yaml").read_text() == "message: hello\n"
    asked = len(server.asked)
    assert asked == 2
    assert store(tmp_path).pull(server.http, "demo", "1.0.0") == folder
    assert len(server.asked) == asked


def test_chart_comes_from_an_oci_registry_once(tmp_path: Path, server: ChartServer) -> None:
    """helm pulls from a registry on the loopback interface over plain HTTP."""
    server.serve_oci("demo", "1.0.0", DEMO)
    folder = store(tmp_path).pull(server.oci, "demo", "1.0.0")
    assert (folder / "Chart.yaml").is_file()
    asked = len(server.asked)
    assert asked > 0
    assert store(tmp_path).pull(server.oci, "demo", "1.0.0") == folder
    assert len(server.asked) == asked


@pytest.mark.parametrize("kind", ["http", "oci"])
def test_credentials_come_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """A repository that wants a login gets the one whose variables the settings name."""
    monkeypatch.setenv("CHARTS_USER", "reader")
    monkeypatch.setenv("CHARTS_PASSWORD", "not-a-real-one")
    with chart_server(login="reader:not-a-real-one") as served:
        served.serve_http("demo", "1.0.0", DEMO)
        served.serve_oci("demo", "1.0.0", DEMO)
        repo = getattr(served, kind)
        with pytest.raises(ChartError, match="cannot be pulled"):
            store(tmp_path).pull(repo, "demo", "1.0.0")
        login = Credential(username_env="CHARTS_USER", password_env="CHARTS_PASSWORD")
        folder = store(tmp_path, credentials={repo: login}).pull(repo, "demo", "1.0.0")
        assert (folder / "Chart.yaml").is_file()


@pytest.mark.parametrize("kind", ["http", "oci"])
def test_credentials_come_from_a_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """A repository that wants a login gets what is in the Secret at that moment."""
    monkeypatch.setenv("HOME_OPS_SECRETS", str(tmp_path / "secrets"))
    login = Credential(secret="charts")
    with chart_server(login="reader:not-a-real-one") as served:
        served.serve_http("demo", "1.0.0", DEMO)
        served.serve_oci("demo", "1.0.0", DEMO)
        repo = getattr(served, kind)
        found = store(tmp_path, credentials={repo: login})
        with pytest.raises(ChartError, match=r"Secret charts cannot be read.*; mount it there"):
            found.pull(repo, "demo", "1.0.0")
        mount(tmp_path / "secrets" / "charts", {"username": "reader"})
        with pytest.raises(ChartError, match="Secret charts has no username and password"):
            found.pull(repo, "demo", "1.0.0")
        mount(tmp_path / "secrets" / "charts", {"username": "reader", "password": "old"})
        with pytest.raises(ChartError, match="cannot be pulled"):
            found.pull(repo, "demo", "1.0.0")
        values = {"username": "reader", "password": "not-a-real-one\n"}
        mount(tmp_path / "secrets" / "charts", values)
        assert (found.pull(repo, "demo", "1.0.0") / "Chart.yaml").is_file()


def test_password_is_on_no_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: ChartServer
) -> None:
    """Whoever lists processes while helm runs does not see the password."""
    monkeypatch.setenv("CHARTS_USER", "reader")
    monkeypatch.setenv("CHARTS_PASSWORD", "not-a-real-one")
    commands: list[object] = []
    start = subprocess.Popen

    def recorded(command: list[str], **options: object) -> object:
        commands.append((command, options["env"]))
        return start(command, **options)  # type: ignore[call-overload]

    monkeypatch.setattr("gitops.rendering.tools.subprocess.Popen", recorded)
    server.serve_http("demo", "1.0.0", DEMO)
    login = Credential(username_env="CHARTS_USER", password_env="CHARTS_PASSWORD")
    store(tmp_path, credentials={server.http: login}).pull(server.http, "demo", "1.0.0")
    assert len(commands) == 2
    assert "not-a-real-one" not in str(commands)


def test_missing_credentials_name_the_variable(tmp_path: Path, server: ChartServer) -> None:
    """A login whose variable is not set is refused before anything is asked."""
    login = Credential(username_env="CHARTS_USER", password_env="UNSET_PASSWORD")
    with pytest.raises(ChartError, match="UNSET_PASSWORD is not set"):
        store(tmp_path, credentials={server.oci: login}).pull(server.oci, "demo", "1.0.0")
    assert server.asked == []


@pytest.mark.parametrize(("name", "version"), [("demo", "9.9.9"), ("absent", "1.0.0")])
@pytest.mark.parametrize("kind", ["http", "oci"])
def test_chart_or_version_not_found(
    tmp_path: Path, server: ChartServer, kind: str, name: str, version: str
) -> None:
    """A chart or version the repository does not have is named, with the repository."""
    server.serve_http("demo", "1.0.0", DEMO)
    server.serve_oci("demo", "1.0.0", DEMO)
    repo = getattr(server, kind)
    with pytest.raises(ChartError) as refused:
        store(tmp_path).pull(repo, name, version)
    assert str(refused.value).startswith(f"chart {name} {version} from {repo}: cannot be pulled")


def test_unreachable_repository_says_why(tmp_path: Path) -> None:
    """A repository that does not answer is refused with the reason helm had."""
    for repo in ("http://127.0.0.1:9/charts", "oci://127.0.0.1:9/charts"):
        with pytest.raises(ChartError, match="connection refused"):
            store(tmp_path).pull(repo, "demo", "1.0.0")


def test_recording_locks_and_a_plain_run_does_not(tmp_path: Path, server: ChartServer) -> None:
    """Only a recording store writes the lock file; another one names what is not locked."""
    server.serve_oci("demo", "1.0.0", DEMO)
    lock = tmp_path / "repository" / "charts.lock"
    plain = store(tmp_path)
    plain.pull(server.oci, "demo", "1.0.0")
    assert plain.unlocked == (ChartReference(repo=server.oci, name="demo", version="1.0.0"),)
    assert not lock.exists()
    store(tmp_path, record=True).pull(server.oci, "demo", "1.0.0")
    first = lock.read_text()
    assert [entry["version"] for entry in json.loads(first)["charts"]] == ["1.0.0"]
    store(tmp_path, record=True).pull(server.oci, "demo", "1.0.0")
    assert lock.read_text() == first
    locked = store(tmp_path)
    locked.pull(server.oci, "demo", "1.0.0")
    assert locked.unlocked == ()


@pytest.mark.parametrize("kind", ["http", "oci"])
def test_other_bytes_under_a_locked_version_are_refused(
    tmp_path: Path, server: ChartServer, kind: str
) -> None:
    """A repository that serves another archive is found out, with chart and both digests."""
    server.serve_http("demo", "1.0.0", DEMO)
    server.serve_oci("demo", "1.0.0", DEMO)
    repo = getattr(server, kind)
    store(tmp_path, record=True).pull(repo, "demo", "1.0.0")
    lock = tmp_path / "repository" / "charts.lock"
    locked = json.loads(lock.read_text())["charts"][0]["digest"]
    server.serve_http("demo", "1.0.0", OTHER)
    server.serve_oci("demo", "1.0.0", OTHER)
    elsewhere = ChartStore(
        tmp_path / "other-store", lock_file=lock, repository_root=tmp_path / "repository"
    )
    for _ in range(2):
        with pytest.raises(ChartError) as refused:
            elsewhere.pull(repo, "demo", "1.0.0")
        message = str(refused.value)
        assert message.startswith("chart demo 1.0.0")
        assert locked in message
        assert "found sha256:" in message
        assert "gitops charts lock" in message


def test_lock_file_is_sorted_with_a_line_for_each_chart(
    tmp_path: Path, server: ChartServer
) -> None:
    """The order of pulling does not show in the lock file, so it merges well."""
    for version in ("2.0.0", "1.0.0"):
        server.serve_oci("demo", version, archive(chart_files("demo", version)))
        store(tmp_path, record=True).pull(server.oci, "demo", version)
    lines = (tmp_path / "repository" / "charts.lock").read_text().splitlines()
    assert ["1.0.0" in lines[2], "2.0.0" in lines[3], len(lines)] == [True, True, 6]


def test_damaged_lock_file_is_refused(tmp_path: Path) -> None:
    """A lock file that cannot be read is no empty lock file."""
    write(tmp_path / "repository", {"charts.lock": "<<<<<<< ours\n"})
    with pytest.raises(ChartError, match="no lock file"):
        store(tmp_path).pull("oci://127.0.0.1:9/charts", "demo", "1.0.0")


def test_locked_chart_in_the_store_needs_no_network(tmp_path: Path, server: ChartServer) -> None:
    """With the locked bytes at hand the repository may be gone."""
    server.serve_oci("demo", "1.0.0", DEMO)
    store(tmp_path, record=True).pull(server.oci, "demo", "1.0.0")
    server.answers.clear()
    server.asked.clear()
    assert (store(tmp_path).pull(server.oci, "demo", "1.0.0") / "Chart.yaml").is_file()
    assert server.asked == []


def test_mirror_registry_serves_for_the_original(tmp_path: Path, server: ChartServer) -> None:
    """The lock file keeps the original's name, so it holds with and without the mirror."""
    server.serve_oci("demo", "1.0.0", DEMO)
    mirrors = {"oci://registry.invalid/somebody": server.oci}
    mirrored = store(tmp_path, record=True, mirrors=mirrors)
    mirrored.pull("oci://registry.invalid/somebody", "demo", "1.0.0")
    entry = json.loads((tmp_path / "repository" / "charts.lock").read_text())["charts"][0]
    assert entry["repo"] == "oci://registry.invalid/somebody"
    assert store(tmp_path).pull("oci://registry.invalid/somebody", "demo", "1.0.0").is_dir()


def test_folder_mirror_with_archives_keeps_the_archive_digest(
    tmp_path: Path, server: ChartServer
) -> None:
    """An archive copied into a folder passes the lock made from the registry; another does not."""
    server.serve_oci("demo", "1.0.0", DEMO)
    store(tmp_path, record=True).pull(server.oci, "demo", "1.0.0")
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    (mirror / "demo-1.0.0.tgz").write_bytes(DEMO)
    offline = store(tmp_path, mirrors={server.oci: str(mirror)})
    assert (offline.pull(server.oci, "demo", "1.0.0") / "Chart.yaml").is_file()
    (mirror / "demo-1.0.0.tgz").write_bytes(OTHER)
    with pytest.raises(ChartError, match="other bytes than were locked"):
        offline.pull(server.oci, "demo", "1.0.0")


def test_unpacked_folder_mirror_is_locked_by_its_tree(tmp_path: Path) -> None:
    """A changed file in a mirror outside the repository is found out."""
    mirror = write(tmp_path / "mirror", chart_files("demo", "1.0.0"))
    mirrors = {"oci://registry.invalid/charts": str(mirror)}
    recording = store(tmp_path, mirrors=mirrors, record=True)
    assert recording.pull("oci://registry.invalid/charts", "demo", "1.0.0") == mirror / "demo"
    (mirror / "demo" / "values.yaml").write_text("message: tampered, and longer\n")
    with pytest.raises(ChartError, match="tree-sha256"):
        store(tmp_path, mirrors=mirrors).pull("oci://registry.invalid/charts", "demo", "1.0.0")
    with pytest.raises(ChartError, match="tree-sha256"):
        recording.pull("oci://registry.invalid/charts", "demo", "1.0.0")


def test_folder_in_the_repository_is_gits_and_not_locked(tmp_path: Path) -> None:
    """Charts inside the repository are used where they are and change with it."""
    write(tmp_path / "repository" / "charts", chart_files("demo", "1.0.0"))
    mirrored = store(tmp_path, mirrors={"oci://registry.invalid/charts": "charts"}, record=True)
    first = mirrored.fetch(
        ChartReference(repo="oci://registry.invalid/charts", name="demo", version="1.0.0")
    )
    assert first.path == tmp_path / "repository" / "charts" / "demo"
    assert mirrored.unlocked == ()
    (first.path / "values.yaml").write_text("message: edited\n")
    second = mirrored.fetch(
        ChartReference(repo="oci://registry.invalid/charts", name="demo", version="1.0.0")
    )
    assert second.digest != first.digest
    assert not (tmp_path / "repository" / "charts.lock").exists()


@pytest.mark.parametrize("repo", ["charts", "file://charts", "charts/demo"])
def test_path_in_the_repository(tmp_path: Path, repo: str) -> None:
    """A repository may be a path to charts, or to the chart itself; the version may be left out."""
    write(tmp_path / "repository" / "charts", chart_files("demo", "1.0.0"))
    expected = tmp_path / "repository" / "charts" / "demo"
    assert store(tmp_path).pull(repo, "demo", "1.0.0") == expected
    assert store(tmp_path).pull(repo, "demo", "") == expected


def test_folder_with_another_version_is_refused(tmp_path: Path) -> None:
    """A mirror is asked for exactly the version the source names."""
    write(tmp_path / "repository" / "charts", chart_files("demo", "1.0.0"))
    with pytest.raises(ChartError, match=r"holds only demo 1\.0\.0"):
        store(tmp_path).pull("charts", "demo", "2.0.0")
    with pytest.raises(ChartError, match="no such chart"):
        store(tmp_path).pull("charts", "absent", "1.0.0")


@pytest.mark.parametrize(
    "content", [b"", b"no archive", DEMO[: len(DEMO) // 2], archive({"other/Chart.yaml": "a: b"})]
)
def test_damaged_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    """What is no archive of this chart is refused and leaves nothing in the store."""
    (tmp_path / "mirror").mkdir()
    (tmp_path / "mirror" / "demo-1.0.0.tgz").write_bytes(content)
    damaged = store(tmp_path, mirrors={"oci://registry.invalid": str(tmp_path / "mirror")})
    with pytest.raises(ChartError, match=r"chart demo 1\.0\.0 .*archive"):
        damaged.pull("oci://registry.invalid", "demo", "1.0.0")
    assert [path.name for path in (tmp_path / "store").iterdir() if path.name != "locks"] == []


def test_archive_may_not_lead_out_of_the_store(tmp_path: Path) -> None:
    """An archive with a path above its folder is refused."""
    (tmp_path / "mirror").mkdir()
    evil = archive(chart_files("demo", "1.0.0") | {"../../evil": "x"})
    (tmp_path / "mirror" / "demo-1.0.0.tgz").write_bytes(evil)
    with pytest.raises(ChartError, match="cannot be unpacked"):
        store(tmp_path, mirrors={"oci://r.invalid": str(tmp_path / "mirror")}).pull(
            "oci://r.invalid", "demo", "1.0.0"
        )
    assert list(tmp_path.rglob("evil")) == []


def test_threads_and_processes_at_once_pull_once(tmp_path: Path, server: ChartServer) -> None:
    """Two processes with two threads each end with one chart and one set of requests."""
    server.serve_oci("demo", "1.0.0", DEMO)
    (tmp_path / "repository").mkdir()
    program = (
        "import sys, threading\n"
        "from pathlib import Path\n"
        "from gitops.charts import ChartStore\n"
        "root = Path(sys.argv[1])\n"
        "store = ChartStore(root / 'store', lock_file=root / 'repository' / 'charts.lock',\n"
        "                   repository_root=root / 'repository', record=True)\n"
        "write = sys.stdout.write  # one call a line: those of two threads do not mix\n"
        "pull = lambda: write(f\"{store.pull(sys.argv[2], 'demo', '1.0.0')}\\n\")\n"
        "threads = [threading.Thread(target=pull) for _ in range(2)]\n"
        "[thread.start() for thread in threads]\n"
        "[thread.join() for thread in threads]\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path), server.oci]
    running = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])
        for _ in range(2)
    ]
    said = [process.communicate(timeout=60)[0].split() for process in running]
    assert [process.returncode for process in running] == [0, 0]
    assert len({path for paths in said for path in paths}) == 1
    assert [len(paths) for paths in said] == [2, 2]
    blobs = [path for path in server.asked if "/blobs/" in path]
    assert len(blobs) == len(set(blobs))
    assert len(json.loads((tmp_path / "repository" / "charts.lock").read_text())["charts"]) == 1


def test_recording_at_once_loses_no_entry(tmp_path: Path) -> None:
    """Ten stores that lock ten charts at the same time end with ten lines."""
    mirror = tmp_path / "mirror"
    mirrors = {"oci://registry.invalid": str(mirror)}
    for number in range(10):
        write(mirror, chart_files(f"demo{number}", "1.0.0"))
    stores = [store(tmp_path, mirrors=mirrors, record=True) for _ in range(10)]
    threads = [
        threading.Thread(target=each.pull, args=("oci://registry.invalid", f"demo{n}", "1.0.0"))
        for n, each in enumerate(stores)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    charts = json.loads((tmp_path / "repository" / "charts.lock").read_text())["charts"]
    assert [chart["name"] for chart in charts] == [f"demo{number}" for number in range(10)]


@pytest.mark.parametrize(
    ("repo", "expected"),
    [
        ("oci://a.example/b", "oci://mirror.example/long"),
        ("oci://a.example/b/c", "oci://mirror.example/long/c"),
        ("oci://a.example/bc", "oci://mirror.example/short/bc"),
        ("oci://a.example", "oci://mirror.example/short"),
        ("oci://other.example/b", "oci://other.example/b"),
        ("https://x.example/charts/", "/mirrors/x"),
    ],
)
def test_longest_mirror_prefix_wins(tmp_path: Path, repo: str, expected: str) -> None:
    """A prefix counts only where a part of the address ends, and the rest is kept."""
    mirrors = {
        "oci://a.example": "oci://mirror.example/short/",
        "oci://a.example/b": "oci://mirror.example/long",
        "https://x.example/charts": "/mirrors/x",
    }
    assert str(locate(repo, mirrors=mirrors, root=tmp_path)) == expected
    assert longest_prefix("", mirrors) is None


@pytest.mark.parametrize("name", ["../demo", "a/b", "*", "-x", ""])
def test_name_that_is_a_path_or_pattern_is_refused(tmp_path: Path, name: str) -> None:
    """A chart's name cannot lead anywhere else."""
    with pytest.raises(ChartError, match="is no name of a chart"):
        store(tmp_path).pull("charts", name, "1.0.0")


def test_locking_everything_records_what_can_be_had(tmp_path: Path, server: ChartServer) -> None:
    """All charts of all Applications are locked, again with no change; a bad one is an error."""
    server.serve_oci("demo", "1.0.0", DEMO)
    chart = "helmCharts: [{{name: {}, repo: '{}', version: 1.0.0, releaseName: a}}]\n"
    root = write(
        tmp_path / "repository",
        {
            "a/kustomization.yaml": chart.format("demo", server.oci),
            "b/kustomization.yaml": chart.format("absent", server.oci),
            "c/kustomization.yaml": chart.format("demo", server.oci),
        },
    )
    specs = [spec_for(name) for name in "abc"]
    for _ in range(2):
        locked = lock_charts(specs, root=root, charts=store(tmp_path, record=True))
        assert [str(chart) for chart in locked.digests] == [f"chart demo 1.0.0 from {server.oci}"]
        assert list(locked.errors) == ["b"]
        assert str(locked.errors["b"]).startswith("b: chart absent 1.0.0")
        assert len(json.loads((root / "charts.lock").read_text())["charts"]) == 1
