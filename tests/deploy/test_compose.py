"""docker-compose.yml: valid, confined, and every word in it is one that the product knows."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from services.kernel.settings import PREFIX
from tests.deploy.manifests import (
    HEALTH_OF_GATEWAY,
    HEALTH_OF_OTHERS,
    KNOWN_VARIABLES,
    OURS,
    ROOT,
    compose,
    services,
)

SCHEMA = Path(__file__).parent / "compose-spec" / "compose-spec.json"
MAY_GO_OUT = {"courier": "receivers of webhooks are anywhere", "proxy": "certificates"}
CAPABILITIES = {"proxy": ["NET_BIND_SERVICE"]}
"""The one right that is given back, which the program of that image carries in its file."""

EVERY = sorted(services())


def test_it_is_what_the_compose_specification_says() -> None:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    wrong = [error.message for error in Draft202012Validator(schema).iter_errors(compose())]
    assert wrong == []


@pytest.mark.parametrize("name", EVERY)
def test_every_container_is_confined(name: str) -> None:
    service = services()[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service.get("cap_add", []) == CAPABILITIES.get(name, [])
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service
    assert str(service["user"]).partition(":")[0] not in {"0", "root"}
    limits = service["deploy"]["resources"]["limits"]
    assert {"cpus", "memory"} <= set(limits)
    assert service["logging"]["options"]["max-size"]


@pytest.mark.parametrize("name", EVERY)
def test_every_container_that_stays_tells_its_health(name: str) -> None:
    service = services()[name]
    if service["restart"].startswith("on-failure"):
        assert service["healthcheck"] == {"disable": True}
        return
    assert service["restart"] == "unless-stopped"
    test = service["healthcheck"]["test"]
    assert test[0] == "CMD"
    if name in OURS:
        port = HEALTH_OF_GATEWAY if name == "gateway" else HEALTH_OF_OTHERS
        assert test[1:] == ["python", "/opt/liaison/healthcheck.py", port]


@pytest.mark.parametrize("name", EVERY)
def test_images_are_pinned(name: str) -> None:
    image = services()[name]["image"]
    tag = image.removeprefix("${LIAISON_IMAGE:-").rstrip("}").rpartition(":")[2]
    assert re.search(r"\d+\.\d+", tag), image


def test_qdrant_is_of_the_version_of_its_client() -> None:
    pinned = dict(
        line.split("==")
        for line in (ROOT / "deploy/constraints.txt").read_text().splitlines()
        if "==" in line
    )
    minor = ".".join(pinned["qdrant-client"].split(".")[:2])
    assert services()["qdrant"]["image"].startswith(f"qdrant/qdrant:v{minor}.")


def test_only_who_must_can_go_out() -> None:
    """A network is a way out unless it is internal or translates no addresses."""
    networks: dict[str, Any] = compose()["networks"]
    ways_out = {
        name
        for name, network in networks.items()
        if not network.get("internal")
        and network.get("driver_opts", {}).get("com.docker.network.bridge.enable_ip_masquerade") != "false"
    }
    outside = {name for name in EVERY if ways_out & set(services()[name]["networks"])}
    assert outside == set(MAY_GO_OUT)


def test_only_the_proxy_is_public_and_operators_reach_grafana_from_this_machine() -> None:
    published = {name: services()[name]["ports"] for name in EVERY if "ports" in services()[name]}
    assert set(published) == {"proxy", "grafana"}
    assert all(port.startswith("127.0.0.1:") for port in published["grafana"])


def test_every_variable_is_a_setting() -> None:
    for name in OURS:
        given = services()[name]["environment"]
        assert given
        assert set(given) <= KNOWN_VARIABLES, name


def test_every_secret_is_a_file_that_the_generator_makes(tmp_path: Path) -> None:
    from deploy.generate_secrets import generate

    made = set(generate(tmp_path))
    files = {name: Path(one["file"]).name for name, one in compose()["secrets"].items()}
    assert set(files.values()) == made
    for name in EVERY:
        for secret in services()[name].get("secrets", []):
            source = secret if isinstance(secret, str) else secret["source"]
            assert source in files
            if name in OURS:
                assert source.upper() in KNOWN_VARIABLES
                assert files[source] == source, "the product looks for a file of the setting's name"


def test_no_secret_stands_in_a_variable() -> None:
    for name in EVERY:
        for variable, value in services()[name].get("environment", {}).items():
            assert not re.search(r"PASSWORD$|SECRET$|KEY$|KEYS$", variable), (name, variable)
            assert not re.search(r"://[^/\s]+:[^/\s]+@", str(value)), (name, variable)


@pytest.mark.parametrize(
    ("secret", "holders"),
    [
        ("liaison_admin_key", {"gateway"}),
        ("liaison_qdrant_api_key", {"gateway", "worker"}),
        ("liaison_ledger_key", {"relay"}),
    ],
)
def test_a_secret_is_given_to_those_alone_that_need_it(secret: str, holders: set[str]) -> None:
    assert {name for name in EVERY if secret in services()[name].get("secrets", [])} == holders


def test_the_rest_waits_for_schema_and_topics() -> None:
    done, healthy = "service_completed_successfully", "service_healthy"
    needs = {
        name: {of: how["condition"] for of, how in services()[name].get("depends_on", {}).items()}
        for name in EVERY
    }
    assert needs["migrate"] == {"postgres": healthy}
    assert needs["topics"] == {"kafka": healthy}
    for name in ("gateway", "relay"):
        assert needs[name] == {"migrate": done, "topics": done}
    assert needs["worker"] == {"migrate": done, "topics": done, "qdrant": healthy}
    assert needs["courier"] == {"migrate": done}


def test_two_of_what_serves_and_what_computes() -> None:
    assert {name: services()[name]["deploy"]["replicas"] for name in ("gateway", "worker")} == {
        "gateway": 2,
        "worker": 2,
    }


def test_mounted_files_exist() -> None:
    for name in EVERY:
        for volume in services()[name].get("volumes", []):
            source = volume if isinstance(volume, str) else volume["source"]
            if source.startswith("./"):
                path, _, rest = source.partition(":")
                assert (ROOT / path).exists(), path
                assert rest.endswith(":ro"), source


def test_gateways_believe_the_proxys_network_alone() -> None:
    assert (
        services()["gateway"]["environment"][f"{PREFIX}TRUSTED_PROXIES"]
        == (compose()["networks"]["private"]["ipam"]["config"][0]["subnet"])
    )
