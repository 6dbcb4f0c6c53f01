"""Which fields may an Application have?

The table behind docs/argocd-fields.md; the words are those of ArgoCD 3.5's CRD. Read by the reader
of Applications, and by that of ApplicationSets for what their templates made.
"""

from __future__ import annotations

from gitops.argocd.fields import (
    ANYTHING,
    COUNT,
    FLAG,
    TEXT,
    TEXTS,
    Schema,
    listing,
    mapping,
    refused,
    without_effect,
)

_ONE_TOOL = "leave it out: the version is pinned with the program"
_TEXT_LIST = listing(TEXT)

HELM = mapping(
    apiVersions=_TEXT_LIST,
    fileParameters=listing(mapping("name", "path", name=TEXT, path=TEXT)),
    ignoreMissingValueFiles=FLAG,
    kubeVersion=TEXT,
    namespace=TEXT,
    parameters=listing(mapping("name", name=TEXT, value=TEXT, forceString=FLAG)),
    passCredentials=without_effect("chartCredentials say for each repository what it is sent"),
    releaseName=TEXT,
    skipCrds=FLAG,
    skipSchemaValidation=FLAG,
    skipTests=FLAG,
    valueFiles=_TEXT_LIST,
    values=TEXT,
    valuesObject={"type": "object"},
    version={
        "type": "string",
        "enum": ["v3"],
        "description": "v3, the only version of Helm there is",
    },
)
KUSTOMIZE = mapping(
    apiVersions=_TEXT_LIST,
    commonAnnotations=TEXTS,
    commonAnnotationsEnvsubst=FLAG,
    commonLabels=TEXTS,
    components=_TEXT_LIST,
    forceCommonAnnotations=FLAG,
    forceCommonLabels=FLAG,
    ignoreMissingComponents=FLAG,
    images=_TEXT_LIST,
    kubeVersion=TEXT,
    labelIncludeTemplates=FLAG,
    labelWithoutSelector=FLAG,
    namePrefix=TEXT,
    nameSuffix=TEXT,
    namespace=TEXT,
    patches=listing(
        mapping(
            options={"type": "object", "additionalProperties": FLAG},
            patch=TEXT,
            path=TEXT,
            target=mapping(
                annotationSelector=TEXT,
                group=TEXT,
                kind=TEXT,
                labelSelector=TEXT,
                name=TEXT,
                namespace=TEXT,
                version=TEXT,
            ),
        )
    ),
    replicas=listing(mapping("name", "count", name=TEXT, count=ANYTHING)),
    version=refused("one kustomize renders everything", _ONE_TOOL),
)
DIRECTORY = mapping(
    exclude=TEXT,
    include=TEXT,
    jsonnet=refused(
        "Jsonnet is not rendered", "render it to YAML and commit the result, or leave it out"
    ),
    recurse=FLAG,
)
SOURCE = mapping(
    "repoURL",
    chart=TEXT,
    directory=DIRECTORY,
    helm=HELM,
    kustomize=KUSTOMIZE,
    name=TEXT,
    path=TEXT,
    plugin=refused(
        "config management plugins are not run", "render it in CI and commit the result"
    ),
    ref=TEXT,
    repoURL=TEXT,
    tagPrefix=refused(
        "a range of versions is looked for among all tags", "name the tag in full as targetRevision"
    ),
    targetRevision=TEXT,
)
SYNC_POLICY = mapping(
    automated=mapping(allowEmpty=FLAG, enabled=FLAG, prune=FLAG, selfHeal=FLAG),
    managedNamespaceMetadata=mapping(annotations=TEXTS, labels=TEXTS),
    retry=mapping(
        backoff=mapping(duration=TEXT, factor=COUNT, maxDuration=TEXT), limit=COUNT, refresh=FLAG
    ),
    syncOptions=_TEXT_LIST,
)
SPEC = mapping(
    "project",
    "destination",
    destination=mapping(name=TEXT, namespace=TEXT, server=TEXT),
    ignoreDifferences=listing(
        mapping(
            "kind",
            group=TEXT,
            jqPathExpressions=_TEXT_LIST,
            jsonPointers=_TEXT_LIST,
            kind=TEXT,
            managedFieldsManagers=_TEXT_LIST,
            name=TEXT,
            namespace=TEXT,
        )
    ),
    info=without_effect("it is shown on ArgoCD's pages alone"),
    project=TEXT,
    revisionHistoryLimit=COUNT,
    source=SOURCE,
    sourceHydrator=refused(
        "sources are rendered when they are synced", "use spec.source with the dry source"
    ),
    sources=listing(SOURCE),
    syncPolicy=SYNC_POLICY,
)
METADATA = mapping(
    annotations=TEXTS,
    finalizers=_TEXT_LIST,
    labels=TEXTS,
    name=TEXT,
    namespace=without_effect("there is no Application object to keep in it"),
)
_KIND: dict[str, Schema] = {"apiVersion": TEXT, "kind": TEXT}

APPLICATION = mapping(
    "metadata",
    "spec",
    metadata=METADATA,
    spec=SPEC,
    operation=refused("a manifest starts no sync", "remove it: `pulumi up` is the sync"),
    status=without_effect("it is ArgoCD's report, no setting"),
    **_KIND,
)
