"""A document is made once for what it is made of; the oldest go where they would take too much memory."""

from __future__ import annotations

from services.gateway.syndication.kept import Kept, Made


async def test_it_is_made_once_and_the_oldest_go() -> None:
    kept, asked = Kept(most=25), list[str]()

    async def document(key: str) -> bytes:
        async def find() -> str:
            asked.append(key)
            return key * 10

        made = await kept.get(key, find, lambda found: Made(found.encode(), None))
        return made.body

    for key in "abab":
        assert await document(key) == key.encode() * 10
    assert asked == ["a", "b"]
    await document("a")
    await document("c")  # no room for all three: b was asked for least lately
    assert [await document(key) for key in "acb"] == [b"a" * 10, b"c" * 10, b"b" * 10]
    assert asked == ["a", "b", "c", "b"]
    assert await Kept(most=1).get("x", document_of_two, lambda found: Made(found, None)) == Made(b"xx", None)


async def document_of_two() -> bytes:
    """Larger than all that may be kept: given all the same."""
    return b"xx"
