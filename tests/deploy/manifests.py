"""What lies in deploy/ and in docker-compose.yml, read as its tools read it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml
from prometheus_client.metrics import MetricWrapperBase

from services.courier import metrics as courier_metrics
from services.gateway import metrics as gateway_metrics
from services.kernel import metrics as kernel_metrics
from services.kernel.settings import CONFIG_VARIABLE, PREFIX, SECRETS_VARIABLE, Settings
from services.matching import metrics as matching_metrics
from services.notification import metrics as notification_metrics

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
KUBERNETES = DEPLOY / "kubernetes"
PRODUCTION = KUBERNETES / "overlays" / "production"
OPERATIONS = DEPLOY / "OPERATIONS.md"
HEALTH_OF_GATEWAY, HEALTH_OF_OTHERS = "8000", "8001"

OURS = ("migrate", "topics", "gateway", "worker", "relay", "courier")
"""Services of the compose file that run our image."""

KNOWN_VARIABLES = {PREFIX + name.upper() for name in Settings.model_fields} | {
    CONFIG_VARIABLE,
    SECRETS_VARIABLE,
}

FOREIGN_METRICS = {
    "up",  # Prometheus itself
    "node_filesystem_avail_bytes",  # node-exporter
    "node_filesystem_size_bytes",
    "kubelet_volume_stats_available_bytes",
    "kubelet_volume_stats_capacity_bytes",
}

METRIC_MODULES = (kernel_metrics, courier_metrics, gateway_metrics, matching_metrics, notification_metrics)


@cache
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    return loaded


def services() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = compose()["services"]
    return found


def program(name: str) -> str:
    """A program that a Python package brings, else one of the system."""
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.is_file() else shutil.which(name)
    assert found is not None, f"{name} is missing: it comes with `make install`'s development packages"
    return found


@cache
def rendered(folder: Path) -> list[dict[str, Any]]:
    """The resources of a kustomization, by kustomize itself."""
    if kubectl := shutil.which("kubectl"):
        command = [kubectl, "kustomize", str(folder)]
    elif kustomize := shutil.which("kustomize"):
        command = [kustomize, "build", str(folder)]
    else:
        pytest.skip("neither kubectl nor kustomize: the Kubernetes manifests are not rendered")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [one for one in yaml.safe_load_all(done.stdout) if one]


def of_kind(resources: list[dict[str, Any]], *kinds: str) -> dict[str, dict[str, Any]]:
    return {one["metadata"]["name"]: one for one in resources if one["kind"] in kinds}


@dataclass(frozen=True)
class Exported:
    """A metric as the product exports it: the label names of its series."""

    labels: frozenset[str]


SERIES = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count"), "gauge": ("",)}
"""Endings of the names under which Prometheus stores a metric."""


@cache
def exported() -> dict[str, Exported]:
    """Every series that the product exports, by name, as Prometheus stores it."""
    series: dict[str, Exported] = {}
    for module in METRIC_MODULES:
        for metric in vars(module).values():
            if not isinstance(metric, MetricWrapperBase):
                continue
            (described,) = metric.describe()
            for ending in SERIES[described.type]:
                extra = {"le"} if ending == "_bucket" else set()
                series[described.name + ending] = Exported(frozenset(metric._labelnames) | extra)
    return series


def selectors(expression: str) -> list[promql_parser.VectorSelector]:
    """Every series that an expression asks for; fails where it does not parse."""
    found: list[promql_parser.VectorSelector] = []

    def visit(node: promql_parser.Expr) -> None:
        if isinstance(node, promql_parser.VectorSelector):
            found.append(node)

    promql_parser.walk(promql_parser.parse(expression), pre_visit=visit)
    return found


def check_expression(expression: str) -> set[str]:
    """Parses, and names only series and labels that exist; returns the names."""
    names: set[str] = set()
    for selector in selectors(expression):
        assert selector.name is not None, expression
        names.add(selector.name)
        if selector.name in FOREIGN_METRICS:
            continue
        assert selector.name in exported(), f"nobody exports {selector.name}"
        known = exported()[selector.name].labels | {"job", "instance"}
        asked = {matcher.name for matcher in selector.matchers.matchers}
        assert asked <= known, f"{selector.name} has no label {', '.join(asked - known)}"
    assert names, f"{expression} asks for nothing"
    return names
