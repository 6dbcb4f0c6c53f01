from __future__ import annotations

import io

from reconciler.engine.events import Diagnostic, Severity, Step
from reconciler.printing import tables


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_errors_come_last_and_uncoloured_without_a_terminal() -> None:
    """The worst message is the last line, and a log file gets no escape sequences."""
    out = io.StringIO()
    messages = [
        Diagnostic(severity=Severity.ERROR, message="[bold]broken[/bold]"),
        Diagnostic(severity=Severity.INFO, message="kept"),
    ]
    tables.diagnostics(messages, stream=out)
    assert out.getvalue() == "info: kept\nerror: [bold]broken[/bold]\n"


def test_terminal_gets_whole_messages() -> None:
    """On a terminal messages are neither cut nor read as markup."""
    out = Terminal()
    text = "media/jellyfin: [values] " + "long " * 60
    tables.diagnostics([Diagnostic(severity=Severity.ERROR, message=text)], stream=out)
    assert text.strip() in out.getvalue().replace("\x1b[1;31m", "")


def test_progress_of_a_log_says_where_it_is() -> None:
    """Without a terminal a run says at once that it began, and every few seconds how far it is."""
    out = io.StringIO()
    urn = "urn:pulumi:local::home-ops::kubernetes:core/v1:ConfigMap::media/a"
    with tables.Progress("up local", out, plain_seconds=0) as progress:
        progress.seen(Step(urn=urn, operation="create", ended=False))
        progress.seen(Step(urn=urn, operation="create"))
        progress.seen(Diagnostic(severity=Severity.INFO, message="ignored"))
    lines = out.getvalue().splitlines()
    assert lines[0] == "up local"
    assert lines[-1] == "up local  0s  1 created  media/a"
    assert len(lines) == 3


def test_progress_on_a_terminal_leaves_nothing_behind() -> None:
    """The line that changes is gone when the table is printed."""
    out = Terminal()
    with tables.Progress("up local", out):
        pass
    assert out.getvalue().endswith("\x1b[2K") or "\x1b[?25h" in out.getvalue()
