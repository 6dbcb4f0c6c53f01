"""What is said where nobody can log in?"""

from __future__ import annotations

from gitops.errors import RenderError


class LoginError(RenderError):
    """There is no login for a repository, or it is half of one."""
