"""Export the embedding model of the settings into LIAISON_MODELS_DIR, and embed a sentence with it.

For building an image: with the exported model in it, a container starts in a second and writes nothing. Run
again where the model is there already, it proves that it can be used. Exit status 1: the export failed.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec

from services.kernel.embedding.onnx_encoder import OnnxEncoder
from services.kernel.embedding.transformer import open_encoder
from services.kernel.settings import load_settings

SENTENCE = "Radiation-hard pressure sensor for a 4 K helium line."


def main() -> int:
    settings = load_settings()
    encoder = open_encoder(
        settings.embedding_model, cache=settings.models_dir, backend=settings.embedding_backend, threads=1
    )
    if not isinstance(encoder, OnnxEncoder):
        print("the model does not run on ONNX Runtime: an image without torch could not use it")
        return 1
    vector = encoder.encode(encoder.tokenise([SENTENCE]))[0]
    torch = "beside torch" if find_spec("torch") else "without torch"
    print(f"{encoder.model.name}: {len(vector)} dimensions, ready in {settings.models_dir}, {torch}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
