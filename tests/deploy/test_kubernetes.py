"""deploy/kubernetes: renders, is what the API takes, and keeps what docker-compose.yml promises."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from tests.deploy.manifests import (
    HEALTH_OF_GATEWAY,
    HEALTH_OF_OTHERS,
    KNOWN_VARIABLES,
    KUBERNETES,
    PRODUCTION,
    check_expression,
    of_kind,
    rendered,
    services,
)

OLDEST, NEWEST = "1.30", "1.34"
"""Of the cluster: the first that can sleep before a stop without help, and a late one."""

CUSTOM = {"ScaledObject": "keda.sh/v1alpha1", "PodMonitor": "monitoring.coreos.com/v1"}
"""Kinds of KEDA and of the Prometheus Operator: their schemas are not of Kubernetes."""

PROCESSES = ("gateway", "worker", "relay", "courier")
FOLDERS = [KUBERNETES / "base", PRODUCTION]

EVERYWHERE = "0.0.0.0/0"
INSIDE = {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "100.64.0.0/10", "127.0.0.0/8"}


def pods(resources: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The pod of every Deployment and Job."""
    for name, one in of_kind(resources, "Deployment", "Job").items():
        yield name, one["spec"]["template"]


def component(one: dict[str, Any]) -> str:
    labels: dict[str, str] = one["metadata"]["labels"]
    return labels["app.kubernetes.io/component"]


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_the_api_takes_it(folder: Path, version: str) -> None:
    for one in rendered(folder):
        if one["kind"] in CUSTOM:
            assert one["apiVersion"] == CUSTOM[one["kind"]]
        else:
            kubernetes_validate.validate(one, version, strict=True)


def test_every_file_is_used_and_every_file_that_is_named_is_there() -> None:
    for file in KUBERNETES.rglob("kustomization.yaml"):
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
        named = {
            *content.get("resources", []),
            *content.get("components", []),
            *(patch["path"] for patch in content.get("patches", []) if "path" in patch),
        }
        assert [path for path in named if not (file.parent / path).exists()] == []
        beside = {one.name for one in file.parent.glob("*.yaml")} - {file.name}
        assert beside == {path for path in named if path.endswith(".yaml")}


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_pod_is_restricted(folder: Path) -> None:
    """As the pod security standard `restricted` has it, and a file system that cannot be changed."""
    for name, pod in pods(rendered(folder)):
        spec = pod["spec"]
        assert spec["automountServiceAccountToken"] is False, name
        assert spec["enableServiceLinks"] is False, name
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["runAsUser"] > 10_000
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in (*spec["containers"], *spec.get("initContainers", [])):
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert container["resources"]["limits"]["memory"]
            assert container["resources"]["requests"]["cpu"]
            assert ":" in container["image"] or folder.name == "base"
        for volume in spec["volumes"]:
            assert {"projected", "secret", "emptyDir"} & set(volume), volume
    if folder == PRODUCTION:
        (namespace,) = of_kind(rendered(folder), "Namespace").values()
        assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


def test_the_processes_are_those_of_the_compose_file_by_the_same_commands() -> None:
    found = of_kind(rendered(PRODUCTION), "Deployment")
    assert set(found) == {f"liaison-{name}" for name in PROCESSES}
    for name in PROCESSES:
        (container,) = found[f"liaison-{name}"]["spec"]["template"]["spec"]["containers"]
        assert container["args"] == services()[name]["command"]
    (job,) = of_kind(rendered(PRODUCTION), "Job").values()
    spec = job["spec"]["template"]["spec"]
    assert spec["initContainers"][0]["args"] == services()["migrate"]["command"]
    assert spec["containers"][0]["args"] == services()["topics"]["command"]


def test_probes_ask_the_port_that_the_process_has() -> None:
    for deployment in of_kind(rendered(PRODUCTION), "Deployment").values():
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        port = HEALTH_OF_GATEWAY if component(deployment) == "gateway" else HEALTH_OF_OTHERS
        assert container["ports"] == [{"name": "web", "containerPort": int(port)}]
        for probe, path in (("startup", "live"), ("liveness", "live"), ("readiness", "ready")):
            asked = container[f"{probe}Probe"]["httpGet"]
            assert asked == {"path": f"/health/{path}", "port": "web"}


