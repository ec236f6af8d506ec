"""Texts become vectors here, and stay findable when the embedding model changes."""
