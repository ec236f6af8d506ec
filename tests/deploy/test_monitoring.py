"""Alerts and dashboard: they parse, they ask for what is exported, and each says where help is."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from typing import Any

import pytest
import yaml

from tests.deploy.manifests import (
    DEPLOY,
    FOREIGN_METRICS,
    OPERATIONS,
    check_expression,
    exported,
    services,
)

RULES = DEPLOY / "prometheus" / "rules" / "liaison.yml"
SEVERITIES = {"critical", "warning", "info"}

PROMISED = {
    "a webhook waits": "liaison_courier_oldest_due_seconds",
    "lag per handler": "liaison_stream_lag_events",
    "dead letters": "liaison_dead_letters_open",
    "halted consumer": "liaison_consumer_halted",
    "endpoints off": "liaison_courier_endpoints_off",
    "things without a vector": "liaison_without_vector",
    "sequencer": "liaison_journal_unsequenced_oldest_seconds",
    "relay": "liaison_events_handled_total",
    "process down": "up",
    "process not ready": "liaison_ready",
    "errors": "liaison_http_requests_total",
    "disk": "liaison_data_disk_free_bytes",
}
"""What somebody must be told, and what tells it."""


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    dashboard = json.loads((DEPLOY / "grafana/dashboards/waiting.json").read_text(encoding="utf-8"))
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_an_alert_asks_for_what_there_is(rule: dict[str, Any]) -> None:
    check_expression(rule["expr"])
    assert rule["labels"]["severity"] in SEVERITIES
    assert rule["annotations"]["summary"]


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_an_alert_says_where_help_is(rule: dict[str, Any]) -> None:
    headings = re.findall(r"^#+ (.+)$", OPERATIONS.read_text(encoding="utf-8"), re.MULTILINE)
    anchors = {re.sub(r"[^\w\- ]", "", heading).lower().replace(" ", "-") for heading in headings}
    file, _, anchor = rule["annotations"]["runbook"].partition("#")
    assert file == "deploy/OPERATIONS.md"
    assert anchor == rule["alert"].lower()
    assert anchor in anchors


def test_alerts_fire_on_what_they_are_for_and_keep_still_else() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("no promtool (it comes with Prometheus): rules_test.yml was not run")
    command = [promtool, "test", "rules", str(DEPLOY / "prometheus" / "rules_test.yml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_of_each_alert_it_is_said_what_it_fires_on() -> None:
    cases = yaml.safe_load((DEPLOY / "prometheus" / "rules_test.yml").read_text(encoding="utf-8"))["tests"]
    fires = {one["alertname"] for case in cases for one in case["alert_rule_test"] if one.get("exp_alerts")}
    assert fires == {rule["alert"] for rule in rules()}


def test_everything_that_somebody_must_be_told_has_an_alert() -> None:
    asked = {name for rule in rules() for name in check_expression(rule["expr"])}
    assert set(PROMISED.values()) <= asked


@pytest.mark.parametrize("panel", panels(), ids=lambda panel: panel["title"])
def test_a_panel_asks_for_what_there_is(panel: dict[str, Any]) -> None:
    assert panel["description"]
    for target in panel["targets"]:
        check_expression(target["expr"])


def test_the_dashboard_shows_every_metric_that_an_alert_is_about() -> None:
    shown = {
        name for panel in panels() for target in panel["targets"] for name in check_expression(target["expr"])
    }
    alerted = {name for rule in rules() for name in check_expression(rule["expr"])}
    assert alerted - FOREIGN_METRICS <= shown
    assert set(exported()) >= shown - FOREIGN_METRICS


def test_panels_do_not_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in panels():
        place = panel["gridPos"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not cells & taken, panel["title"]
        assert place["x"] + place["w"] <= 24
        taken |= cells


def test_grafana_finds_its_source_and_its_dashboards() -> None:
    provisioning = DEPLOY / "grafana" / "provisioning"
    (source,) = yaml.safe_load((provisioning / "datasources/prometheus.yml").read_text())["datasources"]
    assert source["url"].partition("://")[2].split(":")[0] in services()
    used = {target["datasource"]["uid"] for panel in panels() for target in panel["targets"]}
    assert used == {source["uid"]}
    (provider,) = yaml.safe_load((provisioning / "dashboards/liaison.yml").read_text())["providers"]
    mounts = [volume.split(":")[1] for volume in services()["grafana"]["volumes"]]
    assert provider["options"]["path"] in mounts


def test_prometheus_asks_every_process() -> None:
    scraped = yaml.safe_load((DEPLOY / "prometheus/prometheus.yml").read_text())["scrape_configs"]
    asked = {
        one["job_name"]: (found["names"], found["port"])
        for one in scraped
        for found in one.get("dns_sd_configs", [])
    }
    assert asked == {
        "liaison-gateway": (["gateway"], 8000),
        "liaison-worker": (["worker"], 8001),
        "liaison-relay": (["relay"], 8001),
        "liaison-courier": (["courier"], 8001),
    }
