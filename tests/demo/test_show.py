"""`liaison demo`: what a visitor sees in the first minute, and that it says so where something is missing."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from services.demo import show
from services.kernel.database import Database
from services.kernel.settings import Settings
from tests.cli.command import Command
from tests.end_to_end.process import MODELS

BOUNDED_S = 360.0
"""It embeds and matches 320 companies: 40 s of a core, which others want too."""


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_once_shows_a_match_a_consortium_and_a_pairing_by_webhook(tmp_path: Path) -> None:
    """The whole of it, on the data that ships. Its receiver counts only what is signed for it."""
    command = Command({"LIAISON_MODELS_DIR": str(MODELS)}, tmp_path, bounded_s=BOUNDED_S)
    said = command("demo", "--once", "--port", "0", "--data-dir", str(tmp_path / "data"))
    assert said.code == 0, said.told
    address = re.search(r"board (http://localhost:\d+)", said.told)
    assert address is not None, said.told
    assert re.search(r"[1-9]\d* suggestions stand", said.told)
    assert "still wait" not in said.told
    assert re.search(r"\d\.\d+ s first webhook, signature verified", said.told)
    assert re.search(r"webhook-id msg_\w+ liaison\.match\.suggested\.v1", said.told)
    assert re.search(r"webhook-id msg_\w+ liaison\.consortium\.proposed\.v1", said.told)
    assert re.search(r"\d\.\d+ s webhook, signature verified", said.told)
    assert re.search(r"webhook-id msg_\w+ liaison\.pairing\.suggested\.v1", said.told)
    assert re.search(rf"page {address[1]}/challenges/chl_\w+", said.told)
    assert re.search(rf"page {address[1]}/pairings/pai_\w+", said.told)


@pytest.mark.parametrize("have_arrived", [True, False])
async def test_it_fails_where_a_webhook_did_not_arrive(
    monkeypatch: pytest.MonkeyPatch, have_arrived: bool
) -> None:
    async def serve(_settings: Settings, started: Any, **_: Any) -> None:
        await started(None)

    async def play(*_: object) -> bool:
        return have_arrived

    monkeypatch.setattr(show, "serve", serve)
    monkeypatch.setattr(show, "_play", play)
    if have_arrived:
        await show.show(Settings(), stay=False)
    else:
        with pytest.raises(show.NothingArrived, match="did not arrive"):
            await show.show(Settings(), stay=False)


async def test_it_says_that_not_everything_is_matched_yet(
    sqlite: Database, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Stuck:
        """A process whose matching does not get on."""

        database = sqlite

        @property
        def carrier(self) -> Stuck:
            return self

        async def lag(self) -> dict[str, int]:
            return {"matching": 3, "indexing": 0}

    monkeypatch.setattr(show, "SETTLE_S", 0.0)
    monkeypatch.setattr(show, "console", Console())
    await show._settled(Stuck(), Stuck())  # type: ignore[arg-type]
    assert "3 events still wait after 0 s" in " ".join(capsys.readouterr().out.split())
