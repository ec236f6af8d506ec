"""Turning texts into vectors: one port, sentence-transformers behind it."""
