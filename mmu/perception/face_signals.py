"""Recognises a finished face track and words it as signals."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import erf, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmu.perception.face_analysis import FaceAnalyzer
from mmu.perception.face_clusters import TrackIdentity, cluster_tracks
from mmu.perception.face_expression import LABELS
from mmu.perception.face_tracker import Look, Track
from mmu.recall import recalled
from mmu.signals import Box, Signal, Span
from models import age_gender, expression, face_landmarks, sface, yunet

#: crops from which age and gender are read
_TRAIT_CROPS = 3
#: error in years that the age network has on good crops; added to the spread it shows
_AGE_ERROR = 5.0
#: boxes that a track signal lists; more are thinned out evenly
_MAX_BOXES = 120
#: an expression that lasts less is taken to be noise
_MIN_EXPRESSION = 1.5
#: expression spans that one track reports
_MAX_EXPRESSIONS = 6
#: crops of a smaller share of the best one's quality add noise only
_WORTH_OF_BEST = 0.4
#: crops of one track that resemble the best one less are of another face
_CROP_AGREEMENT = 0.30


@dataclass(slots=True, eq=False)
class Recognised:
    """A finished track without its pictures."""

    looks: list[tuple[float, Box]]
    span: Span
    score: float
    quality: float
    best_time: float
    best_box: Box
    #: (128,) float32 (512 of insightface), L2-normalised
    embedding: NDArray[np.float32]
    age: float
    age_spread: float
    #: probability of "female"
    female: float
    expressions: list[tuple[float, NDArray[np.float32]]]
    #: yaw, pitch, roll in degrees, median over the readings
    pose: tuple[float, float, float] | None


def recognise(analyzer: FaceAnalyzer, track: Track) -> Recognised:
    """Embedding, age and gender from the track's best crops, weighted by their quality."""
    crops = [crop for crop in track.crops if crop.quality >= _WORTH_OF_BEST * track.crops[0].quality]
    vectors = np.stack([_embedding(analyzer, crop.look) for crop in crops])
    weights = np.array([max(crop.quality, 0.01) for crop in crops])
    agreeing = vectors @ vectors[0] >= _CROP_AGREEMENT
    mean = (vectors[agreeing] * weights[agreeing, None]).sum(axis=0)
    reads = [recalled(analyzer.age_gender)(crop.picture, crop.face) for crop in crops[:_TRAIT_CROPS]]
    share = weights[:_TRAIT_CROPS] / weights[:_TRAIT_CROPS].sum()
    ages = np.array([read.age for read in reads])
    own = np.array([read.age_spread for read in reads])
    age = float(share @ ages)
    variance = float(share @ (own**2 + (ages - age) ** 2)) + _AGE_ERROR**2
    best = crops[0]
    at = min(track.looks, key=lambda look: abs(look[0] - best.time))
    pose = tuple(float(v) for v in np.median(np.array(track.poses), axis=0)) if track.poses else None
    return Recognised(
        looks=track.looks,
        span=Span(track.start, max(track.start, track.end)),
        score=float(np.mean(track.scores)),
        quality=best.quality,
        best_time=best.time,
        best_box=at[1],
        embedding=np.asarray(mean / max(1e-9, float(np.linalg.norm(mean))), np.float32),
        age=age,
        age_spread=sqrt(variance),
        female=float(share @ np.array([read.female for read in reads])),
        expressions=track.expressions,
        pose=None if pose is None else (pose[0], pose[1], pose[2]),
    )


def _embedding(analyzer: FaceAnalyzer, look: Look) -> NDArray[np.float32]:
    if look.embedding is None:
        look.embedding = recalled(analyzer.embed)(look.chip)
    return look.embedding


@dataclass(frozen=True, slots=True)
class FaceSources:
    """Networks and versions that signals name."""

    detector: str = yunet.SOURCE
    identity: str = sface.SOURCE
    traits: str = age_gender.SOURCE


def face_signals(
    tracks: list[Recognised], *, scale: float, threshold: float, sources: FaceSources | None = None
) -> list[Signal]:
    """All face signals of one video.

    Args:
        tracks: recognised tracks in any order.
        scale: source pixels per pixel of the boxes.
        threshold: cosine from which two tracks are one person.
        sources: networks that found and recognised them (default: those of the cpu profile).
    """
    sources = sources or FaceSources()
    tracks = sorted(tracks, key=lambda track: (track.span.start, track.best_box.x))
    identities = [TrackIdentity(track.embedding, track.quality, track.score, track.span) for track in tracks]
    groups = cluster_tracks(identities, threshold=threshold)
    person = {i: f"person-{number}" for number, group in enumerate(groups, 1) for i in group}
    out: list[Signal] = []
    for i, track in enumerate(tracks):
        out += _track_signals(track, f"face-{i + 1}", person.get(i), scale, sources)
    for number, group in enumerate(groups, 1):
        members = [(f"face-{i + 1}", tracks[i]) for i in group]
        out.append(_person_signal(f"person-{number}", members, sources.identity))
    return out


