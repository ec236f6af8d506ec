"""What can go wrong with a vector store, as types that say what to do."""

from __future__ import annotations

from services.kernel.problems import TransientError


class VectorStoreUnavailable(TransientError):
    """The store cannot be reached, is overloaded or has no disk space left: try again later."""


class OptimisationFailed(VectorStoreUnavailable):
    """The ANN index could not be built; the collection serves on as it was. Try again later."""


class UnknownCollection(TransientError):
    """Neither a collection nor an alias has the name: the store lost it, or another process has taken it
    away with its model. It is made anew, or this process goes over to the one that serves."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"No vector collection or alias is named {name!r}; create it first (liaison reindex)."
        )
        self.name = name


class CollectionMismatch(Exception):
    """A collection of the wanted name exists with other vectors: use another name, or drop it first."""


class VectorStoreInUse(Exception):
    """Another process has the folder of the embedded store open."""
