"""A setting is judged where it was not chosen; and what is in force is computed as the product does."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.matching.evidence import LEXICAL_WEIGHT, offsets, similarities, totals, word_cosines
from tests.crossvalidation import Compared, Setting, chosen
from tests.matching.generated import SEEDS, texts


def test_what_is_best_by_luck_in_a_fold_is_not_chosen_for_it() -> None:
    lucky = [[0.0, 0.0, 9.0, 0.0], [1.0, 1.0, 1.0, 1.0], [9.0, 0.0, 0.0, 0.0]]
    figures = np.stack([lucky, np.ones((3, 4))], axis=-1)
    reached, picked = chosen(figures, [[0], [1], [2], [3]])
    assert picked[0] == 0
    assert picked[2] == 2
    assert reached == 0.0, "each fold gets what was lucky elsewhere"
    steady = np.stack([[[2.0] * 4, [1.0] * 4], np.ones((2, 4))], axis=-1)
    assert chosen(steady, [[0, 1], [2, 3]]) == (2.0, [0, 0])


@given(SEEDS, st.integers(1, 40), st.integers(1, 3))
def test_the_setting_in_force_is_the_products_own_arithmetic(seed: int, size: int, companies: int) -> None:
    parts, said = texts(3, seed), texts(size * companies, seed + 1)
    starts = offsets([size] * companies)
    levels = np.array([0.0, 0.02, -0.03])
    likeness = Compared(parts.dense @ said.dense.T, word_cosines(parts, said), levels, starts.tolist())
    setting = Setting()
    ours = totals(similarities(parts, said), levels + setting.level, starts, setting.discount)
    assert likeness.totals(setting) == pytest.approx(ours, rel=1e-9, abs=1e-12)
    assert setting.words == LEXICAL_WEIGHT
