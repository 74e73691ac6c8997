"""The parts of a report that say what was heard: speakers, transcript, music."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from mmu.report.schema_base import Model, Score, TimeRange


class Speaker(Model):
    """One voice in the video. Embeddings stay out unless asked for."""

    id: str
    name: str | None = Field(None, description="of the known voice that it is; None = unknown")
    name_score: Score | None = Field(None, description="cosine to that voice")
    person: str | None = Field(None, description="id of the person on screen who speaks with this voice")
    person_score: Score | None = None
    seconds: float
    turns: list[TimeRange] = Field(description="turns of different speakers may overlap")
    gender: Literal["female", "male"] | None = Field(None, description="as the voice sounds")
    gender_score: Score | None = None
    emotion: str | None = Field(None, description="tone of voice heard most")
    signal: str
    embedding: list[float] | None = None


class TranscriptSegment(Model):
    """One stretch of speech, in seconds."""

    start: float
    end: float
    text: str
    language: str
    score: Score | None = None
    words: list[tuple[float, float, str]] = Field(default_factory=list)
    speaker: str | None = Field(None, description="id of the voice heard most in it")
    word_speakers: list[str | None] = Field(
        default_factory=list, description="id of the voice of each word, where several speak; else empty"
    )
    emotion: str | None = Field(None, description="tone of voice")
    arousal: Score | None = Field(None, description="0 calm, 1 excited")
    signal: str


class Song(Model):
    """A track of the user's library that plays in the video."""

    title: str
    start: float
    end: float
    offset: float = Field(description="where in the track `start` lies, seconds")
    speed: float = Field(description="1.02: plays 2% faster than in the library")
    score: Score
    signal: str


class Music(Model):
    """What is known of the music."""

    present: bool
    seconds: float = 0.0
    tempo: float | None = None
    metre: str | None = Field(None, description="beats in a bar, such as 3/4")
    key: str | None = None
    tags: list[tuple[str, Score]] = Field(default_factory=list)
    chords: list[tuple[float, float, str]] = Field(
        default_factory=list, description="[start, end, chord], such as C, A:min, N (none)"
    )
    sections: list[tuple[float, float, str]] = Field(
        default_factory=list, description="[start, end, letter]; equal letters sound alike"
    )
    songs: list[Song] = Field(default_factory=list, description="tracks of the user's own library")
