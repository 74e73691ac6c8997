"""Clips for the speed harness, made from the packaged sample media."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import av
import cv2
import numpy as np
import soundfile

from mmu.sample import MODEL
from models.store import Store


def loop_clip(source: Path, target: Path, *, seconds: float) -> Path:
    """Repeat a clip to a length by copying its packets: long, and made in seconds.

    Args:
        source: clip with one video and at most one audio stream.
        target: where to, in the same container.
        seconds: the copy is at least so long.
    """
    length = _length(source)
    with av.open(str(target), "w") as out:
        with av.open(str(source)) as first:
            kinds = {stream.index: out.add_stream_from_template(stream) for stream in first.streams}
        for turn in range(int(-(-seconds // length))):
            with av.open(str(source)) as again:
                for packet in again.demux():
                    if packet.dts is None or packet.pts is None:
                        continue
                    shift = round(turn * length / packet.time_base)
                    packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                    packet.stream = kinds[packet.stream.index]
                    out.mux(packet)
    return target


def write_sparse(target: Path, *, seconds: float, events: Sequence[float]) -> Path:
    """A long clip in which little happens: cheap to analyse, however long.

    Grey and silent, but for somebody who shows and speaks under a caption for about four seconds from each
    of the `events` on. 640 x 360 at two pictures a second, from the packaged sample media.
    """
    store = Store()
    picture = cv2.resize(np.asarray(cv2.imread(str(store.file(MODEL, "astronaut.png")))), (360, 360))
    face = np.full((360, 640, 3), 128, np.uint8)
    face[:, 140:500] = picture
    cv2.putText(face, "SHE SPEAKS", (170, 340), cv2.FONT_HERSHEY_SIMPLEX, 1.6, (255, 255, 255), 4)
    grey = np.full((360, 640, 3), 128, np.uint8)
    voice, rate = soundfile.read(store.file(MODEL, "speech_1.wav"), dtype="int16")
    sound = np.zeros(round(seconds * rate), np.int16)
    for start in events:
        part = sound[round(start * rate) :][: len(voice)]
        part[:] = voice[: len(part)]
    with av.open(str(target), "w") as media:
        pictures = media.add_stream("libx264", rate=2, options={"preset": "ultrafast"})
        pictures.width, pictures.height, pictures.pix_fmt = 640, 360, "yuv420p"
        audio = media.add_stream("aac", rate=rate, layout="mono")
        for number in range(round(seconds * 2)):
            seen = any(start <= number / 2 < start + 4 for start in events)
            frame = av.VideoFrame.from_ndarray(face if seen else grey, "bgr24")
            media.mux(pictures.encode(frame))
        media.mux(pictures.encode(None))
        for start in range(0, len(sound), 1024):
            block = av.AudioFrame.from_ndarray(sound[None, start : start + 1024], format="s16", layout="mono")
            block.rate, block.pts = rate, start
            media.mux(audio.encode(block))
        media.mux(audio.encode(None))
    return target


def _length(source: Path) -> float:
    """Seconds from the first decoding time to the end of the last packet, so that copies do not overlap."""
    starts, ends = [], []
    with av.open(str(source)) as container:
        for packet in container.demux():
            if packet.dts is not None and packet.pts is not None:
                last = max(packet.dts, packet.pts) + (packet.duration or 0)
                starts.append(float(packet.dts * packet.time_base))
                ends.append(float(last * packet.time_base))
    return max(ends) - min(starts)