def _track_signals(
    track: Recognised, name: str, person: str | None, scale: float, sources: FaceSources
) -> list[Signal]:
    step = max(1, -(-len(track.looks) // _MAX_BOXES))
    boxes = [[round(time, 3), *(round(v * scale, 1) for v in box)] for time, box in track.looks[::step]]
    attributes: dict[str, Any] = {
        "person": person,
        "boxes": boxes,
        "frames": len(track.looks),
        "quality": round(track.quality, 4),
        "best_time": round(track.best_time, 3),
    }
    if track.pose is not None:
        attributes["head_pose"] = dict(
            zip(("yaw", "pitch", "roll"), (round(v, 1) for v in track.pose), strict=True)
        )
        attributes["head_pose_source"] = face_landmarks.SOURCE
    box = track.best_box.scaled(scale)
    within = erf(10.0 / (track.age_spread * sqrt(2.0)))
    out = [
        Signal(
            "face.track",
            None,
            min(1.0, track.score),
            track.span,
            sources.detector,
            box=box,
            track=name,
            attributes=attributes,
            embedding=track.embedding.astype(np.float16),
        ),
        Signal(
            "face.age",
            round(track.age, 1),
            within,
            track.span,
            sources.traits,
            track=name,
            attributes={
                "spread": round(track.age_spread, 1),
                "score_means": "within 10 years",
            },
        ),
        Signal(
            "face.gender",
            "female" if track.female >= 0.5 else "male",
            max(track.female, 1.0 - track.female),
            track.span,
            sources.traits,
            track=name,
        ),
    ]
    return out + [_expression_signal(run, name) for run in expression_runs(track.expressions, track.span)]


ExpressionRun = tuple[Span, NDArray[np.float32]]


def expression_runs(readings: list[tuple[float, NDArray[np.float32]]], span: Span) -> list[ExpressionRun]:
    """Spans of one expression each, with the readings (n, 7) that fall in them.

    Readings are smoothed over three, and a run shorter than 1.5 s joins its neighbour. At most
    six spans are returned, the longest ones, in order of time.
    """
    if not readings:
        return []
    times = [time for time, _ in readings]
    raw = np.stack([probabilities for _, probabilities in readings])
    smooth = np.stack([raw[max(0, i - 1) : i + 2].mean(axis=0) for i in range(len(raw))])
    edges = [span.start, *((a + b) / 2 for a, b in pairwise(times)), span.end]
    runs = [(i, i + 1) for i in range(len(raw))]

    def seconds(run: tuple[int, int]) -> float:
        return edges[run[1]] - edges[run[0]]

    def label(run: tuple[int, int]) -> int:
        return int(smooth[run[0] : run[1]].mean(axis=0).argmax())

    for needed in (0.0, _MIN_EXPRESSION):
        joined = runs[:1]
        for run in runs[1:]:
            last = joined[-1]
            if label(last) == label(run) or min(seconds(last), seconds(run)) < needed:
                joined[-1] = (last[0], run[1])
            else:
                joined.append(run)
        runs = joined
    longest = sorted(runs, key=lambda run: -seconds(run))[:_MAX_EXPRESSIONS]
    return [(Span(edges[a], edges[b]), raw[a:b]) for a, b in sorted(longest)]


def _expression_signal(run: ExpressionRun, name: str) -> Signal:
    span, readings = run
    mean = readings.mean(axis=0)
    top = int(mean.argmax())
    return Signal(
        "face.expression",
        LABELS[top],
        float(min(1.0, mean[top])),
        span,
        f"{expression.SOURCE}+{face_landmarks.SOURCE}",
        track=name,
        attributes={
            "vocabulary": "expression",
            "spread": round(float(readings[:, top].std()), 3),
            "readings": len(readings),
            "probabilities": {label: round(float(p), 3) for label, p in zip(LABELS, mean, strict=True)},
        },
    )


def _person_signal(name: str, tracks: list[tuple[str, Recognised]], source: str) -> Signal:
    weights = [max(track.quality, 0.01) for _, track in tracks]
    vectors = np.stack([track.embedding for _, track in tracks])
    mean = np.average(vectors, axis=0, weights=weights)
    mean = mean / max(1e-9, float(np.linalg.norm(mean)))
    span = Span(min(track.span.start for _, track in tracks), max(track.span.end for _, track in tracks))
    return Signal(
        "face.person",
        name,
        float(np.clip(np.average([track.score for _, track in tracks], weights=weights), 0.0, 1.0)),
        span,
        source,
        attributes={
            "tracks": [track for track, _ in tracks],
            "seconds": round(sum(track.span.seconds for _, track in tracks), 3),
        },
        embedding=mean.astype(np.float16),
    )
