"""Features of one video, in groups that are kept apart: visual, face, audio, text, quality."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from mmu.report.schema import Report

GROUPS = ("visual", "face", "audio", "text", "quality")
_COLOURS = ("black", "white", "grey", "red", "orange", "yellow", "green", "blue", "purple", "pink", "brown")
_PICTURES = ("image",)
_WORDS = ("text", "speech", "user")
_PARTS = [
    "sharpness",
    "noise",
    "blockiness",
    "exposure",
    "contrast",
    "resolution",
    "stability",
    "continuity",
    "bars",
    "naturalness",
    "loudness",
    "clipping",
    "clarity",
]


@dataclass(frozen=True, slots=True)
class Column:
    """One continuous feature, as the data dictionary describes it."""

    group: str
    name: str
    unit: str
    description: str
    of: Callable[[Report], float | None]


@dataclass(slots=True)
class Features:
    """The features of one video: numbers (None = unknown) and tokens with weights in [0, 1], by group."""

    id: str
    uri: str
    continuous: dict[str, list[float | None]] = field(default_factory=dict)
    discrete: dict[str, dict[str, float]] = field(default_factory=dict)


def extract(report: Report) -> Features:
    """The features of a report's video."""
    out = Features(report.id, report.uri)
    for group in GROUPS:
        columns = (column for column in COLUMNS if column.group == group)
        out.continuous[group] = [_number(column.of(report)) for column in columns]
        out.discrete[group] = dict(TOKENS[group][1](report))
    return out


def _number(value: float | None) -> float | None:
    return None if value is None else round(float(value), 5)


def _seconds(report: Report) -> float:
    return max(1e-3, report.media.duration if report.media else 0.0)


def _signals(report: Report, kind: str) -> list[dict[str, Any]]:
    return [one for one in report.signals if one["kind"] == kind]


def _lasting(report: Report, kind: str, value: str | None = None) -> float:
    """Share of the video during which signals of a kind (and value) hold."""
    spans = [one["span"] for one in _signals(report, kind) if one["span"] and value in (None, one["value"])]
    return min(1.0, float(sum(end - start for start, end in spans)) / _seconds(report))


def _colour(name: str) -> Callable[[Report], float | None]:
    def share(report: Report) -> float | None:
        found = _signals(report, "image.colour")
        return sum(one["score"] or 0.0 for one in found if one["value"] == name) if found else None

    return share


def _part(name: str) -> Callable[[Report], float | None]:
    def score(report: Report) -> float | None:
        parts = report.quality.parts if report.quality else []
        return next((part.score for part in parts if part.name == name), None)

    return score


def _segment(label: str) -> Callable[[Report], float | None]:
    return lambda report: (
        _lasting(report, "audio.segment", label) if report.media and report.media.audio else None
    )


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _largest_face(report: Report) -> float | None:
    video = report.media.video if report.media else None
    boxes = [one.box for one in report.people if one.box]
    return max((w * h for _, _, w, h in boxes), default=0.0) / (video.width * video.height) if video else None


def _per_minute(report: Report, count: int) -> float:
    return 60 * count / _seconds(report)


def _smiles(report: Report) -> float | None:
    seconds = sum(person.seconds for person in report.people)
    happy = sum(person.seconds for person in report.people if person.expression == "happy")
    return happy / seconds if seconds else None


def _loudness(report: Report) -> float | None:
    return _mean(
        float(one["value"]) for one in _signals(report, "audio.loudness") if one["value"] is not None
    )


def _visual(report: Report) -> Iterable[tuple[str, float]]:
    return _tags(report, _PICTURES)


def _tags(report: Report, axes: tuple[str, ...]) -> Iterable[tuple[str, float]]:
    """Tags with the part of their score that these axes gave."""
    for tag in report.tags:
        weight = sum(one.weight for one in tag.evidence if one.axis in axes)
        if weight >= 0.05:
            yield f"{tag.facet}:{tag.id}", round(min(1.0, weight), 4)


def _faces(report: Report) -> Iterable[tuple[str, float]]:
    for person in report.people:
        weight = round(min(1.0, person.seconds / _seconds(report)), 4)
        for name, value in (
            ("gender", person.gender),
            ("expression", person.expression),
            ("name", person.name),
            ("age", None if person.age is None else f"{int(person.age // 10) * 10}s"),
        ):
            if value is not None:
                yield f"{name}:{value}", weight


def _sounds(report: Report) -> Iterable[tuple[str, float]]:
    if report.music:
        yield from ((f"music:{label}", score) for label, score in report.music.tags)
        yield from ((f"song:{song.title}", song.score) for song in report.music.songs)
        if report.music.key:
            yield f"key:{report.music.key}", 1.0
    for one in _signals(report, "audio.event"):
        yield f"event:{one['value']}", one["score"] or 0.0
    for speaker in report.speakers:
        if speaker.gender:
            yield f"voice:{speaker.gender}", 1.0


