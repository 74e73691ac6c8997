"""The parts of a report that say what was heard: speakers, transcript, music."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from mmu.report.schema_base import Model, Score, TimeRange


class Speaker(Model):
    """One voice in the video. Embeddings stay out unless asked for."""

    id: str = Field(description="voice within this video")
    name: str | None = Field(None, description="of the known voice that it is; None = unknown")
    name_score: Score | None = Field(None, description="cosine to that voice, 0 to 1")
    person: str | None = Field(None, description="id of the person on screen who speaks with this voice")
    person_score: Score | None = Field(None, description="confidence that this person speaks, 0 to 1")
    seconds: float = Field(description="time heard, seconds")
    turns: list[TimeRange] = Field(description="turns of different speakers may overlap")
    gender: Literal["female", "male"] | None = Field(None, description="as the voice sounds")
    gender_score: Score | None = Field(None, description="confidence in the likelier gender, 0 to 1")
    age_group: Literal["child", "adult"] | None = Field(
        None, description="as the voice sounds; child: before its change; None = not clear"
    )
    age_group_score: Score | None = Field(None, description="confidence in the likelier group, 0 to 1")
    emotion: str | None = Field(None, description="tone of voice heard most")
    signal: str = Field(description="id of the signal it comes from (`signals`)")
    embedding: list[float] | None = Field(
        None, description="embedding of the voice, unit length; null unless asked for"
    )


class TranscriptSegment(Model):
    """One stretch of speech, in seconds."""

    start: float = Field(description="first moment, seconds")
    end: float = Field(description="last moment, seconds")
    text: str = Field(description="what is said")
    language: str = Field(description="ISO 639-1 code; empty: unknown")
    score: Score | None = Field(None, description="confidence of the recognition, 0 to 1")
    words: list[tuple[float, float, str]] = Field(
        default_factory=list, description="[start, end, word] of each word, seconds"
    )
    speaker: str | None = Field(None, description="id of the voice heard most in it")
    word_speakers: list[str | None] = Field(
        default_factory=list, description="id of the voice of each word, where several speak; else empty"
    )
    emotion: str | None = Field(None, description="tone of voice")
    arousal: Score | None = Field(None, description="0 calm, 1 excited")
    signal: str = Field(description="id of the signal it comes from (`signals`)")


class Song(Model):
    """A track of the user's library that plays in the video."""

    title: str = Field(description="title of the track in the library")
    start: float = Field(description="from when it plays, seconds")
    end: float = Field(description="until when it plays, seconds")
    offset: float = Field(description="where in the track `start` lies, seconds")
    speed: float = Field(description="1.02: plays 2% faster than in the library")
    score: Score = Field(description="confidence that it is this track, 0 to 1")
    signal: str = Field(description="id of the signal it comes from (`signals`)")


class Music(Model):
    """What is known of the music."""

    present: bool = Field(description="whether there is any")
    seconds: float = Field(0.0, description="time with music, seconds")
    tempo: float | None = Field(None, description="beats per minute; null: unknown")
    metre: str | None = Field(None, description="beats in a bar, such as 3/4")
    key: str | None = Field(None, description="key, such as D minor; null: unknown")
    tags: list[tuple[str, Score]] = Field(
        default_factory=list, description="[label, score 0 to 1] of genres, moods and instruments"
    )
    chords: list[tuple[float, float, str]] = Field(
        default_factory=list, description="[start, end, chord], such as C, A:min, N (none)"
    )
    sections: list[tuple[float, float, str]] = Field(
        default_factory=list, description="[start, end, letter]; equal letters sound alike"
    )
    songs: list[Song] = Field(default_factory=list, description="tracks of the user's own library")
