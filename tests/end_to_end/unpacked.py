"""Imported last where processes are forked: what each of them would unpack anew, at a second of a core, is
there, and none looks through what all have for garbage."""

import gc

from services.kernel.embedding.lexical import LexicalEncoder
from services.kernel.embedding.multilingual import MultilingualEncoder

LexicalEncoder.shipped()
MultilingualEncoder.shipped()

gc.freeze()
