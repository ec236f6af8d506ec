"""An exported model on ONNX Runtime, without torch: tokens in, pooled unit vectors out.

Each lane runs its own batch on one thread. Measured against one batch on all threads: on idle cores the same
throughput; where something else needs a core too (there is always an event loop), nearly twice as much,
because no thread waits or spins for another after every matrix product.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from services.kernel.embedding.encoder import Tokens, unit
from services.kernel.embedding.port import EmbeddingModel, Vectors

MODEL_FILE = "model.onnx"
TOKENIZER_FILE = "tokenizer.json"
MANIFEST_FILE = "manifest.json"

TOKENS_PER_BATCH = 256
"""MiniLM on one core: 1 x 12 tokens 3,400 tokens/s, 1 x 48 6,800, 5 x 50 8,900, 10 x 50 9,000, 40 x 50 8,700.
A batch of 256 takes about 30 ms, which bounds what a small request waits for a bulk."""

CHARACTERS_PER_TOKEN = 128
"""A text is cut to this many characters per token of the window before it is tokenised: a tokeniser reads all
it is given, and no word that a vocabulary knows is as long."""


class DamagedExport(Exception):
    """The files of an exported model cannot be loaded: make them anew."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What the export wrote down beside the graph."""

    dimensions: int
    pooling: str
    """`mean` over the tokens, or `cls`: the first one."""
    max_tokens: int
    pad_token: int
    prompt: str
    """Prefix that the model wants on every text; mostly empty."""
    worst_cosine: float
    """Least agreement with the torch model over the texts that the export was checked with."""
    made_with: str

    def write(self, folder: Path) -> None:
        (folder / MANIFEST_FILE).write_text(json.dumps(asdict(self), indent=2) + "\n", "utf-8")

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        return cls(**json.loads((folder / MANIFEST_FILE).read_text("utf-8")))


class OnnxEncoder:
    """Loads the folder that `export` made. Raises `DamagedExport`."""

    tokens_per_batch = TOKENS_PER_BATCH

    def __init__(self, folder: Path, *, name: str, fingerprint: str, lanes: int) -> None:
        import onnxruntime
        from tokenizers import Tokenizer

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.enable_mem_pattern = False  # it keeps a plan per shape of batch, and here shapes never end
        try:
            manifest = Manifest.read(folder)
            self._tokenizer = Tokenizer.from_file(str(folder / TOKENIZER_FILE))
            self._session = onnxruntime.InferenceSession(
                str(folder / MODEL_FILE), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # both libraries raise bare Exceptions for a broken file
            raise DamagedExport(f"{folder}: {error}") from error
        self._manifest = manifest
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(manifest.max_tokens)
        self._inputs = {given.name for given in self._session.get_inputs()}
        self.model = EmbeddingModel(name=name, fingerprint=fingerprint, dimensions=manifest.dimensions)
        self.lanes = lanes

    def tokenise(self, texts: Sequence[str]) -> list[Tokens]:
        longest = self._manifest.max_tokens * CHARACTERS_PER_TOKEN
        prompted = [self._manifest.prompt + text[:longest] for text in texts]
        return [
            Tokens(text, len(encoding.ids), np.array(encoding.ids, dtype=np.int64))
            for text, encoding in zip(texts, self._tokenizer.encode_batch_fast(prompted), strict=True)
        ]

    def encode(self, batch: Sequence[Tokens]) -> Vectors:
        lengths = np.array([tokens.length for tokens in batch])
        shape = (len(batch), int(lengths.max()))
        ids = np.full(shape, self._manifest.pad_token, dtype=np.int64)
        for row, tokens in zip(ids, batch, strict=True):
            row[: tokens.length] = tokens.ids
        mask = (np.arange(shape[1]) < lengths[:, None]).astype(np.int64)
        feed = {"input_ids": ids, "attention_mask": mask}
        if "token_type_ids" in self._inputs:
            feed["token_type_ids"] = np.zeros(shape, dtype=np.int64)
        hidden: NDArray[np.float32] = self._session.run(None, feed)[0]
        if self._manifest.pooling == "cls":
            return unit(hidden[:, 0])
        # Summed token by token, so that padding adds zeros at the end and changes no bit of the sum.
        hidden *= mask[:, :, None].astype(np.float32)
        pooled = hidden.sum(axis=1) / lengths[:, None].astype(np.float32)
        return unit(pooled)
