"""What a pipe or a log hears of long work."""

from __future__ import annotations

from services.cli.plain_progress import QUIET_S, TENTHS, UNCOUNTED_S, PlainProgress


class Watch:
    """A clock that is set, and what was said."""

    def __init__(self, step: str, total: int | None = None) -> None:
        self.seconds = 1_000.0
        self.lines: list[str] = []
        self.progress = PlainProgress(step, total, say=self.lines.append, now=lambda: self.seconds)

    def after(self, seconds: float, done: int, total: int | None = None, step: str | None = None) -> None:
        self.seconds += seconds
        self.progress.advance(done, total, step)


def test_each_tenth_of_a_long_step_is_said_once() -> None:
    watch = Watch("reading the bundle")
    for done in range(1, 722):
        watch.after(1.0, done, 721, "matching")
    assert len(watch.lines) == TENTHS
    assert watch.lines[0] == "matching: 73 of 721, 73 s"
    assert watch.lines[-1] == "matching: 721 of 721, 721 s"


def test_what_is_done_soon_is_not_told() -> None:
    watch = Watch("indexing")
    for done in range(1, 11):
        watch.after((QUIET_S - 1.0) / 10, done, 10)
    assert watch.lines == []


def test_a_step_begins_with_nothing_done() -> None:
    watch = Watch("indexing")
    watch.after(QUIET_S, 10, 10)
    watch.after(QUIET_S, 1, 10, "matching")
    watch.after(QUIET_S - 1.0, 2, 10)  # too soon
    watch.after(1.0, 2, 10)
    assert [line.rpartition(",")[0] for line in watch.lines] == [
        "indexing: 10 of 10",
        "matching: 1 of 10",
        "matching: 2 of 10",
    ]


def test_where_nobody_knows_how_much_there_is_a_line_comes_once_a_while() -> None:
    watch = Watch("erasing")
    for done in range(100, 1_300, 100):
        watch.after(UNCOUNTED_S / 4, done)
    assert watch.lines == ["erasing: 400, 60 s", "erasing: 800, 120 s", "erasing: 1200, 180 s"]
