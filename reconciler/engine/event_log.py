"""What does an event of the engine mean?

Called by ``engine`` for every event of a run; nothing else sees Pulumi's own classes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.engine.events import Diagnostic, Event, Severity, Step

if TYPE_CHECKING:
    from pulumi.automation import EngineEvent

_SEVERITIES = {
    "info": Severity.INFO,
    "info#err": Severity.WARNING,
    "warning": Severity.WARNING,
    "error": Severity.ERROR,
}


def event_of(received: EngineEvent) -> Event | None:
    """An engine event as a plain value; None for those nobody reads.

    Every resource is reported when its step begins, and again when it ends or fails.
    """
    if message := received.diagnostic_event:
        severity = _SEVERITIES.get(message.severity)
        if severity is None or message.ephemeral:
            return None
        return Diagnostic(severity=severity, message=message.message, urn=message.urn or "")
    reported = (
        received.res_outputs_event or received.res_op_failed_event or received.resource_pre_event
    )
    if reported is None:
        return None
    metadata = reported.metadata
    state = metadata.new or metadata.old
    return Step(
        urn=metadata.urn,
        operation=str(metadata.op.value),
        parent=state.parent if state else "",
        custom=bool(state and state.custom),
        ended=received.res_outputs_event is not None,
        failed=received.res_op_failed_event is not None,
    )
