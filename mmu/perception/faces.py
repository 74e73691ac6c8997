"""Stage `faces`: detect, track over time, recognise once a track, group tracks into people."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from mmu.perception.face_analysis import (
    FINE_SIDE,
    MODELS,
    SAME_PERSON_COSINE,
    SEARCH_SIDE,
    Face,
    FaceAnalyzer,
    FaceBox,
    turn_back,
)
from mmu.perception.face_signals import FaceSources, Recognised, face_signals, recognise
from mmu.perception.face_tracker import Crop, FaceTracker, Look, Track
from mmu.recall import recalled
from mmu.signals import KINDS, Box, Signal, SignalSet, Span
from mmu.stage import Cost, Needs, Stage

if TYPE_CHECKING:
    from mmu.media.clip import Clip
    from models.store import Store

__all__ = ["MODELS", "SAME_PERSON_COSINE", "Face", "FaceAnalyzer", "FaceBox", "Faces", "describe_image"]

#: mean absolute difference (0..1) since the last look below which the faces are taken to be the same
_UNCHANGED = 0.004
#: seconds after which a frame is looked at whatever has changed
_MAX_REUSE = 3.0
#: pixels from which an expression can be read
_EXPRESSION_SIDE = 28.0
#: seconds between two readings of a track's expression
_EXPRESSION_EVERY = 1.0
#: change since the last look above which a face at the same place may be another one's
_MUCH_CHANGED = 0.15
#: two looks at one face that moved fast
_SAME_LOOK_COSINE = 0.35
#: frames looked at again, finer and stretched, when a video showed no face
_PROBES = 4
#: how much taller a picture is made that may have been squashed
_STRETCH = 1.6
#: a track is a face when its best score reaches the first figure, or the second and the landmarker's
#: presence the third; one look is held to more than several
_ONE_LOOK, _MORE_LOOKS = (0.88, 0.78, 0.9), (0.85, 0.70, 0.5)


def describe_image(image: NDArray[np.uint8], analyzer: FaceAnalyzer) -> list[Face]:
    """All faces of a still BGR picture, largest first; see `FaceAnalyzer.describe_image`."""
    return analyzer.describe_image(image)


class Faces(Stage):
    """Faces of a video or a still picture, as tracks and as people."""

    name: ClassVar[str] = "faces"
    needs: ClassVar[Needs] = Needs(frames=True)
    emits: ClassVar[frozenset[str]] = frozenset(kind for kind in KINDS if kind.startswith("face."))
    cost: ClassVar[Cost] = Cost(cpus=1.0, memory_mb=250, seconds=5.0)
    models: ClassVar[tuple[str, ...]] = MODELS
    recalls: ClassVar[bool] = True

    def __init__(
        self,
        *,
        same_person: float = SAME_PERSON_COSINE,
        one_look: tuple[float, float, float] = _ONE_LOOK,
        more_looks: tuple[float, float, float] = _MORE_LOOKS,
        analyzer: FaceAnalyzer | None = None,
        sources: FaceSources | None = None,
    ) -> None:
        """Choose thresholds and, in place of those that `setup` loads, networks.

        Args:
            same_person: cosine from which two tracks are one person.
            one_look: a track of one look is a face when its score reaches the first figure, or the
                second and the landmarker's presence the third.
            more_looks: the same for the best score of several looks.
            analyzer: loaded networks.
            sources: what signals name as their networks.
        """
        self.same_person = same_person
        self.one_look, self.more_looks = one_look, more_looks
        self.sources = sources
        self._analyzer = analyzer

    def setup(self, store: Store, *, threads: int = 1) -> None:
        self._analyzer = FaceAnalyzer(store, threads=threads)

    def close(self) -> None:
        self._analyzer = None

    @property
    def analyzer(self) -> FaceAnalyzer:
        """The loaded networks.

        Raises:
            RuntimeError: before `setup`.
        """
        if self._analyzer is None:
            raise RuntimeError("stage faces: setup() was not called")
        return self._analyzer

    def run(self, clip: Clip, signals: SignalSet) -> list[Signal]:
        """Face signals of the clip, with boxes in source pixels."""
        if not len(clip.times):
            return []
        found = self._still(clip) if clip.still else list(self._video(clip)) or list(self._second_try(clip))
        return face_signals(found, scale=clip.scale, threshold=self.same_person, sources=self.sources)

    def _still(self, clip: Clip) -> list[Recognised]:
        frame = clip.frame(0)
        turned, upright, found = self.analyzer.search_still(frame.image)
        height, width = frame.image.shape[:2]
        span = Span(frame.time, max(frame.time, clip.duration))
        out = []
        for face in found:
            track = Track()
            self._look(track, upright, Look(face, *self._worth(upright, face)), frame.time)
            track.looks.append((frame.time, turn_back(face.box, turned, width, height)))
            track.scores.append(face.score)
            track.end = span.end
            out.append(recognise(self.analyzer, track))
        return out

    def _second_try(self, clip: Clip) -> Iterator[Recognised]:
        """A video without faces: small ones in a few frames, or flat ones in a squashed picture."""
        probes = _spread(len(clip.times), _PROBES)
        flat = sum(
            self.analyzer.presence(picture, face) >= 0.5
            for frame in clip.frames(probes)
            for picture in [_stretched(frame.image, _STRETCH)]
            for face in self.analyzer.detect(picture)[:1]
        )
        if flat >= _PROBES / 2:
            yield from self._video(clip, stretch=_STRETCH)
        else:
            yield from self._video(clip, indices=probes, long_side=FINE_SIDE)

    def _video(
        self,
        clip: Clip,
        *,
        indices: list[int] | None = None,
        long_side: int = SEARCH_SIDE,
        stretch: float = 1.0,
    ) -> Iterator[Recognised]:
        """Recognised tracks in the order in which they end; only open tracks hold pictures.

        Args:
            clip: the video.
            indices: sampled frames to look at; all by default.
            long_side: the search resolution.
            stretch: factor by which frames are made taller before anything is done.
        """
        tracker = FaceTracker(self._same)
        times, cuts = clip.times, clip.cuts
        looked = -np.inf
        changed = 0.0
        for frame in clip.frames(indices):
            now = frame.time
            later = float(times[frame.index + 1]) if frame.index + 1 < len(times) else max(now, clip.duration)
            following = cuts[cuts > now + 1e-3]
            until = min(later, float(following[0])) if len(following) else later
            cut = bool(np.any((cuts > looked) & (cuts <= now + 1e-3)))
            for ended in tracker.advance(now, cut=cut):
                yield from self._finish(ended, stretch)
            changed += float(clip.change[frame.index])
            if not cut and changed < _UNCHANGED and now - looked < _MAX_REUSE:
                tracker.extend(now, until)
                continue
            steady = changed < _MUCH_CHANGED
            looked, changed = now, 0.0
            image = _stretched(frame.image, stretch)
            found = recalled(self.analyzer.candidates)(image, long_side=long_side)
            looks = [Look(face, *self._worth(image, face)) for face in found]
            tracks = tracker.update(now, until, looks, steady=steady, starts=partial(self._starts, image))
            for look, track in zip(looks, tracks, strict=True):
                if track is not None:
                    self._look(track, image, look, now)
        for ended in tracker.close():
            yield from self._finish(ended, stretch)

    def _worth(self, image: NDArray[np.uint8], face: FaceBox) -> tuple[float, NDArray[np.uint8]]:
        chip = self.analyzer.chip(image, face)
        return self.analyzer.quality(chip, face), chip

    def _look(self, track: Track, image: NDArray[np.uint8], look: Look, time: float) -> None:
        """Keep the crop if it is among the best, and read the expression if it is due."""
        picture, face = _cut_out(image, look.face)
        due = not track.expressions or time - track.expressions[-1][0] >= _EXPRESSION_EVERY
        if due and (look.face.side >= _EXPRESSION_SIDE or not track.presences):
            probabilities, presence, pose = recalled(self.analyzer.expression)(picture, face)
            track.presences.append(presence)
            if look.face.side >= _EXPRESSION_SIDE:
                track.expressions.append((time, probabilities))
                track.poses.append(pose)
        if track.wants(look.quality):
            track.keep(Crop(time, look, picture, face))

    def _starts(self, image: NDArray[np.uint8], look: Look) -> bool:
        return recalled(self.analyzer.credible)(image, look.face)

    def _finish(self, track: Track, stretch: float) -> list[Recognised]:
        """The track recognised; none when it was no face after all."""
        alone, enough, presence = self.one_look if len(track.looks) == 1 else self.more_looks
        best = max(track.scores)
        if best < alone and (best < enough or max(track.presences, default=0.0) < presence):
            return []
        track.looks = [(t, Box(b.x, b.y / stretch, b.w, b.h / stretch)) for t, b in track.looks]
        return [recognise(self.analyzer, track)]

    def _same(self, old: Look, new: Look) -> bool:
        for look in (old, new):
            if look.embedding is None:
                look.embedding = recalled(self.analyzer.embed)(look.chip)
        if old.embedding is None or new.embedding is None:
            return False
        return float(old.embedding @ new.embedding) >= _SAME_LOOK_COSINE


def _stretched(image: NDArray[np.uint8], factor: float) -> NDArray[np.uint8]:
    if factor == 1.0:
        return image
    return np.asarray(cv2.resize(image, None, fx=1.0, fy=factor), np.uint8)


def _spread(count: int, wanted: int) -> list[int]:
    return sorted({round(float(i)) for i in np.linspace(0, count - 1, wanted)})


def _cut_out(image: NDArray[np.uint8], face: FaceBox) -> tuple[NDArray[np.uint8], FaceBox]:
    """The face with a margin of its own size, copied, so that the whole frame can be let go."""
    height, width = image.shape[:2]
    box = face.box
    x0, y0 = max(0, int(box.x - box.w / 2)), max(0, int(box.y - box.h / 2))
    x1, y1 = min(width, int(box.x + 1.5 * box.w) + 1), min(height, int(box.y + 1.5 * box.h) + 1)
    moved = face.points - np.array([x0, y0], np.float32)
    return image[y0:y1, x0:x1].copy(), FaceBox(Box(box.x - x0, box.y - y0, box.w, box.h), moved, face.score)
