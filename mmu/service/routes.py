"""The routes, and what each answers."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi import Path as PathParam
from fastapi.responses import JSONResponse, Response, StreamingResponse
from starlette.concurrency import run_in_threadpool

import mmu
from mmu.service import bodies
from mmu.service.core import Service
from mmu.service.guard import Refused
from mmu.service.intake import from_url, read_json, read_video
from mmu.service.jobs import Job
from mmu.service.openapi import BATCH_BODY, VIDEO_BODY

_EVENT_SECONDS = 0.25
_KEEP_ALIVE_SECONDS = 15.0
_ENDED = ("done", "failed")

router = APIRouter()


@dataclass(frozen=True, slots=True)
class _Caller:
    service: Service
    owner: str


def _admit(request: Request) -> _Caller:
    service: Service = request.app.state.service
    return _Caller(service, service.guard.admit(request))


Caller = Annotated[_Caller, Depends(_admit)]
Id = Annotated[str, PathParam(pattern=r"^[0-9a-f]{32}$", description="as `POST` returned it")]


@router.post(
    "/v1/videos",
    status_code=202,
    openapi_extra=VIDEO_BODY,
    response_model=bodies.Video,
    responses={200: {"model": bodies.Video, "description": "known already, and its report is there"}},
)
async def post_video(
    request: Request,
    caller: Caller,
    fresh: Annotated[bool, Query(description="analyse again what is known already")] = False,
) -> Response:
    """Ask about one video, by URL (JSON) or by upload (form). The same question has the same id."""
    asked = await read_video(request, caller.service.spool, caller.service.settings.max_bytes)
    try:
        (job,) = await run_in_threadpool(caller.service.put, caller.owner, [asked], fresh=fresh)
    except BaseException:
        if asked.upload:
            Path(asked.source).unlink(missing_ok=True)
        raise
    if asked.upload and job.source != asked.source:
        Path(asked.source).unlink(missing_ok=True)  # these bytes are known already
    shown = await run_in_threadpool(_shown, caller.service, job)
    headers = {"Location": f"/v1/videos/{job.id}"}
    return JSONResponse(_dump(shown), status_code=200 if job.state == "done" else 202, headers=headers)


@router.get("/v1/videos/{video}", response_model=bodies.Video)
def get_video(video: Id, caller: Caller) -> Response:
    """The state of a video, and its report when it is done."""
    return JSONResponse(_dump(_shown(caller.service, caller.service.find(caller.owner, video))))


@router.delete("/v1/videos/{video}", status_code=204)
def delete_video(video: Id, caller: Caller) -> Response:
    """Forget a video, its upload and its report."""
    job = caller.service.find(caller.owner, video)
    if not caller.service.jobs.remove(caller.owner, video):
        raise Refused(409, "running", "the video is being analysed; try again when it is done")
    if job.upload:
        Path(job.source).unlink(missing_ok=True)
    return Response(status_code=204)


@router.get(
    "/v1/videos/{video}/events",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
)
async def get_events(video: Id, caller: Caller) -> StreamingResponse:
    """Progress as server-sent events: `progress` as stages end, then `done` or `failed`."""
    await run_in_threadpool(caller.service.find, caller.owner, video)
    return StreamingResponse(_events(caller.service, caller.owner, video), media_type="text/event-stream")


@router.post("/v1/batches", status_code=202, openapi_extra=BATCH_BODY, response_model=bodies.Batch)
async def post_batch(request: Request, caller: Caller) -> Response:
    """Ask about several videos by URL: all are taken, or none."""
    wanted = await read_json(request, bodies.BatchRequest)
    asked = list({one.id(caller.owner): one for one in map(from_url, wanted.videos)}.values())

    def put() -> bodies.Batch:
        jobs = caller.service.put(caller.owner, asked)
        return _batch(caller.service.jobs.put_batch(caller.owner, jobs), jobs)

    batch = await run_in_threadpool(put)
    headers = {"Location": f"/v1/batches/{batch.id}"}
    return JSONResponse(_dump(batch), status_code=202, headers=headers)


@router.get("/v1/batches/{batch}", response_model=bodies.Batch)
def get_batch(batch: Id, caller: Caller) -> Response:
    """The states of the videos of a batch."""
    jobs = caller.service.jobs.batch(caller.owner, batch)
    if not jobs:
        raise Refused(404, "not_found", f"there is no batch {batch}")
    return JSONResponse(_dump(_batch(batch, jobs)))


@router.get("/metrics", response_class=Response)
def get_metrics(caller: Caller) -> Response:
    """Counters for Prometheus."""
    return Response(
        caller.service.metrics.text(caller.service.jobs.counts()), media_type="text/plain; version=0.0.4"
    )


@router.get("/healthz", response_model=bodies.Health)
def get_health(request: Request) -> Response:
    """200 while the service works, 503 when it does not; needs no key."""
    alive = request.app.state.service.dispatcher.alive()
    health = bodies.Health(status="ok" if alive else "down", version=mmu.__version__)
    return JSONResponse(_dump(health), status_code=200 if alive else 503)


async def _events(service: Service, owner: str, video: str) -> AsyncIterator[str]:
    said, spoke = "", time.monotonic()
    while True:
        job = await run_in_threadpool(service.jobs.find, owner, video)
        state = job.state if job else "failed"
        shown = {} if job is None else _dump(_state(job))
        name = state if state in _ENDED else "progress"
        text = f"event: {name}\ndata: {json.dumps(shown, ensure_ascii=False)}\n\n"
        if text != said:
            said, spoke = text, time.monotonic()
            yield text
        if state in _ENDED:
            return
        if time.monotonic() - spoke > _KEEP_ALIVE_SECONDS:
            spoke = time.monotonic()
            yield ": still here\n\n"
        await asyncio.sleep(_EVENT_SECONDS)


def _state(job: Job) -> bodies.Video:
    running = job.state == "running" and job.total
    return bodies.Video(
        id=job.id,
        status=job.state,
        source=job.name,
        created=job.created,
        finished=job.finished if job.state in _ENDED else None,
        outcome=job.outcome or None,
        progress=bodies.Progress(stage=job.stage, done=job.done, total=job.total) if running else None,
        error=bodies.Trouble(code=job.code, message=job.message) if job.state == "failed" else None,
    )


def _shown(service: Service, job: Job) -> bodies.Video:
    video = _state(job)
    report = service.jobs.report(job.id) if job.state == "done" else None
    video.report = json.loads(report) if report else None
    return video


def _batch(name: str, jobs: Sequence[Job]) -> bodies.Batch:
    return bodies.Batch(
        id=name, counts=dict(Counter(job.state for job in jobs)), videos=[_state(job) for job in jobs]
    )


def _dump(body: Any) -> dict[str, Any]:
    dumped: dict[str, Any] = body.model_dump(mode="json", exclude_none=True)
    return dumped
