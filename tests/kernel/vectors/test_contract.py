"""What every VectorIndex does, run against each adapter."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from dataclasses import replace
from typing import cast
from uuid import UUID, uuid4

import numpy as np
import pytest

from services.kernel.vectors.errors import CollectionMismatch, UnknownCollection
from services.kernel.vectors.port import (
    NO_FILTER,
    AnyOf,
    Between,
    CollectionSpec,
    Equals,
    Filter,
    Hit,
    Payload,
    Point,
    Query,
    Sparse,
    VectorIndex,
)
from tests.kernel.vectors.points import identity, payload, points, sparse_product, spec, units, words

COUNT = 60
TOLERANCE = 1e-4


@pytest.fixture
async def full(index: VectorIndex, name: str) -> VectorIndex:
    await index.ensure(spec(name))
    await index.upsert(name, points(COUNT))
    return index


async def test_dense_search_gives_the_dot_products_best_first(full: VectorIndex, name: str) -> None:
    query = units(1, seed=99)[0]
    [hits] = await full.search(name, [Query("text", query, 10)])
    expected = _best({p.id: float(p.dense["text"] @ query) for p in points(COUNT)}, 10)
    _same(hits, expected)
    assert hits[0].payload == payload(hits[0].id.int - 1)


async def test_sparse_search_gives_the_plain_dot_products(full: VectorIndex, name: str) -> None:
    query = words(1234, size=8)
    [hits] = await full.search(name, [Query("words", query, 10)])
    products = {p.id: sparse_product(query, p.sparse["words"]) for p in points(COUNT)}
    _same(hits, _best({one: product for one, product in products.items() if product > 0}, 10))


async def test_sparse_search_finds_only_points_that_share_an_index(full: VectorIndex, name: str) -> None:
    nowhere = Sparse(np.array([10_000], np.uint32), np.array([1], np.float32))
    empty = Sparse(np.array([], np.uint32), np.array([], np.float32))
    assert await full.search(name, [Query("words", nowhere, 5), Query("words", empty, 5)]) == [[], []]


async def test_answers_come_in_the_order_of_the_queries(full: VectorIndex, name: str) -> None:
    queries = [Query("text", vector, 3) for vector in units(20, seed=5)]
    queries[7] = Query("words", words(7), 4)
    together = await full.search(name, queries)
    assert [len(hits) for hits in together] == [4 if n == 7 else 3 for n in range(20)]
    for query, hits in zip(queries, together, strict=True):
        [alone] = await full.search(name, [query])
        assert [hit.id for hit in alone] == [hit.id for hit in hits]
    assert await full.search(name, []) == []


async def test_equal_scores_come_in_the_order_of_ids(index: VectorIndex, name: str) -> None:
    await index.ensure(spec(name))
    vector = units(1)[0]
    twins = [Point(uuid4(), {"text": vector}, {}, {}) for _ in range(20)]
    await index.upsert(name, twins)
    [hits] = await index.search(name, [Query("text", vector, 20)])
    assert [hit.id for hit in hits] == sorted(twin.id for twin in twins)


@pytest.mark.parametrize("fields", [None, (), ("company",), ("company", "stages", "absent")])
async def test_hits_carry_the_fields_asked_for(
    full: VectorIndex, name: str, fields: tuple[str, ...] | None
) -> None:
    [[hit]] = await full.search(name, [Query("text", points(9)[8].dense["text"], 1, fields=fields)])
    whole = payload(8)
    assert hit.id == identity(8)
    assert hit.payload == (whole if fields is None else {k: whole[k] for k in fields if k in whole})


def _number(p: Payload, key: str) -> float:
    value = p[key]
    return math.nan if value is None else cast("float", value)


FILTERS: dict[str, tuple[Filter, Callable[[Payload], bool]]] = {
    "equals": (Filter((Equals("country", "DE"),)), lambda p: p["country"] == "DE"),
    "equals in a list": (
        Filter((Equals("stages", "series"),)),
        lambda p: "series" in cast("list[str]", p["stages"]),
    ),
    "equals a number": (Filter((Equals("trl", 4),)), lambda p: p["trl"] == 4),
    "equals true": (Filter((Equals("active", value=True),)), lambda p: p["active"] is True),
    "equals false": (Filter((Equals("active", value=False),)), lambda p: p["active"] is False),
    "any of": (Filter((AnyOf("country", ("DE", "FR", "XX")),)), lambda p: p["country"] in {"DE", "FR"}),
    "any of, in a list": (
        Filter((AnyOf("stages", ("study", "flight")),)),
        lambda p: "study" in cast("list[str]", p["stages"]),
    ),
    "any of numbers": (Filter((AnyOf("trl", (1, 9)),)), lambda p: p["trl"] in {1, 9}),
    "any of none": (Filter((AnyOf("country", ()),)), lambda p: False),
    "not any of none": (Filter(must_not=(AnyOf("country", ()),)), lambda p: True),
    "between": (Filter((Between("trl", 3, 5),)), lambda p: 3 <= _number(p, "trl") <= 5),
    "at least": (Filter((Between("trl", at_least=8),)), lambda p: _number(p, "trl") >= 8),
    "at most": (Filter((Between("year", at_most=2005),)), lambda p: _number(p, "year") <= 2005),
    "any number": (Filter((Between("year"),)), lambda p: p["year"] is not None),
    "between, not indexed": (
        Filter((Between("share", 1.5, 2.5),)),
        lambda p: 1.5 <= _number(p, "share") <= 2.5,
    ),
    "must not": (Filter(must_not=(Equals("country", "DE"),)), lambda p: p["country"] != "DE"),
    "must not, absent": (Filter(must_not=(Equals("nothing", "DE"),)), lambda p: True),
    "absent": (Filter((Equals("nothing", "DE"),)), lambda p: False),
    "all together": (
        Filter((AnyOf("country", ("DE", "IT")), Between("trl", 2, 8)), (Equals("active", value=True),)),
        lambda p: p["country"] in {"DE", "IT"} and 2 <= _number(p, "trl") <= 8 and not p["active"],
    ),
    "nothing asked": (NO_FILTER, lambda p: True),
}


@pytest.mark.parametrize("case", FILTERS)
async def test_filters_select_the_same_in_search_count_and_scroll(
    full: VectorIndex, name: str, case: str
) -> None:
    where, holds = FILTERS[case]
    expected = {identity(n) for n in range(COUNT) if holds(payload(n))}
    vector = units(1, seed=3)[0]
    dense, sparse = await full.search(
        name, [Query("text", vector, COUNT, where), Query("words", words(3), COUNT, where)]
    )
    assert {hit.id for hit in dense} == expected
    assert {hit.id for hit in sparse} <= expected
    assert await full.count(name, where) == len(expected)
    assert {one for page in [p async for p in full.scroll(name, where)] for one, _ in page} == expected


async def test_an_empty_collection_answers_nothing(index: VectorIndex, name: str) -> None:
    await index.ensure(spec(name))
    queries = [Query("text", units(1)[0], 5), Query("words", words(1), 5)]
    assert await index.search(name, queries) == [[], []]
    assert await index.count(name) == 0
    assert [page async for page in index.scroll(name)] == []
    assert await index.retrieve(name, [uuid4()]) == []
    await index.delete(name, Filter((Equals("country", "DE"),)))
    await index.upsert(name, [])
    await index.optimise(name)
    assert (await index.state(name)).points == 0


async def test_unknown_collections_are_an_error_of_their_own(index: VectorIndex, name: str) -> None:
    async def scroll() -> None:
        async for _ in index.scroll(name):
            pass

    calls = [
        index.search(name, [Query("text", units(1)[0], 5)]),
        index.upsert(name, points(1)),
        index.delete(name, Filter((Equals("country", "DE"),))),
        index.retrieve(name, [uuid4()]),
        index.count(name),
        index.optimise(name),
        index.state(name),
        index.switch("test-alias", name),
        scroll(),
    ]
    for call in calls:
        with pytest.raises(UnknownCollection, match=name):
            await call
    await index.drop(name)
    assert await index.resolve(name) is None


async def test_retrieve_gives_points_back_bit_for_bit(full: VectorIndex, name: str) -> None:
    await full.upsert(name, [Point(identity(500), {"text": units(1)[0]}, {}, {})])
    wanted = [identity(n) for n in (3, 41, 500, 777)]
    found = {point.id: point for point in await full.retrieve(name, wanted)}
    assert set(found) == set(wanted[:3])
    for number in (3, 41):
        original, back = points(COUNT)[number], found[identity(number)]
        assert back.dense["text"].dtype == np.float32
        assert np.array_equal(back.dense["text"], original.dense["text"])
        assert np.array_equal(back.sparse["words"].indices, original.sparse["words"].indices)
        assert np.array_equal(back.sparse["words"].values, original.sparse["words"].values)
        assert back.payload == original.payload
    assert found[identity(500)].sparse == {}


async def test_an_upsert_replaces_the_whole_point(full: VectorIndex, name: str) -> None:
    vector = units(1, seed=42)[0]
    await full.upsert(name, [Point(identity(0), {"text": vector}, {}, {"country": "PT"})])
    [point] = await full.retrieve(name, [identity(0)])
    assert np.array_equal(point.dense["text"], vector)
    assert point.sparse == {}
    assert point.payload == {"country": "PT"}
    assert await full.count(name) == COUNT
    assert await full.count(name, Filter((Equals("country", "PT"),))) == 1
    [[hit]] = await full.search(name, [Query("text", vector, 1)])
    assert hit.id == identity(0)


async def test_of_two_points_with_one_id_the_last_one_wins(index: VectorIndex, name: str) -> None:
    await index.ensure(spec(name))
    first, second = points(2)
    await index.upsert(name, [first, replace(second, id=first.id)])
    [point] = await index.retrieve(name, [first.id])
    assert np.array_equal(point.dense["text"], second.dense["text"])
    assert await index.count(name) == 1


async def test_scroll_gives_every_point_once_in_pages(index: VectorIndex, name: str) -> None:
    await index.ensure(spec(name))
    await index.upsert(name, points(1_100))
    pages = [page async for page in index.scroll(name)]
    seen = [one for page in pages for one, _ in page]
    assert len(pages) > 1
    assert len(seen) == len(set(seen)) == 1_100
    assert all(found == payload(one.int - 1) for page in pages for one, found in page)


async def test_delete_by_filter_removes_what_it_selects(full: VectorIndex, name: str) -> None:
    where = Filter((Equals("company", "cmp_2"),))
    await full.delete(name, where)
    assert await full.count(name, where) == 0
    assert await full.count(name) == COUNT - 3
    [hits] = await full.search(name, [Query("text", points(COUNT)[6].dense["text"], COUNT)])
    assert not {hit.id for hit in hits} & {identity(n) for n in (6, 7, 8)}


async def test_an_empty_filter_deletes_nothing(full: VectorIndex, name: str) -> None:
    with pytest.raises(ValueError, match="drop the collection"):
        await full.delete(name, NO_FILTER)
    assert await full.count(name) == COUNT


def _point(text: object = None, sparse: object = None, **payload_: object) -> Point:
    vector = units(1)[0] if text is None else text
    chosen = words(1) if sparse is None else sparse
    return Point(identity(900), {"text": vector}, {"words": chosen}, payload_)  # type: ignore[dict-item,arg-type]


BAD_POINTS: dict[str, tuple[Point, str]] = {
    "dimensions": (_point(np.ones(7, np.float32)), r"'text' of point .* \(7,\); .* 8 dimensions"),
    "matrix": (_point(np.ones((1, 8), np.float32)), "'text' of point"),
    "float64": (_point(np.ones(8)), "'text' .* float32"),
    "nan": (_point(np.array([math.nan] * 8, np.float32)), "'text' .* finite"),
    "infinite": (_point(np.array([math.inf] + [0] * 7, np.float32)), "'text' .* finite"),
    "no vector": (Point(identity(900), {}, {}, {}), "no vector"),
    "unknown dense": (Point(identity(900), {"image": units(1)[0]}, {}, {}), "no dense vector 'image'"),
    "unknown sparse": (Point(identity(900), {}, {"text": words(1)}, {}), "no sparse vector 'text'"),
    "lengths": (
        _point(sparse=Sparse(np.array([1, 2], np.uint32), np.array([1], np.float32))),
        "'words' .* lengths",
    ),
    "order": (
        _point(sparse=Sparse(np.array([2, 1], np.uint32), np.ones(2, np.float32))),
        "'words' .* ascending",
    ),
    "twice": (
        _point(sparse=Sparse(np.array([2, 2], np.uint32), np.ones(2, np.float32))),
        "'words' .* unique",
    ),
    "sparse nan": (
        _point(sparse=Sparse(np.array([1], np.uint32), np.array([math.nan], np.float32))),
        "'words' .* finite",
    ),
    "signed": (_point(sparse=Sparse(np.array([1]), np.ones(1, np.float32))), "'words' .* uint32"),
    "payload nan": (_point(rate=math.nan), "'rate'"),
    "payload object": (_point(rate=object()), "'rate'"),
    "payload number": (_point(rate=2**63), "'rate'"),
    "payload text": (_point(title="\ud800"), "'title'"),
    "payload key": (_point(**{"a.b": 1}), r"'a\.b'"),
}


@pytest.mark.parametrize("case", BAD_POINTS)
async def test_bad_points_are_refused_by_name_and_nothing_is_written(
    full: VectorIndex, name: str, case: str
) -> None:
    bad, says = BAD_POINTS[case]
    with pytest.raises(ValueError, match=says):
        await full.upsert(name, [_point(), bad])
    assert await full.retrieve(name, [identity(900)]) == []
    assert await full.count(name) == COUNT


BAD_QUERIES: dict[str, tuple[Query, str]] = {
    "dimensions": (Query("text", np.ones(3, np.float32), 5), "'text' of query 1 .* 8 dimensions"),
    "nan": (Query("text", np.array([math.nan] * 8, np.float32), 5), "'text' of query 1 .* finite"),
    "unknown": (Query("image", units(1)[0], 5), "no dense vector 'image'"),
    "dense for sparse": (Query("words", units(1)[0], 5), "no dense vector 'words'"),
    "sparse for dense": (Query("text", words(1), 5), "no sparse vector 'text'"),
    "limit": (Query("text", units(1)[0], 0), "limit 0 of query 1"),
    "key": (Query("text", units(1)[0], 5, Filter((Equals("a[]", 1),))), r"'a\[\]'"),
    "field": (Query("text", units(1)[0], 5, fields=("a b",)), "'a b'"),
    "mixed": (Query("text", units(1)[0], 5, Filter((AnyOf("trl", (1, "a")),))), "AnyOf"),  # type: ignore[arg-type]
    "nan end": (Query("text", units(1)[0], 5, Filter((Between("trl", math.nan),))), "Between"),
    "not comparable": (Query("text", units(1)[0], 5, Filter((Equals("trl", 1.5),))), "1.5"),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("case", BAD_QUERIES)
async def test_bad_queries_are_refused_by_name(full: VectorIndex, name: str, case: str) -> None:
    bad, says = BAD_QUERIES[case]
    with pytest.raises(ValueError, match=says):
        await full.search(name, [Query("text", units(1)[0], 1), bad])


@pytest.mark.parametrize("bad", ["", "a/b", "../up", ".hidden", "a b", "x" * 129])
async def test_bad_names_are_refused(index: VectorIndex, bad: str) -> None:
    with pytest.raises(ValueError, match="cannot name"):
        await index.ensure(spec(bad))


async def test_ensure_again_changes_nothing_and_another_shape_is_an_error(
    full: VectorIndex, name: str
) -> None:
    await full.ensure(spec(name))
    await full.ensure(replace(spec(name), keywords=("company", "buyer")))
    assert await full.count(name) == COUNT
    for other in (
        spec(name, dimensions=9),
        replace(spec(name), sparse=()),
        replace(spec(name), dense={"text": 8, "title": 8}),
    ):
        with pytest.raises(CollectionMismatch, match=name):
            await full.ensure(other)
    assert await full.count(name, Filter((Equals("company", "cmp_2"),))) == 3


async def test_large_batches_are_written_and_asked_as_a_whole(index: VectorIndex, name: str) -> None:
    await index.ensure(spec(name))
    await index.upsert(name, points(3_000))
    assert await index.count(name) == 3_000
    vectors = [p.dense["text"] for p in points(150)]
    answers = await index.search(name, [Query("text", vector, 1, fields=()) for vector in vectors])
    assert [hits[0].id for hits in answers] == [identity(n) for n in range(150)]
    assert len(await index.retrieve(name, [identity(n) for n in range(1_000)])) == 1_000


async def test_aliases_are_resolved_and_go_with_their_collection(index: VectorIndex, name: str) -> None:
    alias, other = f"{name}-alias", f"{name}-b"
    await index.ensure(spec(name))
    await index.ensure(spec(other))
    assert await index.resolve(alias) is None
    await index.switch(alias, name)
    await index.upsert(alias, points(5))
    assert await index.count(alias) == await index.count(name) == 5
    assert (await index.state(alias)).name == name
    assert await index.resolve(alias) == name
    assert alias not in await index.collections()
    await index.switch(alias, other)
    assert await index.count(alias) == 0
    await index.drop(alias)
    assert await index.resolve(alias) == other
    await index.drop(other)
    assert await index.resolve(alias) is None
    assert await index.collections() == [c for c in await index.collections() if c != other]
    with pytest.raises(UnknownCollection, match=alias):
        await index.count(alias)


async def test_a_name_is_an_alias_or_a_collection(index: VectorIndex, name: str) -> None:
    other = f"{name}-b"
    await index.ensure(spec(name))
    await index.switch(other, name)
    with pytest.raises(CollectionMismatch, match="alias"):
        await index.ensure(spec(other))
    with pytest.raises(CollectionMismatch, match="alias"):
        await index.switch(name, name)


async def test_switching_under_concurrent_searches_shows_the_old_or_the_new(
    index: VectorIndex, name: str
) -> None:
    alias, other = f"{name}-alias", f"{name}-b"
    vector = units(1)[0]
    for which in (name, other):
        await index.ensure(spec(which))
        await index.upsert(which, [replace(one, payload={"from": which}) for one in points(10)])
    await index.switch(alias, name)
    seen: list[set[object]] = []
    done = asyncio.Event()

    async def read() -> None:
        while not done.is_set():
            answers = await index.search(alias, [Query("text", vector, 10)] * 6)
            seen.append({hit.payload["from"] for hits in answers for hit in hits})
            await asyncio.sleep(0)

    readers = [asyncio.create_task(read()) for _ in range(3)]
    for turn in range(10):
        await index.switch(alias, (other, name)[turn % 2])
        await asyncio.sleep(0)
    await index.switch(alias, other)
    await index.drop(name)
    await index.search(alias, [Query("text", vector, 1)])
    done.set()
    await asyncio.gather(*readers)
    assert seen
    # A batch may be answered in parts, each by what the alias pointed at then; nothing is ever missing.
    assert all(froms and froms <= {name, other} for froms in seen)


async def test_collections_with_other_dimensions_can_follow_behind_one_alias(
    index: VectorIndex, name: str
) -> None:
    alias, wider = f"{name}-alias", f"{name}-wide"
    await index.ensure(spec(name))
    await index.ensure(spec(wider, dimensions=16))
    await index.switch(alias, name)
    await index.upsert(alias, points(3))
    await index.switch(alias, wider)
    await index.upsert(alias, points(3, dimensions=16))
    with pytest.raises(ValueError, match="16 dimensions"):
        await index.search(alias, [Query("text", units(1)[0], 5)])


async def test_optimising_keeps_every_answer(full: VectorIndex, name: str) -> None:
    queries = [Query("text", vector, 10) for vector in units(5, seed=11)]
    queries += [Query("words", words(n), 10) for n in range(5)]
    before = await full.search(name, queries)
    await full.optimise(name)
    await full.maintain()
    for old, new in zip(before, await full.search(name, queries), strict=True):
        _same(new, {hit.id: hit.score for hit in old})
    assert (await full.state(name)).points == COUNT


def _best(scores: dict[UUID, float], count: int) -> dict[UUID, float]:
    ordered = sorted(scores.items(), key=lambda item: (-item[1], item[0].bytes))
    return dict(ordered[:count])


def _same(hits: list[Hit], expected: dict[UUID, float]) -> None:
    assert [hit.id for hit in hits] == list(expected)
    for hit in hits:
        assert hit.score == pytest.approx(expected[hit.id], abs=TOLERANCE)


async def test_a_collection_may_have_sparse_vectors_alone(index: VectorIndex, name: str) -> None:
    await index.ensure(CollectionSpec(name, dense={}, sparse=("words",), keywords=("company",)))
    await index.upsert(name, [Point(one.id, {}, one.sparse, one.payload) for one in points(COUNT)])
    query = words(1234, size=8)
    products = {one.id: sparse_product(query, one.sparse["words"]) for one in points(COUNT)}
    best = _best({one: product for one, product in products.items() if product > 0}, 10)
    _same((await index.search(name, [Query("words", query, 10)]))[0], best)
    await index.optimise(name)
    _same((await index.search(name, [Query("words", query, 10)]))[0], best)
    assert (await index.state(name)).points == COUNT
    await index.delete(name, Filter(must=(Equals("company", "cmp_1"),)))
    assert await index.count(name) == COUNT - 3