def test_every_process_is_spread_and_keeps_its_number() -> None:
    resources = rendered(PRODUCTION)
    budgets = {component(one): one for one in of_kind(resources, "PodDisruptionBudget").values()}
    scaled = {
        one["spec"]["scaleTargetRef"]["name"]
        for one in of_kind(resources, "HorizontalPodAutoscaler", "ScaledObject").values()
    }
    for name, deployment in of_kind(resources, "Deployment").items():
        pod = deployment["spec"]["template"]
        labels = pod["metadata"]["labels"]
        spread = pod["spec"]["topologySpreadConstraints"]
        assert {one["topologyKey"] for one in spread} == {
            "topology.kubernetes.io/zone",
            "kubernetes.io/hostname",
        }
        selectors = [one["labelSelector"]["matchLabels"] for one in spread]
        selectors.append(budgets[component(deployment)]["spec"]["selector"]["matchLabels"])
        for selector in selectors:
            assert selector.items() <= labels.items()
        # Who scales it says how many there are; an apply must not take that back.
        assert ("replicas" in deployment["spec"]) == (name not in scaled)
        assert deployment["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_variable_is_a_setting_and_every_secret_is_named_after_one(folder: Path) -> None:
    resources = rendered(folder)
    (settings,) = of_kind(resources, "ConfigMap").values()
    assert set(settings["data"]) <= KNOWN_VARIABLES
    for name, pod in pods(resources):
        volumes = {one["name"]: one for one in pod["spec"]["volumes"]}
        items = [
            item
            for source in volumes["secrets"]["projected"]["sources"]
            for item in source["secret"]["items"]
        ]
        for item in items:
            assert item["key"] == item["path"]
            assert item["path"].upper() in KNOWN_VARIABLES
        held = {item["key"] for item in items}
        assert ("liaison_admin_key" in held) == (name == "liaison-gateway")
        assert ("liaison_ledger_key" in held) == (name == "liaison-relay")
        assert ("liaison_qdrant_api_key" in held) == (name in ("liaison-gateway", "liaison-worker"))
        for container in (*pod["spec"]["containers"], *pod["spec"].get("initContainers", [])):
            assert container["envFrom"] == [{"configMapRef": {"name": settings["metadata"]["name"]}}]
            (mount,) = (one for one in container["volumeMounts"] if one["name"] == "secrets")
            assert mount["mountPath"] == settings["data"]["LIAISON_SECRETS_DIR"]
            assert mount["readOnly"] is True


def test_only_the_courier_may_go_out() -> None:
    resources = rendered(PRODUCTION)
    policies = of_kind(resources, "NetworkPolicy")
    everybody = {"app.kubernetes.io/name": "liaison", "app.kubernetes.io/part-of": "liaison"}
    nothing = policies["liaison-nothing"]["spec"]
    assert nothing == {
        "podSelector": {"matchLabels": everybody},
        "policyTypes": ["Ingress", "Egress"],
    }
    for _, pod in pods(resources):
        assert everybody.items() <= pod["metadata"]["labels"].items()
    beyond = {
        name: policy
        for name, policy in policies.items()
        for rule in policy["spec"].get("egress", [])
        for peer in rule["to"]
        if "ipBlock" in peer
    }
    assert set(beyond) == {"liaison-outward"}
    outward = beyond["liaison-outward"]["spec"]
    assert outward["podSelector"]["matchLabels"]["app.kubernetes.io/component"] == "courier"
    blocks = {peer["ipBlock"]["cidr"]: peer["ipBlock"] for peer in outward["egress"][0]["to"]}
    assert set(blocks[EVERYWHERE]["except"]) >= INSIDE
    for policy in policies.values():
        for rule in policy["spec"].get("egress", []):
            assert all({"ipBlock", "namespaceSelector"} & set(peer) for peer in rule["to"]), policy


def test_streams_are_not_buffered_on_their_way() -> None:
    ingress = of_kind(rendered(PRODUCTION), "Ingress")["liaison"]
    annotations = {
        name.rpartition("/")[2]: value for name, value in ingress["metadata"]["annotations"].items()
    }
    assert annotations["proxy-buffering"] == "off"
    assert int(annotations["proxy-read-timeout"]) > 600
    (rule,) = ingress["spec"]["rules"]
    backends = {one["path"]: one["backend"]["service"]["name"] for one in rule["http"]["paths"]}
    assert backends == {"/": "liaison-gateway", "/metrics": "liaison-closed", "/health": "liaison-closed"}
    assert set(backends.values()) <= set(of_kind(rendered(PRODUCTION), "Service"))


def test_addresses_of_subscriptions_are_not_logged_on_their_way() -> None:
    found = of_kind(rendered(PRODUCTION), "Ingress")
    everything, feeds = found["liaison"], found["liaison-feeds"]
    assert feeds["metadata"]["annotations"]["nginx.ingress.kubernetes.io/enable-access-log"] == "false"
    assert feeds["spec"]["tls"] == everything["spec"]["tls"]
    (rule,) = feeds["spec"]["rules"]
    assert rule["host"] == everything["spec"]["rules"][0]["host"]
    (path,) = rule["http"]["paths"]
    assert (path["path"], path["backend"]["service"]["name"]) == ("/feeds", "liaison-gateway")


def test_workers_are_scaled_by_a_metric_that_there_is() -> None:
    (scaled,) = of_kind(rendered(PRODUCTION), "ScaledObject").values()
    (trigger,) = scaled["spec"]["triggers"]
    assert check_expression(trigger["metadata"]["query"]) == {"liaison_stream_lag_events"}
    assert scaled["spec"]["scaleTargetRef"]["name"] in of_kind(rendered(PRODUCTION), "Deployment")


def test_every_process_is_scraped_under_the_name_that_the_alerts_know() -> None:
    (monitor,) = of_kind(rendered(PRODUCTION), "PodMonitor").values()
    (chosen,) = monitor["spec"]["selector"]["matchExpressions"]
    assert set(chosen["values"]) == set(PROCESSES)
    (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
    assert (endpoint["port"], endpoint["path"]) == ("web", "/metrics")
    assert endpoint["relabelings"][0]["replacement"] == "liaison-$1"
