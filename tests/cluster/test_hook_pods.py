"""The last words of a hook's pods, as a cluster with real nodes would tell them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from cluster.connection import Connection
from cluster.hook_pods import LINES, LONGEST_LINE, last_words
from tests.cluster.conftest import Answer, FaultyServer

Start = Callable[[Callable[[str], Answer]], tuple[FaultyServer, Connection]]
JOB = {
    "apiVersion": "batch/v1",
    "kind": "Job",
    "metadata": {"namespace": "media", "name": "migrate", "uid": "u1"},
}


def pod(name: str, *containers: dict[str, Any], created: int = 0) -> dict[str, Any]:
    created_at = f"2026-01-01T00:00:{created:02}Z"
    return {
        "metadata": {"namespace": "media", "name": name, "creationTimestamp": created_at},
        "spec": {"restartPolicy": "Never"},
        "status": {"phase": "Failed", "containerStatuses": list(containers)},
    }


def container(name: str, exit_code: int) -> dict[str, Any]:
    return {"name": name, "state": {"terminated": {"exitCode": exit_code, "reason": "Error"}}}


def answers(pods: list[dict[str, Any]], log: str) -> Callable[[str], Answer]:
    def answer(path: str) -> Answer:
        if "/log?" in path:
            return 200, {"Content-Type": "text/plain"}, log.encode()
        body = json.dumps({"kind": "PodList", "items": pods}).encode()
        return 200, {"Content-Type": "application/json"}, body

    return answer


def test_end_of_the_log_of_what_failed(faulty_server: Start) -> None:
    """The last lines of the container that failed, not of the one that ended well; asked for by
    the Job's uid, and only as many as are shown."""
    failed = pod("migrate-1", container("main", 3), container("proxy", 0))
    log = "".join(f"line {number}\n" for number in range(40))
    server, connection = faulty_server(answers([failed], log))
    words = last_words(connection, JOB)
    assert words[:2] == (
        "pod migrate-1: container main ended with Error, exit code 3",
        "container main: the end of its log",
    )
    assert words[2:] == tuple(f"| line {number}" for number in range(30, 40))
    assert "controller-uid%3Du1" in server.asked[0]
    (asked,) = server.asked[1:]
    assert "container=main" in asked
    assert f"tailLines={LINES}" in asked


def test_log_cannot_act_on_a_terminal(faulty_server: Start) -> None:
    """Control characters are blanked and very long lines are cut; an empty log is told."""
    failed = [pod("migrate-1", container("main", 1))]
    _, connection = faulty_server(answers(failed, "\x1b[31mred\x07\n" + "x" * 999))
    *_, red, long = last_words(connection, JOB)
    assert red == "|  [31mred "
    assert len(long) == LONGEST_LINE + 2
    _, connection = faulty_server(answers(failed, ""))
    assert last_words(connection, JOB)[-1] == "container main: its log is empty"


def test_newest_pods_only(faulty_server: Start) -> None:
    """Of many attempts the last three are shown, the newest last."""
    pods = [pod(f"migrate-{n}", container("main", 1), created=n) for n in (4, 1, 3, 2)]
    _, connection = faulty_server(answers(pods, "failed\n"))
    shown = [line for line in last_words(connection, JOB) if line.startswith("pod ")]
    assert [line.split()[1] for line in shown] == ["migrate-2:", "migrate-3:", "migrate-4:"]


def test_nothing_to_tell(faulty_server: Start) -> None:
    """No pod, no permission, or a kind without pods: never an error of its own."""
    _, connection = faulty_server(answers([], ""))
    assert last_words(connection, JOB) == ("it has no pod left whose log could be read",)
    assert last_words(connection, {**JOB, "apiVersion": "v1", "kind": "ConfigMap"}) == ()
    _, connection = faulty_server(lambda _: (403, {}, b'{"kind": "Status", "message": "no"}'))
    (line,) = last_words(connection, JOB)
    assert line.startswith("its pods cannot be listed")
