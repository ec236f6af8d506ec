"""The generator of secrets: what it makes is taken by the product, and what is there is kept."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from deploy.generate_secrets import generate
from services.kernel.secrets_folder import ledger_key, server_secrets
from services.kernel.settings import SECRETS_VARIABLE, load_settings
from tests.deploy.manifests import DEPLOY


def test_the_product_takes_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    generate(tmp_path / "secrets")
    monkeypatch.setenv(SECRETS_VARIABLE, str(tmp_path / "secrets"))
    settings = load_settings(data_dir=tmp_path / "data")
    assert settings.database_url.startswith("postgresql://liaison:")
    assert settings.admin_key is not None
    box = server_secrets(settings).box
    ledger_key(settings)
    assert box.open(box.seal("whsec")) == "whsec"
    assert not (tmp_path / "data").exists(), "nothing had to be made, nothing was written"


def test_the_product_takes_them_as_kubernetes_mounts_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Links to a folder that is swapped as a whole, through a link of its own."""
    mount = tmp_path / "mount"
    generate(mount / "..2026_11_27")
    (mount / "..data").symlink_to("..2026_11_27")
    for name in ("liaison_database_url", "liaison_encryption_keys", "liaison_cookie_secret"):
        (mount / name).symlink_to(Path("..data") / name)
    monkeypatch.setenv(SECRETS_VARIABLE, str(mount))
    settings = load_settings(data_dir=tmp_path / "data")
    assert settings.database_url.startswith("postgresql://liaison:")
    assert settings.cookie_secret is not None
    assert settings.admin_key is None, "not mounted, not there"


def test_one_password_in_every_file_that_needs_it(tmp_path: Path) -> None:
    generate(tmp_path)

    def content(name: str) -> str:
        return (tmp_path / name).read_text().strip()

    assert f":{content('postgres_password')}@" in content("liaison_database_url")
    assert yaml.safe_load(content("qdrant.yaml")) == {
        "service": {"api_key": content("liaison_qdrant_api_key")}
    }


def test_what_is_there_is_kept_and_the_rest_is_made(tmp_path: Path) -> None:
    first = generate(tmp_path)
    (tmp_path / "liaison_database_url").chmod(0o600)
    (tmp_path / "liaison_database_url").write_text("postgresql://liaison:mine@elsewhere/liaison\n")
    (tmp_path / "grafana_password").unlink()
    kept = {file.name: file.read_text() for file in tmp_path.iterdir()}
    assert generate(tmp_path) == ["grafana_password"]
    assert {file.name for file in tmp_path.iterdir()} == set(first)
    assert {name: (tmp_path / name).read_text() for name in kept} == kept


def test_others_on_the_host_cannot_read_them(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    done = subprocess.run(
        [sys.executable, "-I", str(DEPLOY / "generate_secrets.py"), str(folder)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "liaison_admin_key" in done.stdout
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in folder.iterdir()} == {0o444}
    for file in folder.iterdir():
        assert file.read_text().strip() not in done.stdout


def test_git_ignores_them() -> None:
    lines = (DEPLOY / "secrets" / ".gitignore").read_text().splitlines()
    assert "*" in lines
    assert [line for line in lines if line.startswith("!")] == ["!.gitignore"]
