"""Shapes of requests and answers."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError

MAX_TOPICS = 100
MAX_BATCH = 1000

Title = Annotated[str, StringConstraints(max_length=2000)]
Topic = Annotated[str, StringConstraints(min_length=1, max_length=200)]
_ADDRESS = r"^https?://[^\x00-\x20\x7f-\xa0]+$"


def _address(value: object) -> object:
    """The same value; of an address that will not do, it says why."""
    if isinstance(value, str) and not value.startswith(("http://", "https://")):
        raise PydanticCustomError(
            "scheme",
            "only http:// and https:// addresses are fetched (a file is sent as multipart/form-data)",
        )
    if isinstance(value, str) and not re.fullmatch(_ADDRESS, value):
        raise PydanticCustomError(
            "address", "an address names a host, and holds no space or control character"
        )
    return value


Url = Annotated[str, StringConstraints(pattern=_ADDRESS, max_length=4096), BeforeValidator(_address)]


class VideoRequest(BaseModel):
    """A video to fetch, with the words its user gave it."""

    model_config = ConfigDict(extra="forbid")

    url: Url = Field(description="http or https address of the video")
    title: Title = ""
    topics: list[Topic] = Field(default_factory=list, max_length=MAX_TOPICS, description="hashtags")


class BatchRequest(BaseModel):
    """Several videos at once: all are taken, or none."""

    model_config = ConfigDict(extra="forbid")

    videos: list[VideoRequest] = Field(min_length=1, max_length=MAX_BATCH)


class Trouble(BaseModel):
    """A stable code, and a sentence for a person."""

    code: str
    message: str


class Failure(BaseModel):
    """Why a request was refused."""

    error: Trouble


class Progress(BaseModel):
    """How far the analysis is."""

    stage: str = Field(description="stage that ended last")
    done: int
    total: int


class Video(BaseModel):
    """A video in the service. `failed` says that there is no report; a report has an outcome of its own."""

    id: str
    status: Literal["queued", "running", "done", "failed"]
    source: str = Field(description="its address, or the name of the uploaded file")
    created: float = Field(description="seconds since 1970")
    finished: float | None = None
    outcome: str | None = Field(None, description="`ok`, `partial`, `skipped` or `failed`, from the report")
    progress: Progress | None = None
    error: Trouble | None = None
    report: dict[str, Any] | None = Field(None, description="`mmu.report/1`")


class Batch(BaseModel):
    """Videos that were asked about together, in their order, without reports."""

    id: str
    counts: dict[str, int] = Field(description="videos by status")
    videos: list[Video]


class Health(BaseModel):
    """Whether the service works."""

    status: Literal["ok", "down"]
    version: str
