"""Which fields may an ApplicationSet have?

The table behind docs/argocd-fields.md; the words are those of ArgoCD 3.5's CRD. The template is
held against an Application's table once it is filled in: before that, any text may stand in it.
"""

from __future__ import annotations

from gitops.argocd.application_fields import METADATA
from gitops.argocd.fields import (
    FLAG,
    TEXT,
    TEXTS,
    Schema,
    listing,
    mapping,
    one_of,
    refused,
    without_effect,
)

_LIST_INSTEAD = "use a list, git, clusters, matrix or merge generator"
_NETWORK = "what it generates is not in Git"
_TEXT_LIST = listing(TEXT)
_FROM_NETWORK = refused(_NETWORK, _LIST_INSTEAD, when="there")
_REQUEUE = without_effect("every run reads Git anew")
_NESTED_TEMPLATE = refused(
    "ArgoCD passes over a template of a nested generator", "move it to the outer generator"
)
_NO_OBJECT = without_effect("there is no live Application anybody could have changed")

SELECTOR = mapping(
    matchExpressions=listing(
        mapping(
            "key",
            "operator",
            key=TEXT,
            operator=one_of("In", "NotIn", "Exists", "DoesNotExist"),
            values=_TEXT_LIST,
        )
    ),
    matchLabels=TEXTS,
)
TEMPLATE: Schema = mapping(metadata=METADATA, spec={"type": "object"})
_PATHS = listing(mapping("path", exclude=FLAG, path=TEXT))


def _generators(template: Schema, *, combined: dict[str, Schema]) -> Schema:
    return mapping(
        clusterDecisionResource=_FROM_NETWORK,
        clusters=mapping(flatList=FLAG, selector=SELECTOR, template=template, values=TEXTS),
        git=mapping(
            "repoURL",
            directories=_PATHS,
            files=_PATHS,
            pathParamPrefix=TEXT,
            repoURL=TEXT,
            requeueAfterSeconds=_REQUEUE,
            revision=TEXT,
            template=template,
            values=TEXTS,
        ),
        list=mapping(elements=listing({"type": "object"}), elementsYaml=TEXT, template=template),
        plugin=_FROM_NETWORK,
        pullRequest=_FROM_NETWORK,
        scmProvider=_FROM_NETWORK,
        selector=SELECTOR,
        **combined,
    )


def _combined(children: Schema, template: Schema) -> dict[str, Schema]:
    pair = {**listing(children), "minItems": 2, "maxItems": 2}
    return {
        "matrix": mapping("generators", generators=pair, template=template),
        "merge": mapping(
            "generators",
            "mergeKeys",
            generators={**listing(children), "minItems": 2},
            mergeKeys={**_TEXT_LIST, "minItems": 1},
            template=template,
        ),
    }


_DEEPEST = _generators(
    _NESTED_TEMPLATE,
    combined={
        name: refused("generators nest two levels deep, as in ArgoCD", "flatten them")
        for name in ("matrix", "merge")
    },
)
_CHILDREN = _generators(_NESTED_TEMPLATE, combined=_combined(_DEEPEST, _NESTED_TEMPLATE))
GENERATOR = _generators(TEMPLATE, combined=_combined(_CHILDREN, TEMPLATE))

SPEC = mapping(
    "generators",
    "template",
    applyNestedSelectors=without_effect("nested selectors are always applied, as in ArgoCD 3"),
    generators=listing(GENERATOR),
    goTemplate=FLAG,
    goTemplateOptions=listing(
        one_of(
            "missingkey=error",
            "missingkey=default",
            "missingkey=invalid",
            "missingkey=zero",
        )
    ),
    ignoreApplicationDifferences=_NO_OBJECT,
    preservedFields=_NO_OBJECT,
    strategy=mapping(
        deletionOrder=refused("Applications of a set are deleted together", "leave it out"),
        rollingSync=refused(
            "Applications of a set are synced together",
            "order them with argocd.argoproj.io/sync-wave on the template",
        ),
        type=one_of("AllAtOnce", "RollingSync"),
    ),
    syncPolicy=mapping(
        applicationsSync=one_of("create-delete", "create-only", "create-update", "sync"),
        preserveResourcesOnDeletion=FLAG,
    ),
    template=TEMPLATE,
    templatePatch=TEXT,
)
APPLICATION_SET: Schema = mapping(
    "metadata",
    "spec",
    apiVersion=TEXT,
    kind=TEXT,
    metadata=METADATA,
    spec=SPEC,
    status=without_effect("it is ArgoCD's report, no setting"),
)
