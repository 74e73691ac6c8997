"""From a request to what is asked: a URL in JSON, or a file in a form."""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import Request

from mmu.service.bodies import MAX_TOPICS, Title, Topic, VideoRequest
from mmu.service.guard import Refused
from mmu.service.jobs import Asked

Body = TypeVar("Body", bound=BaseModel)

_CHUNK = 1 << 20
_FIELDS = frozenset({"file", "title", "topics"})


class _Words(BaseModel):
    title: Title
    topics: list[Topic]


async def read_video(request: Request, spool: Path, max_bytes: int) -> Asked:
    """What one request asks about; an uploaded file is then in `spool`.

    Raises:
        Refused: a body that is neither, or does not hold what it should.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json":
        return from_url(await read_json(request, VideoRequest))
    if kind == "multipart/form-data":
        try:
            async with request.form(max_files=1, max_fields=MAX_TOPICS + 2) as form:
                return await _from_form(form, spool, max_bytes)
        except (HTTPException, MultiPartException) as error:
            reason = error.detail if isinstance(error, HTTPException) else error.message
            raise Refused(400, "bad_form", f"the form cannot be read: {reason}") from error
    raise Refused(415, "unsupported_media_type", "send application/json or multipart/form-data")


async def read_json(request: Request, shape: type[Body]) -> Body:
    """The JSON body of a request.

    Raises:
        Refused: not JSON, or not of this shape; the message names the field.
    """
    try:
        return shape.model_validate(json.loads(await request.body()))
    except ValidationError as error:
        raise Refused(422, "invalid", _said(error)) from error
    except (ValueError, RecursionError) as error:
        raise Refused(400, "bad_json", f"the body is not JSON: {error}") from error


def from_url(video: VideoRequest) -> Asked:
    """What is asked about a video that is to be fetched."""
    return Asked(video.url, video.url, video.url, video.title, tuple(video.topics))


async def _from_form(form: FormData, spool: Path, max_bytes: int) -> Asked:
    unknown = set(form) - _FIELDS
    if unknown:
        raise Refused(
            422, "invalid", f"unknown field {', '.join(sorted(unknown))}; fields: file, title, topics"
        )
    file = form.get("file")
    if not isinstance(file, UploadFile):
        raise Refused(422, "invalid", "the form has no file in its field `file`")
    title = form.get("title") or ""
    topics = [part for text in form.getlist("topics") for part in re.split(r"[\s,，#＃]+", str(text)) if part]
    if len(topics) > MAX_TOPICS:
        raise Refused(422, "invalid", f"topics: more than {MAX_TOPICS}")
    try:
        words = _Words.model_validate({"title": title, "topics": topics})
    except ValidationError as error:
        raise Refused(422, "invalid", _said(error)) from error
    if file.size is not None and file.size > max_bytes:
        raise Refused(413, "too_large", f"the file is larger than {max_bytes:,} bytes")
    path, digest = await run_in_threadpool(_keep, file, spool)
    name = Path(file.filename or "upload").name[:255] or "upload"
    return Asked(str(path), digest, name, words.title, tuple(words.topics), upload=True)


def _keep(file: UploadFile, spool: Path) -> tuple[Path, str]:
    """Copy an upload to a name of ours, with its ending, and its SHA-256."""
    ending = Path(file.filename or "").suffix.lower()
    suffix = ending if re.fullmatch(r"\.[a-z0-9]{1,8}", ending) else ""
    path = spool / (secrets.token_hex(16) + suffix)
    digest = hashlib.sha256()
    try:
        with path.open("xb") as out:
            while chunk := file.file.read(_CHUNK):
                digest.update(chunk)
                out.write(chunk)
            out.flush()
            os.fsync(out.fileno())
    except OSError as error:
        path.unlink(missing_ok=True)
        raise Refused(507, "no_space", "the upload cannot be stored; try again later") from error
    return path, digest.hexdigest()


def _said(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in first["loc"]) or "body"
    return f"{where}: {first['msg']}"
