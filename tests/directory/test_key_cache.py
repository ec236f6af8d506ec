"""The memory of good keys: bounded, and never newer than a revocation."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from services.directory import key_cache
from services.directory.key_cache import KeyCache, Known
from services.kernel.security import Principal

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def known(key: str) -> Known:
    return Known(Principal("org_1", "bso", key, frozenset({"read"})), None, NOW)


def test_the_least_recently_used_is_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_cache, "CACHED_MAX", 2)
    cache = KeyCache()
    for name in ("a", "b"):
        cache.put(name, known(name), generation=0)
    cache.get("a", NOW)
    cache.put("c", known("c"), generation=0)
    assert [name for name in "abc" if cache.get(name, NOW)] == ["a", "c"]


def test_a_key_looked_up_before_a_revocation_is_not_remembered_after_it() -> None:
    cache = KeyCache()
    before = cache.generation
    cache.forget("a")
    cache.put("digest", known("a"), generation=before)
    assert cache.get("digest", NOW) is None
