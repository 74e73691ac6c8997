"""`Clip`: a lazy view of one video, decoded once and shared by all stages.

The decode worker spools sampled frames and resampled audio to a private
temporary folder; a clip reads them back on demand, so memory does not grow
with the length of the video.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from mmu.errors import MediaError
from mmu.media.dense import Dense
from mmu.media.options import AUDIO_CHANNELS, check_rates
from mmu.media.spool import ArrayPictures, ArraySound, LaterPictures, LaterSound, Pictures, Sound
from mmu.outcome import ErrorItem
from mmu.report.schema import MediaFacts

#: A long video may be looked at in windows of this length, seconds. Stages of sound read in windows of it, or
#: of a whole part of it, and pack nothing across two of them: what they ask of one is the same in the whole.
WINDOW_SECONDS = 300.0


class Frame(NamedTuple):
    """One sampled frame: data never travels without its time."""

    index: int  # type: ignore[assignment]  # a field of this name hides tuple.index
    time: float
    #: (h, w, 3) uint8 BGR, upright, at most `max_side` pixels on its long side
    image: NDArray[np.uint8]


class AudioWindow(NamedTuple):
    """A stretch of audio and the time of its first sample in seconds."""

    start: float
    #: (n,) float32 at 16 kHz, (n, 2) float32 at 44.1 kHz, in [-1, 1]
    samples: NDArray[np.float32]


class Clip:
    """One decoded video, sound or picture. Made by `open_clip` or `Clip.from_arrays`; close it after use.

    Times are seconds from the first presented sample. Transparent pixels are
    composited on white, PQ and HLG are tone-mapped to SDR, the pixel aspect
    ratio is reported in `facts` but not applied.
    """

    def __init__(
        self,
        *,
        facts: MediaFacts,
        sha256: str,
        path: Path | None,
        times: NDArray[np.float64],
        change: NDArray[np.float32],
        dense: Dense,
        cuts: NDArray[np.float64],
        scale: float,
        pictures: Pictures,
        sound: Sound,
        errors: Sequence[ErrorItem] = (),
        cleanup: Callable[[], None] | None = None,
    ) -> None:
        self.facts = facts
        self.sha256 = sha256
        self.path = path
        self.times = times
        self.change = change
        self.dense = dense
        self.cuts = cuts
        self.scale = scale
        self.errors = list(errors)
        self._pictures = pictures
        self._sound = sound
        self._cleanup = cleanup
        self._closed = False

    @property
    def uri(self) -> str:
        return self.facts.uri

    @property
    def duration(self) -> float:
        """Seconds from the first to the end of the last decodable frame or sample; 0 for a still."""
        return self.facts.duration

    @property
    def has_video(self) -> bool:
        return self.facts.video is not None

    @property
    def has_audio(self) -> bool:
        return self.facts.audio is not None

    @property
    def still(self) -> bool:
        return self.facts.still

    def __len__(self) -> int:
        return len(self.times)

    def frame(self, index: int) -> Frame:
        """The sampled frame `index`; negative counts from the end.

        Raises:
            IndexError: there is no such frame.
            MediaError: the clip is closed (`closed`).
        """
        self._open()
        if not -len(self.times) <= index < len(self.times):
            raise IndexError(f"frame {index} of {len(self.times)}")
        index %= len(self.times)
        return Frame(index, float(self.times[index]), self._pictures.read(index))

    def frames(self, indices: Iterable[int] | None = None) -> Iterator[Frame]:
        """Sampled frames one after the other, all of them by default."""
        for index in range(len(self.times)) if indices is None else indices:
            yield self.frame(int(index))

    def nearest(self, time: float) -> int:
        """Index of the sampled frame nearest to `time`; `IndexError` without frames."""
        if not len(self.times):
            raise IndexError("the clip has no frames")
        return int(np.argmin(np.abs(self.times - time)))

    def audio(self, rate: int, start: float = 0.0, end: float | None = None) -> NDArray[np.float32]:
        """Audio from `start` to `end` seconds: (n,) mono at 16000 Hz, (n, 2) stereo at 44100 Hz.

        Silence before the first and after the last sample of the stream; empty
        when the clip has no audio.

        Raises:
            ConfigError: a rate that no clip offers.
            MediaError: the rate was not asked for when the clip was opened, or the clip is closed.
        """
        self._open()
        check_rates(frozenset({rate}))
        channels = AUDIO_CHANNELS[rate]
        shape = (-1,) if channels == 1 else (-1, channels)
        if not self.has_audio:
            return np.zeros(0, np.float32).reshape(shape)
        end = self.duration if end is None else min(end, self.duration)
        first, last = round(max(0.0, start) * rate), round(end * rate)
        if last <= first:
            return np.zeros(0, np.float32).reshape(shape)
        return self._sound.read(rate, first, last)

    def audio_windows(self, rate: int, *, seconds: float = WINDOW_SECONDS) -> Iterator[AudioWindow]:
        """The audio in consecutive windows of at most `seconds`; none when there is no audio."""
        start = 0.0
        while self.has_audio and start < self.duration:
            samples = self.audio(rate, start, start + seconds)
            if len(samples):
                yield AudioWindow(start, samples)
            start += seconds

    def window(self, start: float, end: float) -> Clip:
        """A view of one window, whose time 0 is `start`; it lives no longer than this clip.

        Args:
            start: seconds, a multiple of `WINDOW_SECONDS`.
            end: seconds; past the end of the clip is its end.
        """
        end = max(start, min(end, self.duration))
        first, last = (int(np.searchsorted(self.times, time - 1e-9)) for time in (start, end))
        if end == self.duration:
            last = len(self.times)
        rows = (self.dense.times >= start) & (self.dense.times < end)
        return Clip(
            facts=self.facts.model_copy(update={"duration": end - start, "frames_sampled": last - first}),
            sha256=self.sha256,
            path=self.path,
            times=self.times[first:last] - start,
            change=self.change[first:last],
            dense=self.dense.take(rows, start),
            cuts=self.cuts[(self.cuts >= start) & (self.cuts < end)] - start,
            scale=self.scale,
            pictures=LaterPictures(self._pictures, first),
            sound=LaterSound(self._sound, start),
            errors=self.errors,
        )

    def close(self) -> None:
        """Remove the spool; the clip cannot be read afterwards."""
        if self._closed:
            return
        self._closed = True
        self._pictures.close()
        if self._cleanup is not None:
            self._cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if hasattr(self, "_closed"):
            self.close()

    def _open(self) -> None:
        if self._closed:
            raise MediaError("the clip is closed", code="closed")

    @classmethod
    def from_arrays(
        cls,
        *,
        frames: Iterable[tuple[float, NDArray[np.uint8]]] = (),
        audio: tuple[NDArray[np.floating] | NDArray[np.int16], int] | None = None,
        fps: float | None = None,
        uri: str = "memory",
    ) -> Clip:
        """A clip of arrays in memory; every given frame is a sampled frame.

        Args:
            frames: (seconds, (h, w, 3) uint8 BGR) in order of time, all of one size.
            audio: ((n,) or (n, channels) samples, rate): float in [-1, 1] or int16; starts at time 0.
            fps: frame rate, for the end of the last frame; else taken from the times.
            uri: what the clip is called in messages and reports.

        Raises:
            MediaError: neither frames nor audio, or arrays of the wrong form (`bad_arrays`).
        """
        from mmu.media.memory import measure_frames, memory_facts

        pairs = [(float(t), np.ascontiguousarray(image)) for t, image in frames]
        sound = ArraySound(*audio) if audio is not None else ArraySound(np.zeros(0, np.float32), 16000)
        facts = memory_facts(pairs, sound, audio[1] if audio is not None else 0, fps, uri)
        digest = hashlib.sha256()
        for time, image in pairs:
            digest.update(repr(time).encode() + image.tobytes())
        if audio is not None:
            digest.update(np.ascontiguousarray(audio[0]).tobytes())
        dense, change, cuts = measure_frames(pairs)
        return cls(
            facts=facts,
            sha256=digest.hexdigest(),
            path=None,
            times=np.array([t for t, _ in pairs], np.float64),
            change=change,
            dense=dense,
            cuts=cuts,
            scale=1.0,
            pictures=ArrayPictures([image for _, image in pairs]),
            sound=sound,
        )
