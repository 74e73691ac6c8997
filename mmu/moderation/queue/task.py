"""What travels through a review queue: tasks, leases, resolutions and the events of the feed.

The JSON Schema of an event, `mmu.review-event/1`, is generated from these classes
(`python -m mmu.moderation.queue.schema_json`), and a test holds the two together.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

EVENT_SCHEMA = "mmu.review-event/1"

Share = Annotated[float, Field(ge=0, le=1)]
#: why somebody should look: the policy asks, a second opinion, a lead must decide, a sample of passed ones
Lane = Literal["review", "second", "escalated", "quality"]
LANES: tuple[Lane, ...] = ("review", "second", "escalated", "quality")
Decision = Literal["pass", "review", "block"]
EventType = Literal["queued", "decided", "reopened", "dead", "revived"]

#: what a person decides, or that the task went into another queue
Verdict = Literal["pass", "block", "escalate", "moved"]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Task(_Model):
    """One video to be looked at under one policy."""

    id: str = Field("", description="of video, policy, version and lane; given by the class")
    video: str = Field(min_length=1, max_length=200, description="SHA-256 of the video's bytes")
    policy: str = Field(min_length=1, max_length=200)
    version: str = Field("", max_length=100)
    lane: Lane = "review"
    uri: str = Field("", max_length=4096, description="where the video is")
    report: str = Field("", max_length=4096, description="where its report is")
    title: str = Field("", max_length=2000)
    decision: Decision = Field("review", description="what the policy decided")
    category: str = Field("", max_length=200)
    rules: list[str] = Field(default_factory=list, max_length=100, description="the policy's rules that hit")
    severity: int = Field(0, ge=0, le=5)
    confidence: Share = 0.0
    priority: float = Field(0.0, ge=0, le=1e9, description="larger comes first")
    excluded: list[str] = Field(default_factory=list, description="reviewers who must not get it")
    time: str = Field("", description="when it was made, RFC 3339")

    @model_validator(mode="before")
    @classmethod
    def _identify(cls, data: Any) -> Any:
        if isinstance(data, dict):
            video, policy, version = (str(data.get(key, "")) for key in ("video", "policy", "version"))
            own = task_id(video, policy, version, str(data.get("lane", "review")))
            if data.get("id", own) not in ("", own):
                raise ValueError("id does not belong to this video, policy, version and lane")
            data = data | {"id": own, "time": data.get("time") or rfc3339(time.time())}
        return data


class Resolution(_Model):
    """What was decided of a task, by whom."""

    verdict: Verdict
    reviewer: str = Field(min_length=1, max_length=200)
    category: str = Field("", max_length=200, description="what it is in the reviewer's eyes")
    note: str = Field("", max_length=4000)


class Event(_Model):
    """One line of the feed. At-least-once: a reader skips ids that it has seen."""

    schema_: Literal["mmu.review-event/1"] = Field("mmu.review-event/1", alias="schema")
    id: str = Field(description="of this event, and a position in the feed to go on from")
    type: EventType
    time: str = Field(description="RFC 3339, UTC")
    task: Task
    resolution: Resolution | None = Field(None, description="of `decided` events")
    attempts: int = Field(0, ge=0, description="leases so far")
    reason: str = ""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, serialize_by_alias=True)


@dataclass(frozen=True, slots=True)
class Lease:
    """A task that is one worker's until `until` (seconds since 1970)."""

    task: Task
    token: str
    worker: str
    until: float
    #: which attempt this is, from 1
    attempt: int


@dataclass(frozen=True, slots=True)
class Stats:
    """How many tasks are in which state; `oldest` is the age of the oldest waiting one in seconds."""

    waiting: int
    leased: int
    done: int
    dead: int
    oldest: float | None = None


@dataclass(frozen=True, slots=True)
class Dead:
    """A task that was given up, and why."""

    task: Task
    attempts: int
    reason: str


def task_id(video: str, policy: str, version: str, lane: str = "review") -> str:
    """The same question about the same video has the same id, whoever asks it."""
    return hashlib.sha256("\0".join((video, policy, version, lane)).encode()).hexdigest()[:32]


def rfc3339(seconds: float) -> str:
    """Seconds since 1970 as `2026-01-31T12:00:00.123Z`."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def seconds_of(text: str) -> float:
    """Seconds since 1970 of an RFC 3339 time."""
    return datetime.fromisoformat(text).timestamp()
