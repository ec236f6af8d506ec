"""Is the process alive, is it ready, and how is it doing: for orchestrators and Prometheus."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import structlog
from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel
from sqlalchemy import text

from services.kernel.database import Database
from services.kernel.metrics import READY, REGISTRY

CHECK_TIMEOUT_S = 2.0
"""Orchestrators ask every few seconds and wait one or two."""

Check = Callable[[], Awaitable[str | None]]
"""Returns None when all is well, else a sentence that says what is not, without addresses or secrets."""

log = structlog.get_logger("liaison.health")


class Health(BaseModel):
    alive: bool = True


class Readiness(BaseModel):
    """Whether the process can do its work now; per part "ok" or what is wrong."""

    ready: bool
    parts: dict[str, str]


def router(database: Database, checks: Mapping[str, Check]) -> APIRouter:
    """/health/live, /health/ready and /metrics, the same in every kind of process. `checks` are asked besides
    the database."""
    routes = APIRouter(tags=["operations"])

    async def database_answers() -> str | None:
        async with database.read() as tx:
            await tx.execute(text("SELECT 1"))
        return None

    everything: dict[str, Check] = {"database": database_answers, **checks}

    async def ask(name: str, check: Check) -> str:
        try:
            async with asyncio.timeout(CHECK_TIMEOUT_S):
                return await check() or "ok"
        except TimeoutError:
            return f"no answer within {CHECK_TIMEOUT_S:g} s"
        except Exception as error:  # noqa: BLE001 - a check that fails in any way is a part that is not ready
            log.warning("not_ready", part=name, error=type(error).__name__, detail=str(error))
            return "not available"

    async def look() -> dict[str, str]:
        answers = await asyncio.gather(*(ask(name, check) for name, check in everything.items()))
        parts = dict(zip(everything, answers, strict=True))
        for name, answer in parts.items():
            READY.labels(name).set(answer == "ok")
        return parts

    @routes.get("/healthz", include_in_schema=False)
    @routes.get("/health/live", summary="Is the process alive?")
    async def alive() -> Health:
        return Health()

    @routes.get("/readyz", include_in_schema=False)
    @routes.get(
        "/health/ready",
        summary="Can it do its work?",
        responses={503: {"model": Readiness, "description": "Not now; the parts say why"}},
    )
    async def ready(response: Response) -> Readiness:
        parts = await look()
        is_ready = all(answer == "ok" for answer in parts.values())
        response.status_code = 200 if is_ready else 503
        return Readiness(ready=is_ready, parts=parts)

    @routes.get("/metrics", summary="Metrics, in Prometheus' text format", include_in_schema=False)
    async def metrics() -> Response:
        await look()
        return Response(generate_latest(REGISTRY), media_type=CONTENT_TYPE_LATEST)

    return routes
