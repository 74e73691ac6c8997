"""The ASGI application: its life, its limits, and one shape for every refusal."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

import mmu
from mmu.errors import StoreError
from mmu.review.limits import Buckets
from mmu.service import bodies
from mmu.service.core import Service
from mmu.service.dispatch import Dispatcher
from mmu.service.guard import BodyLimit, Guard, Refused
from mmu.service.jobs import Jobs
from mmu.service.keys import KeyFile
from mmu.service.metrics import Metrics
from mmu.service.openapi import REFUSALS, add_security
from mmu.service.routes import router
from mmu.service.runner import ProcessRunner, Runner
from mmu.service.settings import ServiceSettings


def create_app(settings: ServiceSettings, *, make_runner: Callable[[], Runner] | None = None) -> FastAPI:
    """The service as an ASGI application; it begins to work when the server starts it.

    Args:
        settings: limits and places.
        make_runner: gives what analyses one video at a time (default: a process each).

    Raises:
        StoreError: the folder cannot be used.
    """
    service = _open(settings, make_runner or (lambda: ProcessRunner(analyzer_options(settings))))

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        service.dispatcher.start()
        yield
        await run_in_threadpool(service.dispatcher.stop)
        service.jobs.close()

    app = FastAPI(
        title="MMU",
        summary="Tags, category, caption, quality, topics and moderation of videos, each with its evidence.",
        version=mmu.__version__,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        responses=REFUSALS,
    )
    app.state.service = service
    app.add_middleware(BodyLimit, max_bytes=settings.max_bytes)
    _answer_refusals(app, service)
    app.include_router(router)
    add_security(app)
    return app


def _open(settings: ServiceSettings, make: Callable[[], Runner]) -> Service:
    spool = settings.data / "uploads"
    try:
        spool.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"cannot use {settings.data}: {error}") from error
    metrics = Metrics()
    jobs = Jobs(settings.data / "jobs.sqlite")
    needed = jobs.uploads()
    for path in spool.iterdir():
        if str(path) not in needed:
            path.unlink()  # the service ended while it was being sent
    guard = Guard(
        KeyFile(settings.keys) if settings.keys else None, Buckets(settings.rate, settings.burst), metrics
    )
    return Service(settings, jobs, metrics, guard, Dispatcher(jobs, settings, metrics, make), spool)


def analyzer_options(settings: ServiceSettings) -> dict[str, Any]:
    """Options of `mmu.Analyzer` for this service, with its limits on what is fetched."""
    from mmu.media.options import DecodeOptions

    decode = DecodeOptions(
        max_bytes=settings.max_bytes, private_hosts="always" if settings.private_hosts else "never"
    )
    return {"decode": decode, **settings.analyzer}


def _answer_refusals(app: FastAPI, service: Service) -> None:
    """Every refusal has one shape, and every answer is counted."""

    @app.exception_handler(Refused)
    async def refused(_: Request, error: Refused) -> Response:
        return _refusal(error.status, error.code, str(error), error.headers)

    @app.exception_handler(StoreError)
    async def store(_: Request, error: StoreError) -> Response:
        return _refusal(503, "store", str(error), {"Retry-After": "5"})

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"][1:])
        return _refusal(422, "invalid", f"{where}: {first['msg']}", {})

    @app.exception_handler(HTTPException)
    async def http(_: Request, error: HTTPException) -> Response:
        code = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "refused")
        return _refusal(error.status_code, code, str(error.detail), dict(error.headers or {}))

    @app.middleware("http")
    async def count(request: Request, call: Callable[[Request], Awaitable[Response]]) -> Response:
        response = await call(request)
        route = getattr(request.scope.get("route"), "path", "other")
        service.metrics.requests.labels(route, str(response.status_code)).inc()
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers.setdefault("Cache-Control", "no-store")
        return response


def _refusal(status: int, code: str, message: str, headers: dict[str, str]) -> Response:
    body = bodies.Failure(error=bodies.Trouble(code=code, message=message))
    return JSONResponse(body.model_dump(), status_code=status, headers=headers)
