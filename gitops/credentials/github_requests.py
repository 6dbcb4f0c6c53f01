"""What does GitHub's API answer an App?

Called where a token is needed; apart, because most runs need none and a library for HTTP takes its
time to load. Source: GitHub, "REST API endpoints for GitHub Apps".
"""

from __future__ import annotations

import json
import os
import ssl
import urllib.error
import urllib.request
from http.client import HTTPException
from typing import Any

from gitops.credentials.errors import LoginError
from gitops.credentials.github_app import GitHubApp

_SECONDS = 30.0


def answer_of(app: GitHubApp, url: str, signed: str, method: str, path: str) -> dict[str, Any]:
    """What GitHub answers.

    Args:
        app: the App that asks.
        url: the repository, which errors name.
        signed: its JWT.
        method: of HTTP.
        path: below the App's address of the API.

    Raises:
        LoginError: GitHub does not answer, or refuses.
    """
    request = urllib.request.Request(
        f"{app.base_url.rstrip('/')}/{path}",
        method=method,
        data=b"" if method == "POST" else None,
        headers={
            "Authorization": f"Bearer {signed}",
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": "2022-11-28",
            "User-Agent": "home-ops",
        },
    )
    try:
        https = urllib.request.HTTPSHandler(context=_trust(app))
        opener = urllib.request.build_opener(_NotElsewhere, https)
        with opener.open(request, timeout=_SECONDS) as response:
            found = json.load(response)
    except urllib.error.HTTPError as error:
        with error:
            raise _refused(app, url, error) from None
    except (OSError, HTTPException, ValueError) as error:
        reason = f"{app.base_url}, which knows its GitHub App, does not answer: {error}"
        remedy = "check githubAppEnterpriseBaseUrl, its certificate (ca.crt) and the network"
        raise LoginError(f"repository {url}", reason, remedy=remedy) from error
    return found if isinstance(found, dict) else {}


class _NotElsewhere(urllib.request.HTTPRedirectHandler):
    """A JWT goes to nobody but the server the Secret names."""

    def redirect_request(self, *_: Any) -> None:
        """Follow nobody."""


def _trust(app: GitHubApp) -> ssl.SSLContext:
    authority = None if app.authorities else os.environ.get("GIT_SSL_CAINFO")
    context = ssl.create_default_context(cafile=authority, cadata=app.authorities or None)
    if app.insecure:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def _refused(app: GitHubApp, url: str, error: urllib.error.HTTPError) -> LoginError:
    try:
        said = str(json.loads(error.read(10_000))["message"])
    except (OSError, HTTPException, ValueError, KeyError, TypeError):
        said = str(error.reason)
    who = f"GitHub App {app.app_id}"
    where = f"installation {app.installation_id}" if app.installation_id else "installation here"
    reasons = {
        401: f"{app.base_url} does not believe that it is {who}",
        403: f"{who} may not use its {where}",
        404: f"{who} has no {where}",
    }
    remedies = {
        401: "check githubAppID and githubAppPrivateKey, and this machine's clock",
        403: "see whether the installation is suspended",
        404: "check githubAppInstallationID, and that the App is installed for this repository",
    }
    reason = reasons.get(error.code, f"{app.base_url} refuses {who} ({error.code})")
    remedy = remedies.get(error.code, "try again later")
    return LoginError(f"repository {url}", f"{reason}: {said}", remedy=remedy)
