"""The parts of the report that tell what happens when, and where axes disagree."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from mmu.report.schema_base import Evidence, Facet, Model, Name, ReportAxis, Score


class EventFact(Model):
    """One concept that is believed of an event."""

    concept: str = Field(description="id of the concept in the knowledge graph")
    name: Name = Field(description="name of the concept")
    facet: Facet = Field(description="what sort of concept it is")
    score: Score = Field(description="belief that it holds in this event, 0 to 1")
    axis: ReportAxis = Field(description="the one that carried it most")
    signals: list[str] = Field(description="ids of the signals that carried it most")


class Event(Model):
    """What happens in one stretch of the video: a shot, or neighbours of which the same can be said."""

    start: float = Field(description="first moment, seconds")
    end: float = Field(description="last moment, seconds")
    shots: int = Field(description="shots that were joined; 0 without a picture")
    text: Name = Field(description="who does what where, what is seen, said, written and heard")
    facts: list[EventFact] = Field(default_factory=list, description="concepts that hold in it")
    people: list[str] = Field(default_factory=list, description="ids of people seen")
    said: str = Field("", description="what is said in it; empty: nothing")
    on_screen: list[str] = Field(default_factory=list, description="lines that appear")
    sounds: list[Name] = Field(default_factory=list, description="heard beside speech")
    signals: list[str] = Field(default_factory=list, description="ids of everything it rests on")


class ContradictionSide(Model):
    """One of two sides that disagree."""

    axes: list[ReportAxis] = Field(description="where it was observed")
    concepts: list[str] = Field(description="ids of concepts in the knowledge graph")
    names: list[Name] = Field(description="names of these concepts, in the same order")
    evidence: list[Evidence] = Field(min_length=1, description="the paths that led to them")


class Contradiction(Model):
    """Two axes that strongly disagree, e.g. the title speaks of football and the pictures show cooking."""

    kind: Literal["title_content"] = Field(description="which two disagree: the title and the content")
    score: Score = Field(description="confidence that they disagree, 0 to 1")
    text: Name = Field(description="the disagreement as a sentence")
    claimed: ContradictionSide = Field(description="what the title says")
    found: ContradictionSide = Field(description="what is seen and heard")
