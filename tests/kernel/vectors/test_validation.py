"""What validation lets through, the embedded engine takes and gives back, for it has no second check."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from services.kernel.vectors import edge_values
from services.kernel.vectors.edge_generation import Generation
from services.kernel.vectors.port import Payload, PayloadValue, Point, Sparse
from services.kernel.vectors.validation import check_points, check_spec
from tests.kernel.vectors.points import spec

SPEC = spec("companies-a", dimensions=4)

dense = arrays(np.float32, 4, elements=st.floats(-1, 1, width=32))
sparse = st.dictionaries(st.integers(0, 2**32 - 1), st.floats(2**-10, 1024, width=32), max_size=8).map(
    lambda terms: Sparse(
        np.array(sorted(terms), np.uint32), np.array([terms[i] for i in sorted(terms)], np.float32)
    )
)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
integers = st.integers(-(2**63), 2**63 - 1)
values: st.SearchStrategy[PayloadValue] = st.one_of(
    st.none(),
    st.booleans(),
    integers,
    st.floats(allow_nan=False, allow_infinity=False),
    texts,
    st.lists(texts, max_size=4),
    st.lists(integers, max_size=4),
)
payloads: st.SearchStrategy[Payload] = st.dictionaries(
    st.from_regex(r"[A-Za-z_][A-Za-z0-9_-]{0,8}", fullmatch=True), values, max_size=5
)


@pytest.fixture(scope="module")
def generation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Generation]:
    check_spec(SPEC)
    path: Path = tmp_path_factory.mktemp("vectors") / "g-1"
    opened = Generation.create(path, SPEC)
    yield opened
    opened.flush_and_close()
    Generation.load(path).flush_and_close()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(identity=st.uuids(), text=dense, words=sparse, payload=payloads)
def test_an_accepted_point_comes_back(
    generation: Generation, identity: UUID, text: np.ndarray, words: Sparse, payload: Payload
) -> None:
    point = Point(identity, {"text": text}, {"words": words}, payload)
    check_points(SPEC, [point])
    generation.write([edge_values.edge_point(point)])
    [record] = generation.records([identity])
    for back in (edge_values.point(record), edge_values.point_of_row(edge_values.row(record))):
        assert back.id == identity
        assert _unchanged(payload, dict(back.payload or {}))
    read = edge_values.point(record)
    assert np.array_equal(read.dense["text"], text)
    if words.indices.size:
        assert np.array_equal(read.sparse["words"].indices, words.indices)
        assert np.array_equal(read.sparse["words"].values, words.values)
    else:
        assert read.sparse == {}


def _unchanged(before: Payload, after: Payload) -> bool:
    def same(old: PayloadValue, new: PayloadValue) -> bool:
        if isinstance(old, float):
            return new == pytest.approx(old, rel=1e-15)
        return type(old) is type(new) and old == new

    return before.keys() == after.keys() and all(same(before[key], after[key]) for key in before)