def _words(report: Report) -> Iterable[tuple[str, float]]:
    if report.category:
        yield f"category:{report.category.id}", report.category.score
    if report.language:
        yield f"language:{report.language}", 1.0
    for topic in report.topics:
        if topic.action in ("keep", "merge"):
            yield f"topic:{topic.concept or topic.canonical}", topic.score
    yield from _tags(report, _WORDS)


def _technical(report: Report) -> Iterable[tuple[str, float]]:
    video = report.media.video if report.media else None
    if video:
        yield "orientation:" + ("portrait" if video.height > video.width else "landscape"), 1.0
        short = min(video.width, video.height)
        size = "sd" if short < 540 else "hd" if short < 1080 else "full hd"
        yield f"size:{size}", 1.0
    if report.media:
        yield f"sound:{'yes' if report.media.audio else 'no'}", 1.0


#: group -> (what its tokens are, how they are made)
TOKENS: dict[str, tuple[str, Callable[[Report], Iterable[tuple[str, float]]]]] = {
    "visual": ("facet:concept of tags, weighted by the part of the score that pictures gave", _visual),
    "face": ("gender, age by decade, expression, name; weighted by share of the video", _faces),
    "audio": ("music tag, song, key, sound event, gender of voices", _sounds),
    "text": ("category, language, topics, facet:concept of tags by words' part of the score", _words),
    "quality": ("orientation, size class, sound", _technical),
}

COLUMNS: tuple[Column, ...] = (
    Column(
        "visual",
        "cuts_per_minute",
        "1/min",
        "hard cuts",
        lambda r: _per_minute(r, max(0, len(_signals(r, "media.shot")) - 1)),
    ),
    Column(
        "visual",
        "moving",
        "share",
        "video in which the camera moves",
        lambda r: sum(_lasting(r, "media.motion", v) for v in ("pan", "tilt", "zoom", "shake")),
    ),
    Column(
        "visual",
        "objects",
        "count",
        "different kinds of objects",
        lambda r: len({one["value"] for one in _signals(r, "image.object")}),
    ),
    *(
        Column("visual", f"colour_{name}", "share", f"picture that is {name}", _colour(name))
        for name in _COLOURS
    ),
    Column("face", "people", "count", "different people whose face is seen", lambda r: len(r.people)),
    Column(
        "face",
        "face_time",
        "share",
        "video in which the person seen longest is seen",
        lambda r: min(1.0, max((p.seconds for p in r.people), default=0.0) / _seconds(r)),
    ),
    Column("face", "largest_face", "share", "frame that the largest face fills", _largest_face),
    Column("face", "age", "years", "mean estimate of age", lambda r: _mean(p.age for p in r.people)),
    Column("face", "smiling", "share", "face time that looks happy", _smiles),
    Column("audio", "speech", "share", "video with speech", _segment("speech")),
    Column("audio", "music", "share", "video with music", _segment("music")),
    Column("audio", "singing", "share", "video with singing", _segment("singing")),
    Column("audio", "silence", "share", "video without sound", _segment("silence")),
    Column("audio", "tempo", "1/min", "beats", lambda r: r.music.tempo if r.music else None),
    Column("audio", "loudness", "LUFS", "integrated loudness", _loudness),
    Column("audio", "speakers", "count", "different voices", lambda r: len(r.speakers)),
    Column("text", "title_length", "characters", "title", lambda r: len(r.title)),
    Column(
        "text",
        "screen_rate",
        "1/min",
        "characters on screen",
        lambda r: _per_minute(r, sum(len(one.text) for one in r.on_screen_text)),
    ),
    Column(
        "text",
        "speech_rate",
        "1/min",
        "characters spoken",
        lambda r: _per_minute(r, sum(len(one.text) for one in r.transcript)),
    ),
    Column(
        "text",
        "topics",
        "count",
        "topics kept",
        lambda r: sum(one.action in ("keep", "merge") for one in r.topics),
    ),
    Column(
        "text",
        "contradictions",
        "count",
        "disagreements of title and content",
        lambda r: len(r.contradictions),
    ),
    Column(
        "quality", "overall", "0–100", "overall quality", lambda r: r.quality.overall if r.quality else None
    ),
    Column("quality", "duration", "s", "length", _seconds),
    Column(
        "quality", "fps", "1/s", "frames", lambda r: r.media.video.fps if r.media and r.media.video else None
    ),
    *(Column("quality", name, "0–100", f"quality of {name}", _part(name)) for name in _PARTS),
)
