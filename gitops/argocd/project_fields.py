"""Which fields may an AppProject have?

The table behind docs/argocd-fields.md; the words are those of ArgoCD 3.5's CRD.
"""

from __future__ import annotations

from gitops.argocd.application_fields import METADATA
from gitops.argocd.fields import (
    ANYTHING,
    FLAG,
    TEXT,
    Schema,
    listing,
    mapping,
    one_of,
    without_effect,
)

_TEXT_LIST = listing(TEXT)
_KIND = mapping("group", "kind", group=TEXT, kind=TEXT)
_NAMED_KIND = mapping("group", "kind", group=TEXT, kind=TEXT, name=TEXT)

NOT_ENFORCED = ("signatureKeys", "sourceIntegrity")
"""Limits that are read and named in a warning, because nothing enforces them yet."""

_WINDOW = mapping(
    "kind",
    "schedule",
    "duration",
    andOperator=FLAG,
    applications=_TEXT_LIST,
    clusters=_TEXT_LIST,
    description=TEXT,
    duration=TEXT,
    kind=one_of("allow", "deny"),
    manualSync=FLAG,
    namespaces=_TEXT_LIST,
    schedule=TEXT,
    syncOverrun=without_effect("a sync that has begun is never broken off by a window"),
    timeZone=TEXT,
)
SPEC = mapping(
    clusterResourceBlacklist=listing(_NAMED_KIND),
    clusterResourceWhitelist=listing(_NAMED_KIND),
    description=TEXT,
    destinationServiceAccounts=listing(
        mapping(
            "defaultServiceAccount",
            "server",
            defaultServiceAccount=TEXT,
            namespace=TEXT,
            server=TEXT,
        )
    ),
    destinations=listing(mapping(name=TEXT, namespace=TEXT, server=TEXT)),
    namespaceResourceBlacklist=listing(_KIND),
    namespaceResourceWhitelist=listing(_KIND),
    orphanedResources=mapping(ignore=listing(mapping(group=TEXT, kind=TEXT, name=TEXT)), warn=FLAG),
    permitOnlyProjectScopedClusters=without_effect("a stack is one cluster"),
    roles=listing(
        mapping(
            "name",
            description=TEXT,
            groups=_TEXT_LIST,
            jwtTokens=without_effect("there is no server to log in to"),
            name=TEXT,
            policies=_TEXT_LIST,
        )
    ),
    signatureKeys=listing(mapping("keyID", keyID=TEXT)),
    sourceIntegrity=ANYTHING,
    sourceNamespaces=without_effect("Applications are in Git, in no namespace"),
    sourceRepos=_TEXT_LIST,
    syncWindows=listing(_WINDOW),
)
PROJECT: Schema = mapping(
    "metadata",
    "spec",
    apiVersion=TEXT,
    kind=TEXT,
    metadata=METADATA,
    spec=SPEC,
    status=without_effect("it is ArgoCD's report, no setting"),
)
