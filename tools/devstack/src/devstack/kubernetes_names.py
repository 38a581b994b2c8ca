"""What objects of Kubernetes call each other by: a schema cannot know that a name or a label leads nowhere."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Document = Mapping[str, Any]


def misled(documents: Sequence[Document]) -> list[str]:
    """Which selector picks no pod, and which name of a port, service, workload or credential is nobody's."""
    return [
        f"{document['kind']} {document['metadata']['name']}: {problem}"
        for document in documents
        for problem in (*_selected(document, documents), *_named(document, documents))
    ]


def _selected(document: Document, documents: Sequence[Document]) -> Iterator[str]:
    spec = document.get("spec", {})
    selector = spec.get("podSelector") or spec.get("selector")
    if selector is None:
        return
    picked = [pod for pod in _pods(documents) if _picks(selector, pod["metadata"]["labels"])]
    if not picked:
        yield f"no pod has the labels {selector}"
    for port in sorted(_ports_asked_for(document).difference(*map(_ports, picked))):
        yield f"no pod that it picks has a port {port}"


def _named(document: Document, documents: Sequence[Document]) -> Iterator[str]:
    for pod in _pods([document]):
        for port in sorted(_probed(pod) - _ports(pod)):
            yield f"a probe asks port {port}, which it has not"
    spec = document.get("spec", {})
    if target := spec.get("scaleTargetRef"):
        yield from _missing("Deployment", target["name"], documents)
    for trigger in spec.get("triggers", ()):
        yield from _missing("TriggerAuthentication", trigger["authenticationRef"]["name"], documents)
    for rule in spec.get("rules", ()):
        for path in rule["http"]["paths"]:
            backend = path["backend"]["service"]
            yield from _missing("Service", backend["name"], documents, backend["port"]["name"])


def _missing(kind: str, name: str, documents: Sequence[Document], port: str | None = None) -> Iterator[str]:
    found = [one for one in documents if (one["kind"], one["metadata"]["name"]) == (kind, name)]
    if not found:
        yield f"there is no {kind} {name}"
    elif port and port not in {one["name"] for one in found[0]["spec"]["ports"]}:
        yield f"{kind} {name} has no port {port}"


def _pods(documents: Sequence[Document]) -> list[Document]:
    return [document["spec"]["template"] for document in documents if "template" in document.get("spec", {})]


def _picks(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    if not {"matchLabels", "matchExpressions"} & set(selector):
        selector = {"matchLabels": selector}  # a Service's
    same = all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items())
    return same and all(labels.get(one["key"]) in one["values"] for one in selector.get("matchExpressions", ()))


def _ports(pod: Document) -> set[str]:
    return {port["name"] for container in pod["spec"]["containers"] for port in container.get("ports", ())}


def _ports_asked_for(document: Document) -> set[str]:
    """By name; those of numbers are as they are."""
    spec = document["spec"]
    asked = [port["targetPort"] for port in spec.get("ports", ())]
    asked += [port["port"] for rule in spec.get("ingress", ()) for port in rule.get("ports", ())]
    return {port for port in asked if isinstance(port, str)}


def _probed(pod: Document) -> set[str]:
    probes = ("livenessProbe", "readinessProbe", "startupProbe")
    return {
        container[probe]["httpGet"]["port"]
        for container in pod["spec"]["containers"]
        for probe in probes
        if probe in container
    }
