"""The audio of a clip, resampled while decoding and spooled as 16-bit samples."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np
from av.audio.resampler import AudioResampler

from mmu.media.options import AUDIO_CHANNELS

#: Seconds by which timestamps may disagree with the sample count before it is a gap or an overlap.
TOLERANCE = 0.1
#: A longer jump than this is a broken timestamp, not silence.
MAX_GAP = 3600.0
#: FFmpeg's name for n channels without speakers -> the usual layout of that many.
_UNNAMED = {
    f"{count} channels": layout
    for count, layout in enumerate(("mono", "stereo", "2.1", "4.0", "5.0", "5.1", "6.1", "7.1"), start=1)
}


class AudioTrack:
    """Resamples one audio stream to every requested rate and keeps it in step with its timestamps.

    Gaps are filled with silence (holes in the spool files, which cost no disk)
    and overlaps are dropped, so that sample `n` of a file is at `start + n / rate`.
    """

    def __init__(self, folder: Path, rates: frozenset[int]) -> None:
        self.start: float | None = None
        self.seconds = 0.0
        self._outputs = [_Output(folder, rate) for rate in sorted(rates)]
        self._shape: tuple[str, str, int] | None = None

    def push(self, frame: av.AudioFrame, limit: float | None = None) -> None:
        """Add a decoded frame; `limit` (seconds in container time) cuts off what lies behind it."""
        if not frame.samples or not frame.sample_rate:
            return
        length = frame.samples / frame.sample_rate
        time = None if frame.pts is None or frame.time_base is None else float(frame.pts * frame.time_base)
        if self.start is None:
            self.start = 0.0 if time is None else time
        end = self.start + self.seconds
        if time is None or abs(time - end) <= TOLERANCE or time - end > MAX_GAP or time < end - MAX_GAP:
            time = end
        elif time < end:
            return
        if limit is not None and time >= limit:
            return
        frame = _with_layout(frame)
        shape = (frame.format.name, frame.layout.name, frame.sample_rate)
        skip = time - end
        for output in self._outputs:
            if shape != self._shape:
                output.restart()
            if skip > TOLERANCE:
                output.silence(time - self.start)
            output.write(frame)
        self._shape = shape
        self.seconds = time - self.start + length

    def flush(self) -> None:
        """Bring every sample so far into the files."""
        for output in self._outputs:
            output.flush()

    def finish(self) -> None:
        """Write what the resamplers still hold."""
        for output in self._outputs:
            output.finish()

    def counts(self) -> dict[int, int]:
        """Rate -> samples (per channel) in the file."""
        return {output.rate: output.count for output in self._outputs}


def _with_layout(frame: av.AudioFrame) -> av.AudioFrame:
    """The frame with speakers assigned to its channels: resamplers disagree on unnamed ones."""
    if frame.layout.name in _UNNAMED:
        layout = _UNNAMED[frame.layout.name]
        samples: Any = frame.to_ndarray()
    elif frame.layout.name.endswith(" channels"):
        # More channels than any speaker layout has: their mean.
        count = frame.layout.nb_channels
        planar = frame.to_ndarray() if frame.format.is_planar else frame.to_ndarray().reshape(-1, count).T
        layout = "mono"
        samples = planar.mean(axis=0, keepdims=True).astype(planar.dtype)
    else:
        return frame
    named = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), frame.format.name, layout)
    named.sample_rate, named.time_base, named.pts = frame.sample_rate, frame.time_base, frame.pts
    return named


class _Output:
    def __init__(self, folder: Path, rate: int) -> None:
        self.rate = rate
        self.count = 0
        self._channels = AUDIO_CHANNELS[rate]
        self._file = (folder / f"audio{rate}.s16").open("wb")
        self._resampler: AudioResampler | None = None

    def restart(self) -> None:
        """The input changes its form: drain and start a new resampler."""
        self._drain()
        self._resampler = AudioResampler("s16", "mono" if self._channels == 1 else "stereo", self.rate)

    def silence(self, until: float) -> None:
        self.restart()
        target = round(until * self.rate)
        if target > self.count:
            self._file.seek(target * self._channels * 2)
            self.count = target

    def write(self, frame: av.AudioFrame) -> None:
        assert self._resampler is not None
        pts, frame.pts = frame.pts, None  # the sample count keeps the time, not the resampler
        for part in self._resampler.resample(frame):
            self._append(part)
        frame.pts = pts

    def flush(self) -> None:
        self._file.flush()

    def finish(self) -> None:
        self._drain()
        self._file.flush()
        self._file.truncate(self.count * self._channels * 2)

    def _drain(self) -> None:
        if self._resampler is not None:
            for part in self._resampler.resample(None):
                self._append(part)
        self._resampler = None

    def _append(self, part: av.AudioFrame) -> None:
        samples = np.ascontiguousarray(part.to_ndarray())
        self._file.write(samples.tobytes())
        self.count += part.samples
