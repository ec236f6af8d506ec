"""Settings: where they come from, what wrong ones say, and that their page tells all of them."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from services.kernel.secrets_folder import kept, server_secrets
from services.kernel.security import SecretBox
from services.kernel.settings import (
    ConfigurationError,
    Settings,
    StreamKind,
    load_settings,
    misspelt_variables,
)
from services.kernel.settings_page import settings_markdown


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"LIAISON_{name.upper()}", raising=False)
    monkeypatch.setenv("LIAISON_SECRETS_DIR", str(tmp_path))
    monkeypatch.delenv("LIAISON_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)


def test_everything_has_a_default() -> None:
    settings = load_settings()
    assert settings.database_url == "sqlite:///var/liaison.db"
    assert settings.public_url == "http://localhost:8000"
    assert settings.stream is StreamKind.journal


def test_the_environment_wins_over_secret_files_and_these_over_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "liaison.toml").write_text('port = 1111\nhost = "0.0.0.0"\nlog_level = "error"\n')
    (tmp_path / "liaison_port").write_text("2222\n")
    (tmp_path / "liaison_host").write_text("10.0.0.1\n")
    monkeypatch.setenv("LIAISON_PORT", "3333")
    settings = load_settings()
    assert (settings.port, settings.host, settings.log_level) == (3333, "10.0.0.1", "error")
    assert settings.public_url == "http://localhost:3333"


def test_lists_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIAISON_STREAM", "kafka")
    monkeypatch.setenv("LIAISON_KAFKA_BOOTSTRAP_SERVERS", "a:9092, b:9092,")
    assert load_settings().kafka_bootstrap_servers == ("a:9092", "b:9092")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        (
            "LIAISON_PORT",
            "many",
            "LIAISON_PORT (or `port` in liaison.toml) is wrong: input should be",
        ),
        ("LIAISON_PORT", "tcp://10.1.2.3:8000", "enableServiceLinks: false"),
        ("LIAISON_STREAM", "pigeons", "input should be 'journal' or 'kafka'"),
        ("LIAISON_STREAM", "kafka", "LIAISON_KAFKA_BOOTSTRAP_SERVERS is not set."),
        ("LIAISON_VECTORS", "server", "LIAISON_QDRANT_URL is not set."),
        ("LIAISON_KAFKA_SECURITY_PROTOCOL", "SASL_SSL", "needs LIAISON_KAFKA_SASL_USERNAME"),
        ("LIAISON_MATCH_THRESHOLD", "nan", "LIAISON_MATCH_THRESHOLD"),
        ("LIAISON_PUBLIC_URL", "liaison.example", "LIAISON_PUBLIC_URL"),
        ("LIAISON_CONFIG", "/nowhere/liaison.toml", "which does not exist"),
    ],
)
def test_a_wrong_value_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError) as raised:
        load_settings()
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_wrong_secret_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIAISON_COOKIE_SECRET", "hunter2")
    with pytest.raises(ConfigurationError) as raised:
        load_settings()
    assert "hunter2" not in str(raised.value)
    assert "LIAISON_COOKIE_SECRET" in str(raised.value)


def test_a_misspelt_name_in_the_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "liaison.toml").write_text('databse_url = "sqlite:///x.db"\n')
    with pytest.raises(ConfigurationError, match="Did you mean `database_url`"):
        load_settings()


def test_broken_toml_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "liaison.toml").write_text("port = = 3\n")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_settings()


def test_a_misspelt_variable_is_warned_of_and_strange_ones_are_left_alone() -> None:
    environment = {"LIAISON_DATABSE_URL": "x", "LIAISON_PORT": "1", "LIAISON_SERVICE_HOST": "10.0.0.1"}
    assert misspelt_variables(environment) == [
        "LIAISON_DATABSE_URL is not a setting and has no effect. Did you mean LIAISON_DATABASE_URL?"
    ]


def test_secrets_are_made_once_and_readable_by_their_owner_only(tmp_path: Path) -> None:
    settings = load_settings(data_dir=tmp_path / "var")
    first, second = server_secrets(settings), server_secrets(settings)
    assert second.box.open(first.box.seal("whsec_x")) == "whsec_x"
    assert first.cookie_secret == second.cookie_secret
    files = list((tmp_path / "var" / "secrets").iterdir())
    assert sorted(file.name for file in files) == ["cookie_secret", "encryption_keys"]
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert "whsec" not in repr(first)
    assert first.cookie_secret not in repr(first)


def test_of_many_that_start_at_once_one_makes_the_secret(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = set(pool.map(lambda _: kept(tmp_path / "s" / "key", SecretBox.new_key), range(32)))
    assert len(made) == 1
    assert [file.name for file in (tmp_path / "s").iterdir()] == ["key"]


def test_configured_keys_are_used_and_rotate(tmp_path: Path) -> None:
    old, new = SecretBox.new_key(), SecretBox.new_key()
    sealed = SecretBox([old]).seal("s")
    settings = load_settings(data_dir=tmp_path, encryption_keys=f"{new},{old}", cookie_secret="c" * 32)
    assert server_secrets(settings).box.open(sealed) == "s"
    assert not (tmp_path / "secrets").exists()
    with pytest.raises(ConfigurationError, match="not a Fernet key"):
        server_secrets(load_settings(data_dir=tmp_path, encryption_keys="nonsense", cookie_secret="c" * 32))


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ConfigurationError, match="LIAISON_DATA_DIR"):
        server_secrets(load_settings(data_dir=tmp_path / "file"))


def test_the_page_tells_every_setting_with_a_description() -> None:
    page = settings_markdown()
    for name, field in Settings.model_fields.items():
        assert f"`LIAISON_{name.upper()}`" in page
        assert field.description, name
    assert page == settings_markdown()
