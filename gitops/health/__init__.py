"""Does a live object work? Called by sync gates and hooks, and by everything that shows a status.

``assess`` answers for one object and never raises; ``worst`` joins answers as ArgoCD does.
"""

from gitops.health.assessment import assess
from gitops.health.status import Health, HealthStatus, worst

__all__ = ["Health", "HealthStatus", "assess", "worst"]
