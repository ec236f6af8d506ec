"""What qdrant-client raises, as the errors of the port."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import grpc  # type: ignore[import-untyped]
from qdrant_client.common.client_exceptions import ResourceExhaustedResponse
from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

from services.kernel.vectors.errors import UnknownCollection, VectorStoreUnavailable

BAD_REQUEST, NOT_FOUND, UNPROCESSABLE = 400, 404, 422

_CALLERS_FAULT = (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.OUT_OF_RANGE)


@contextmanager
def server_errors(collection: str = "") -> Iterator[None]:
    """`collection` is what a 404 says does not exist."""
    try:
        yield
    except ResourceExhaustedResponse as busy:
        raise VectorStoreUnavailable(
            f"The Qdrant server is overloaded; it asks to be left alone for {busy.retry_after_s} s."
        ) from busy
    except ResponseHandlingException as failure:
        raise VectorStoreUnavailable(
            f"The Qdrant server cannot be reached: {failure.source or type(failure.source).__name__}."
        ) from failure
    except UnexpectedResponse as answer:
        raise _of_status(answer, collection) from answer
    except grpc.aio.AioRpcError as failure:
        raise _of_code(failure, collection) from failure
    except ValueError as failure:
        # The client's local mode says it this way.
        if str(failure) == f"Collection {collection} not found":
            raise UnknownCollection(collection) from failure
        raise


def _of_status(answer: UnexpectedResponse, collection: str) -> Exception:
    if answer.status_code == NOT_FOUND:
        return UnknownCollection(collection)
    said = answer.content.decode("utf-8", "replace")
    if answer.status_code in (BAD_REQUEST, UNPROCESSABLE):
        return ValueError(f"The Qdrant server refuses the request: {said}")
    return VectorStoreUnavailable(f"The Qdrant server answered {answer.status_code}: {said}")


def _of_code(failure: grpc.aio.AioRpcError, collection: str) -> Exception:
    code, said = failure.code(), failure.details()
    if code is grpc.StatusCode.NOT_FOUND:
        return UnknownCollection(collection)
    if code in _CALLERS_FAULT:
        return ValueError(f"The Qdrant server refuses the request: {said}")
    return VectorStoreUnavailable(f"The Qdrant server answered {code.name}: {said}")
