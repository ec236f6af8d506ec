"""Every command that a manifest names is one that the product has."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from services.cli.main import app
from tests.deploy.manifests import OURS, PRODUCTION, of_kind, rendered, services


def has(command: list[str]) -> None:
    done = CliRunner().invoke(app, [*command, "--help"])
    assert done.exit_code == 0, done.output


@pytest.mark.parametrize("name", OURS)
def test_a_command_of_the_compose_file(name: str) -> None:
    has(services()[name]["command"])


def test_the_commands_of_kubernetes() -> None:
    for one in of_kind(rendered(PRODUCTION), "Deployment", "Job").values():
        spec = one["spec"]["template"]["spec"]
        for container in (*spec["containers"], *spec.get("initContainers", [])):
            has(container["args"])


def test_a_command_that_there_is_not_fails() -> None:
    with pytest.raises(AssertionError):
        has(["gatway"])
