"""The Dockerfile, as far as it can be judged without an engine: by hadolint, and against the tree."""

from __future__ import annotations

import re
import subprocess
from fnmatch import fnmatch

from tests.deploy.manifests import DEPLOY, KNOWN_VARIABLES, ROOT, compose, program, services

DOCKERFILE = DEPLOY / "Dockerfile"
USER = "10001:10001"


def instructions(word: str) -> list[str]:
    joined = DOCKERFILE.read_text(encoding="utf-8").replace("\\\n", " ")
    return re.findall(rf"^{word}\s+(.+)$", joined, re.MULTILINE)


def test_hadolint_finds_nothing() -> None:
    done = subprocess.run([program("hadolint"), str(DOCKERFILE)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_base_is_pinned() -> None:
    (image,) = instructions("ARG")
    assert re.fullmatch(r"PYTHON_IMAGE=python:\d+\.\d+\.\d+-slim-\w+(@sha256:[0-9a-f]{64})?", image)
    assert {origin.split()[0] for origin in instructions("FROM")} <= {"${PYTHON_IMAGE}", "build", "base"}


def test_what_is_built_last_runs_as_nobody_and_as_the_compose_file_says() -> None:
    assert instructions("FROM")[-1] == "base AS runtime"
    assert set(instructions("USER")) == {USER}
    assert compose()["x-liaison"]["user"] == USER
    assert instructions("ENTRYPOINT") == ['["liaison"]']
    assert instructions("HEALTHCHECK")
    assert services()["gateway"]["build"]["dockerfile"] == str(DOCKERFILE.relative_to(ROOT))


def test_everything_that_is_copied_is_in_the_context_and_nothing_that_is_secret() -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in lines
    allowed = {line[1:] for line in lines if line.startswith("!")}
    copied = {
        source
        for instruction in instructions("COPY")
        if not instruction.startswith("--from")
        for source in instruction.split()[:-1]
    }
    assert copied == allowed
    assert all((ROOT / source).exists() for source in copied)
    assert not any(fnmatch("deploy/secrets/liaison_admin_key", f"{one}*") for one in allowed)


def test_every_variable_is_a_setting() -> None:
    words = " ".join(instructions("ENV"))
    assert set(re.findall(r"\bLIAISON_[A-Z_]+", words)) <= KNOWN_VARIABLES
    assert "LIAISON_HOST=0.0.0.0" in words
