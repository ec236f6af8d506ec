"""The code that the board shows verifies what the courier signs, and refuses everything else."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from services.courier.signing import decode_secret, generate_secret, signed_headers
from services.gateway.board.views.endpoints import SAMPLES

Verify = Callable[[Mapping[str, str], bytes], object]

BODY = json.dumps({"type": "liaison.match.suggested.v1", "data": {"need": "Kälte, 4 K"}}).encode()

NODE = """
import { readFileSync } from "node:fs";
import { verified } from "./verify.mjs";
const { headers, body } = JSON.parse(readFileSync(0, "utf8"));
console.log(JSON.stringify(verified(headers, Buffer.from(body, "base64"))));
"""
PHP = """
$given = json_decode(file_get_contents("php://stdin"), true);
echo json_encode(verified($given["headers"], base64_decode($given["body"])));
"""


def by_program(command: list[str], folder: Path, secret: str) -> Verify:
    def verify(headers: Mapping[str, str], body: bytes) -> object:
        given = json.dumps({"headers": dict(headers), "body": base64.b64encode(body).decode()})
        ran = subprocess.run(
            command,
            input=given,
            capture_output=True,
            text=True,
            cwd=folder,
            env={"LIAISON_SECRET": secret, "PATH": "/usr/bin:/bin:/usr/local/bin"},
            check=False,
        )
        if ran.returncode:
            raise ValueError(ran.stderr)
        return json.loads(ran.stdout)

    return verify


@pytest.fixture(params=sorted(SAMPLES))
def verify(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, secret: str
) -> Verify:
    code = SAMPLES[request.param]
    if request.param == "Python":
        monkeypatch.setenv("LIAISON_SECRET", secret)
        space: dict[str, Verify] = {}
        exec(code, space)
        return space["verified"]
    program = shutil.which(request.param.lower())
    if program is None:
        pytest.skip(f"{request.param} is not installed here: its sample is not tried")
    if request.param == "Node":
        (tmp_path / "verify.mjs").write_text(code)
        (tmp_path / "main.mjs").write_text(NODE)
        return by_program([program, "main.mjs"], tmp_path, secret)
    (tmp_path / "main.php").write_text(code + PHP)
    return by_program([program, "main.php"], tmp_path, secret)


@pytest.fixture
def secret() -> str:
    return generate_secret()


def test_what_we_sign_is_verified(verify: Verify, secret: str) -> None:
    now = int(time.time())
    headers = signed_headers([decode_secret(secret)], "msg_1", now, BODY)
    assert verify(headers, BODY) == json.loads(BODY)
    rotated = signed_headers([decode_secret(generate_secret()), decode_secret(secret)], "msg_1", now, BODY)
    assert verify(rotated, BODY) == json.loads(BODY)


def test_anything_else_is_refused(verify: Verify, secret: str) -> None:
    now = int(time.time())
    headers = signed_headers([decode_secret(secret)], "msg_1", now, BODY)
    for changed, body in (
        (headers, BODY + b" "),
        (headers | {"webhook-id": "msg_2"}, BODY),
        (headers | {"webhook-timestamp": str(now + 1)}, BODY),
        (headers | {"webhook-signature": "v1,AAAA"}, BODY),
        (signed_headers([decode_secret(generate_secret())], "msg_1", now, BODY), BODY),
        (signed_headers([decode_secret(secret)], "msg_1", now - 400, BODY), BODY),
    ):
        with pytest.raises(ValueError, match=r".+"):
            verify(changed, body)
