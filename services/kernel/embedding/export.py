"""Exports a sentence-transformers model to ONNX: `python -m services.kernel.embedding.export FOLDER INTO`.

Runs as a process of its own, so that the serving one never imports torch (5 s, 300 MB) and its event loop
does not stand still. Writes the graph, the tokeniser and, last, the manifest into the folder INTO.
Exit status 0: done; 3: this model cannot run so, with the reason on the last line of stdout.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from services.kernel.embedding.onnx_encoder import MODEL_FILE, TOKENIZER_FILE, Manifest, OnnxEncoder

UNSUPPORTED = 3
"""Exit status: the model works, but not on ONNX Runtime with our pooling."""

LEAST_COSINE = 0.9999
"""Between the exported model and torch. Seen: 0.9999998; a fusion that does not fit is far below."""

FUSED_LIKE_BERT = frozenset({"bert", "roberta", "xlm-roberta", "camembert", "electra", "distilbert"})
PROBES = (
    "Radiation-hard pressure sensor for a 4 K helium line.",
    "vacuum",
    "  We need to measure pressure between 0.1 and 20 bar at 4 K, within 1 %, after 10 MGy.  ",
    "Ein hochreiner Supraleiter für Beschleunigermagnete; l'étanchéité à l'hélium; вакуумная камера.",
    "Superconducting cavities of niobium are cleaned, coated and tested at cryogenic temperatures. " * 60,
)
"""Texts on which the export is compared with torch: a word, a sentence, other scripts, more than a window."""


class Unsupported(Exception):
    """The model cannot run on ONNX Runtime; the message says why."""


def main(source: Path, into: Path) -> None:
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(source), device="cpu", local_files_only=True)
    reference = model.encode(list(PROBES), normalize_embeddings=True, show_progress_bar=False)
    tokenizer, manifest = _describe(model, dimensions=reference.shape[1])
    into.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(into / TOKENIZER_FILE))
    del model
    with tempfile.TemporaryDirectory(dir=into, prefix="graph-") as scratch:
        graph = _export_graph(source, Path(scratch))
        candidates = [graph]
        fused = _fuse(graph, Path(scratch) / "fused.onnx")
        if fused is not None:
            candidates.insert(0, fused)
        for candidate in candidates:
            _place(candidate, into)
            worst = _agreement(into, manifest, reference)
            if worst >= LEAST_COSINE:
                return
    raise Unsupported(f"its ONNX graph gives other vectors than torch (cosine {worst:.4f})")


def _describe(model: Any, dimensions: int) -> tuple[Any, dict[str, Any]]:
    """The tokeniser, and the manifest as far as it is known before the export."""
    kinds = [type(module).__name__ for module in model]
    if kinds[:2] != ["Transformer", "Pooling"] or kinds[2:] not in ([], ["Normalize"]):
        raise Unsupported(f"its modules are {', '.join(kinds)}, not Transformer, Pooling, Normalize")
    pooling = model[1].pooling_mode
    if pooling not in ("mean", "cls"):
        raise Unsupported(f"it pools by {pooling!r}, not by mean or cls")
    tokenizer = model.tokenizer
    if not getattr(tokenizer, "is_fast", False) or tokenizer.padding_side != "right":
        raise Unsupported("it has no fast tokeniser that pads on the right")
    if tokenizer.pad_token_id is None or not model.max_seq_length:
        raise Unsupported("it names no padding token or no longest input")
    prompt = model.prompts.get(model.default_prompt_name or "", "") or ""
    if prompt and not model[1].include_prompt:
        raise Unsupported("it leaves its prompt out of the pooling")
    return tokenizer.backend_tokenizer, {
        "dimensions": dimensions,
        "pooling": pooling,
        "max_tokens": int(model.max_seq_length),
        "pad_token": int(tokenizer.pad_token_id),
        "prompt": prompt,
        "made_with": " ".join(
            f"{name} {version(name)}" for name in ("sentence-transformers", "optimum-onnx", "onnxruntime")
        ),
    }


def _export_graph(source: Path, scratch: Path) -> Path:
    from sentence_transformers import SentenceTransformer

    # Exported even where an ONNX file lies beside the weights: that one may be of lower precision.
    exported = SentenceTransformer(
        str(source),
        device="cpu",
        backend="onnx",
        local_files_only=True,
        model_kwargs={"provider": "CPUExecutionProvider", "export": True},
    )
    exported.save_pretrained(str(scratch))
    graph = next(scratch.rglob("*.onnx"), None)
    if graph is None:
        raise Unsupported("sentence-transformers exported no ONNX graph")
    return graph


def _fuse(graph: Path, target: Path) -> Path | None:
    """The graph with attention and GELU as single operators, or None where that is not for this model.

    Layer norms are left alone: ONNX Runtime's SkipLayerNormalization takes four times as long on a CPU as
    Add and LayerNormalization do (20 of 144 ms of a batch, measured with onnxruntime 1.31).
    """
    from onnxruntime.transformers import optimizer
    from onnxruntime.transformers.fusion_options import FusionOptions
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(
        str(graph.parent.parent if graph.parent.name == "onnx" else graph.parent)
    )
    if config.model_type not in FUSED_LIKE_BERT or _external_weights(graph):
        return None
    options = FusionOptions("bert")
    options.enable_skip_layer_norm = False
    options.enable_bias_skip_layer_norm = False
    options.enable_embed_layer_norm = False
    optimised = optimizer.optimize_model(
        str(graph),
        "bert",
        num_heads=config.num_attention_heads,
        hidden_size=config.hidden_size,
        optimization_options=options,
        opt_level=0,
    )
    optimised.save_model_to_file(str(target))
    return target


def _place(graph: Path, into: Path) -> None:
    shutil.copyfile(graph, into / MODEL_FILE)
    for external in _external_weights(graph):
        shutil.copyfile(external, into / external.name)


def _external_weights(graph: Path) -> list[Path]:
    """Files beside a graph of more than 2 GB, where a protobuf message ends; it knows them by name."""
    return list(graph.parent.glob("*.onnx_data*"))


def _agreement(into: Path, manifest: dict[str, Any], reference: np.ndarray[Any, Any]) -> float:
    Manifest(**manifest, worst_cosine=0.0).write(into)
    encoder = OnnxEncoder(into, name="", fingerprint="", lanes=1)
    tokens = encoder.tokenise(PROBES)
    worst = float((encoder.encode(tokens) * reference).sum(axis=1).min())
    Manifest(**manifest, worst_cosine=round(worst, 7)).write(into)
    return worst


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]), Path(sys.argv[2]))
    except Unsupported as reason:
        sys.stdout.write(f"\n{reason}\n")
        sys.exit(UNSUPPORTED)
