"""The bundled model's vectors are mapped, and nobody else's; what the map is fitted to do, it does."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from services.demo.dataset import DATA
from services.kernel.embedding.build_metric import corpus, embedded
from services.kernel.embedding.encoder import Encoder, unit
from services.kernel.embedding.metric import MappedEncoder, Metric, fitted, shipped
from services.kernel.embedding.transformer import open_encoder
from services.kernel.settings import EmbeddingBackend

PROSE = [DATA / "companies.jsonl.gz"]
SOME = 16
"""Texts of many organisations, of which hardly two have a subject in common."""
SUBJECTS, STYLES = slice(2, 6), slice(6, 10)
ORGANISATIONS, TEXTS_EACH = 60, 4
NONE = np.zeros((0, 16), np.float32)


@pytest.fixture
def vectors() -> np.ndarray:
    """Texts of organisations: all of them lie in a cone (axis 0) and spread along axis 1; those of one
    organisation are alike along SUBJECTS, and along STYLES no more than any two."""
    drawn = np.random.default_rng(3).normal(size=(ORGANISATIONS * TEXTS_EACH, 16))
    drawn[:, 0] += 3.0
    drawn[:, 1] *= 4.0
    drawn[:, SUBJECTS] += 1.5 * np.repeat(
        np.random.default_rng(4).normal(size=(ORGANISATIONS, 4)), TEXTS_EACH, axis=0
    )
    drawn[:, STYLES] *= 1.8
    return unit(drawn.astype(np.float32))


@pytest.fixture
def owners() -> sparse.csr_array:
    texts = np.arange(ORGANISATIONS * TEXTS_EACH)
    return sparse.csr_array((np.ones(texts.size), (texts, texts // TEXTS_EACH)))


@pytest.fixture
def metric(vectors: np.ndarray, owners: sparse.csr_array) -> Metric:
    return fitted(vectors, owners, NONE, NONE)


def test_what_all_texts_have_in_common_is_gone_and_lengths_are_1(metric: Metric, vectors: np.ndarray) -> None:
    rest = metric.of(vectors)

    assert np.linalg.norm(rest, axis=1) == pytest.approx(1.0, abs=1e-6)
    assert np.linalg.norm(rest.mean(axis=0)) < 0.1 < np.linalg.norm(vectors.mean(axis=0))
    assert np.square(rest[:, 1]).mean() < 0.01 < np.square(vectors[:, 1]).mean(), "the largest spread"


def test_a_text_has_the_same_bytes_in_any_company() -> None:
    rows = unit(np.random.default_rng(6).normal(size=(33, shipped().mean.size)).astype(np.float32))
    together = shipped().of(rows)

    for start, end in ((0, 1), (5, 6), (8, 25)):
        assert shipped().of(rows[start:end]).tobytes() == together[start:end].tobytes()


def test_what_texts_of_one_organisation_have_in_common_counts_more(
    metric: Metric, vectors: np.ndarray
) -> None:
    before, after = (np.square(rows).sum(axis=0) for rows in (vectors, metric.of(vectors)))

    assert after[SUBJECTS].sum() / after[STYLES].sum() > 1.1 * before[SUBJECTS].sum() / before[STYLES].sum()


def test_labels_have_nothing_in_common_for_being_labels(
    metric: Metric, vectors: np.ndarray, owners: sparse.csr_array
) -> None:
    short = np.random.default_rng(5).normal(size=(200, 16)).astype(np.float32)
    short[:, 12] += 3.0
    short = unit(short)
    with_labels = fitted(vectors, owners, NONE, short)

    assert _mean_cosine(metric.of(short)) > 0.3
    assert abs(_mean_cosine(with_labels.of(short))) < 0.02
    assert abs(_mean_cosine(with_labels.of(vectors))) < 0.02


def test_what_is_packed_is_unpacked_and_decides_the_fingerprint(metric: Metric) -> None:
    other = Metric(metric.mean, -metric.matrix)
    again = Metric.unpacked(metric.packed())

    assert again.packed() == metric.packed()
    assert again.fingerprint("m") == metric.fingerprint("m")
    assert len({metric.fingerprint("m"), metric.fingerprint("n"), other.fingerprint("m"), "m"}) == 4
    with pytest.raises(ValueError, match="square matrix"):
        Metric.unpacked(_file_of(np.zeros((3, 4), np.float32)))


def test_texts_of_many_subjects_come_out_further_apart(encoder: Encoder, plain: Encoder) -> None:
    texts = corpus(PROSE).texts[:SOME]

    assert isinstance(encoder, MappedEncoder)
    assert encoder.model.fingerprint == shipped().fingerprint(plain.model.fingerprint)
    assert encoder.model.dimensions == plain.model.dimensions == shipped().mean.size
    assert _mean_cosine(embedded(encoder, texts)) < _mean_cosine(embedded(plain, texts))


def test_another_model_keeps_its_vectors(tiny_model: Path, tmp_path: Path) -> None:
    other = open_encoder(str(tiny_model), cache=tmp_path, backend=EmbeddingBackend.torch, threads=1)

    assert not isinstance(other, MappedEncoder)


def test_english_texts_are_taken_once_in_one_order_with_their_owners() -> None:
    files = [DATA / "challenges.jsonl.gz", DATA / "companies.jsonl.gz"]
    read, again = corpus(files), corpus(files[::-1])

    assert len(read.texts) > 50
    assert list(read.texts) == sorted(set(read.texts)) == list(again.texts)
    assert not set(read.texts) & set(read.others)
    assert read.others == again.others
    assert read.owners.sum(axis=1).min() >= 1
    assert (read.owners.sum(axis=0) > 1).any(), "some organisation has two"


def _mean_cosine(rows: np.ndarray) -> float:
    """Of two different rows."""
    return float((rows @ rows.T)[np.triu_indices(len(rows), 1)].mean())


def _file_of(rows: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, rows)
    return file.getvalue()
