"""What does ``gitops webhook`` do?

Called by the command line, as a rule in a Pod of its own. It listens until SIGTERM and asks for a
pass when a forge says that something was pushed; it reads no config, no state and no repository.
"""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from gitops.configuration.deploy_settings import PORT, Mode
from gitops.configuration.kubernetes_settings import KubernetesSettings
from gitops.errors import ClusterError, ConfigError
from gitops.triggers.signature import Forge
from reconciler.commands.exit_codes import ExitCode
from reconciler.passes.endings import told_to_end

if TYPE_CHECKING:
    from cluster.connection import Connection
    from reconciler.webhook.queue import Queue
    from reconciler.webhook.server import Server


def add_parser(
    verbs: argparse._SubParsersAction[argparse.ArgumentParser], common: argparse.ArgumentParser
) -> None:
    """Add ``webhook`` to the command line.

    Args:
        verbs: where commands are added.
        common: the options every command has.
    """
    parser = verbs.add_parser(
        "webhook", parents=[common], help="ask for a pass when a forge says that something changed"
    )
    parser.add_argument("--forge", required=True, choices=[each.value for each in Forge])
    parser.add_argument(
        "--secret-file", required=True, type=Path, help="a file with the secret the forge has"
    )
    parser.add_argument(
        "--namespace", default="home-ops", help="the bootstrap's (default: %(default)s)"
    )
    parser.add_argument(
        "--mode",
        default=Mode.CRON_JOB.value,
        choices=[each.value for each in Mode],
        help="what makes the passes (default: %(default)s)",
    )
    parser.add_argument("--repository", default="", metavar="URL", help="the stack's repository")
    parser.add_argument("--revision", default="", help="pushes to others of it do not count")
    parser.add_argument("--address", default="0.0.0.0", help="default: %(default)s")
    parser.add_argument("--port", default=PORT, type=int, help="default: %(default)s")
    parser.set_defaults(command=webhook)


def webhook(options: argparse.Namespace) -> ExitCode:
    """``gitops webhook``."""
    from cluster.stack_cluster import connect_to
    from reconciler.webhook.queue import Queue
    from reconciler.webhook.server import Receiver, Server

    if not options.secret_file.is_file():
        raise ConfigError(
            "gitops webhook", f"there is no file {options.secret_file}", remedy="mount the Secret"
        )
    # a Pod is in the cluster whose passes it asks for: there is no other kubeconfig to read
    with connect_to(KubernetesSettings()) as connection:
        ask = partial(request, connection, options.namespace, options.stack, Mode(options.mode))
        queue = Queue(ask)
        receiver = Receiver(
            forge=Forge(options.forge),
            secret_file=options.secret_file,
            want=queue.want,
            repository=options.repository,
            revision=options.revision,
        )
        try:
            server = Server((options.address, options.port), receiver)
        except OSError as error:
            where = f"{options.address}:{options.port}"
            remedy = "give another --address or --port"
            reason = f"{where}: {error.strerror}"
            raise ConfigError("gitops webhook", reason, remedy=remedy) from error
        with server:
            _serve(server, queue)
    return ExitCode.OK


def _serve(server: Server, queue: Queue) -> None:
    queue.start()
    thread = threading.Thread(target=server.serve_forever, name="server", daemon=True)
    with told_to_end(lambda _: None, signals=(signal.SIGTERM, signal.SIGINT)) as ended:
        thread.start()
        print(f"listening on port {server.server_port}", file=sys.stderr, flush=True)
        ended.wait()
        server.shutdown()
        thread.join()
        queue.end()


def request(connection: Connection, namespace: str, stack: str, mode: Mode) -> None:
    """Ask for a pass and say so.

    Raises:
        ClusterError: the server does not answer or refuses, or there is no CronJob.
    """
    from cluster import trigger

    if mode is Mode.DEPLOYMENT:
        trigger.ask(connection, namespace=namespace, stack=stack)
        print(f"stack {stack}: asked for a pass", file=sys.stderr, flush=True)
        return
    name = trigger.start_job(connection, namespace=namespace)
    if name is None:
        raise ClusterError(
            f"namespace {namespace}",
            "there is no CronJob of a reconciler",
            remedy="set home-ops:reconciler.deploy and run `gitops up`",
        )
    print(f"stack {stack}: Job {name} started", file=sys.stderr, flush=True)
