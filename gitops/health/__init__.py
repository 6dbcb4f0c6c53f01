"""Does a live object work? Called by sync gates and hooks, and by everything that shows a status.

``assess`` answers for one object and ``assess_all`` for many; neither ever raises. ``worst`` joins
answers as ArgoCD does. ``UserRules`` are the user's own health scripts.
"""

from gitops.health.assessment import assess, assess_all
from gitops.health.lua_rules import UserRules
from gitops.health.status import Health, HealthStatus, worst
from gitops.health.user_rules import UserRule

__all__ = ["Health", "HealthStatus", "UserRule", "UserRules", "assess", "assess_all", "worst"]
