"""A sample video, composed from packaged real media: `python -m mmu.sample OUT.mp4`.

Two photographs of people and animals, street footage, real English speech
(CMU ARCTIC), Chinese and English captions, and a synthesised tune. The media
are the entry `sample-media` of the weights manifest (`mmu models pull --profile sample`).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import cycle
from pathlib import Path

import av
import cv2
import numpy as np
import soundfile
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from mmu.errors import USER_ERRORS
from models.store import Store

WIDTH, HEIGHT, FPS, RATE = 1280, 720, 25, 44100
MODEL = "sample-media"
Picture = NDArray[np.uint8]
Sound = NDArray[np.float32]
#: parts of a picture that are drawn over: rows, columns, and RGBA there
Overlay = list[tuple[slice, slice, NDArray[np.uint8]]]


@dataclass(frozen=True, slots=True)
class Scene:
    """One shot: a photograph slowly zoomed, or footage; with captions and maybe a voice."""

    media: str
    seconds: float
    chinese: str
    english: str
    voice: str | None = None
    title: str | None = None


SCENES = (
    Scene("astronaut.png", 6.0, "她是一名宇航员", "She is an astronaut", "speech_1.wav", "宇航员的一天"),
    Scene("bikes.mp4", 7.0, "城市街道上的自行车", "Bicycles in the city street", "speech_2.wav"),
    Scene("cat.png", 5.0, "家里的猫咪在等她", "Her cat is waiting at home", "speech_1.wav"),
    Scene("coffee.png", 5.0, "来一杯热咖啡", "Time for a cup of coffee"),
)


def write_sample(path: Path, *, seconds: float | None = None, store: Store | None = None) -> Path:
    """Compose the sample as H.264 and AAC in MP4, 1280 × 720.

    Args:
        path: where to; its folder is made.
        seconds: length (default: 23); shots repeat to fill it, or shorten in proportion.
        store: where the media are.

    Raises:
        ModelError: the media have not been pulled.
    """
    store = store or Store()
    path.parent.mkdir(parents=True, exist_ok=True)
    scenes = _scenes(seconds)
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=FPS, options={"preset": "veryfast", "crf": "20"})
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        audio = container.add_stream("aac", rate=RATE, layout="stereo")
        for number, picture in enumerate(_pictures(store, scenes)):
            frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            container.mux(video.encode(frame))
        container.mux(video.encode())
        samples = _sound(store, scenes)
        for start in range(0, len(samples), 1024):
            block = np.ascontiguousarray(samples[start : start + 1024].T)
            sound = av.AudioFrame.from_ndarray(block, format="fltp", layout="stereo")
            sound.rate, sound.pts, sound.time_base = RATE, start, Fraction(1, RATE)
            container.mux(audio.encode(sound))
        container.mux(audio.encode())
    return path


def _scenes(seconds: float | None) -> list[Scene]:
    once = sum(scene.seconds for scene in SCENES)
    if seconds is None or seconds <= once:
        factor = 1.0 if seconds is None else seconds / once
        return [replace(scene, seconds=scene.seconds * factor) for scene in SCENES]
    scenes: list[Scene] = []
    left = seconds
    for scene in cycle(SCENES):
        scenes.append(replace(scene, seconds=min(scene.seconds, left)))
        left -= scene.seconds
        if left <= 0:
            break
    return scenes


def _pictures(store: Store, scenes: Sequence[Scene]) -> Iterator[Picture]:
    font = str(store.file(MODEL, "font.otf"))
    for scene in scenes:
        count = round(scene.seconds * FPS)
        caption = _caption(scene, font)
        media = store.file(MODEL, scene.media)
        frames = _footage(media, count) if scene.media.endswith(".mp4") else _zoom(media, count)
        for picture in frames:
            yield _over(picture, caption)


def _zoom(path: Path, count: int) -> Iterator[Picture]:
    photo = np.asarray(cv2.imread(str(path), cv2.IMREAD_COLOR), dtype=np.uint8)
    height, width = photo.shape[:2]
    for number in range(count):
        scale = 1.0 - 0.15 * number / max(1, count)
        crop_width = min(width, height * WIDTH / HEIGHT) * scale
        crop_height = crop_width * HEIGHT / WIDTH
        # The upper part is kept in view: that is where faces are.
        x, y = (width - crop_width) / 2, (height - crop_height) * 0.12
        crop = photo[int(y) : int(y + crop_height), int(x) : int(x + crop_width)]
        yield np.asarray(cv2.resize(crop, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC), dtype=np.uint8)


def _footage(path: Path, count: int) -> Iterator[Picture]:
    with av.open(str(path)) as container:
        for number, frame in enumerate(container.decode(video=0)):
            if number >= count:
                return
            image = frame.to_ndarray(format="bgr24")
            side = min(image.shape[0] * WIDTH / HEIGHT, image.shape[1])
            left = int((image.shape[1] - side) / 2)
            crop = image[:, left : left + int(side)]
            yield np.asarray(cv2.resize(crop, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC), dtype=np.uint8)


def _caption(scene: Scene, font: str) -> Overlay:
    """Subtitles below, the title above."""
    overlay = Image.new("RGBA", (WIDTH, HEIGHT))
    draw = ImageDraw.Draw(overlay)
    rows = [(scene.chinese, 48, 590), (scene.english, 34, 652)]
    if scene.title:
        rows.append((scene.title, 72, 24))
    for text, size, y in rows:
        face = ImageFont.truetype(font, size)
        x = (WIDTH - draw.textlength(text, font=face)) / 2
        draw.text((x, y), text, font=face, fill="white", stroke_width=3, stroke_fill="black")
    drawn = np.asarray(overlay, dtype=np.uint8)
    lines = np.flatnonzero(drawn[..., 3].any(axis=1))
    parts: Overlay = []
    for run in np.split(lines, np.flatnonzero(np.diff(lines) > 1) + 1):
        high = slice(int(run[0]), int(run[-1]) + 1)
        across = np.flatnonzero(drawn[high, :, 3].any(axis=0))
        wide = slice(int(across[0]), int(across[-1]) + 1)
        parts.append((high, wide, drawn[high, wide]))
    return parts


def _over(picture: Picture, overlay: Overlay) -> Picture:
    """The picture itself, drawn over."""
    for high, wide, drawn in overlay:
        alpha = drawn[..., 3:].astype(np.uint16)
        mixed = picture[high, wide] * (255 - alpha) + drawn[..., 2::-1] * alpha
        picture[high, wide] = mixed // 255
    return picture


def _sound(store: Store, scenes: Sequence[Scene]) -> Sound:
    total = round(sum(scene.seconds for scene in scenes) * RATE)
    mix = 0.12 * _tune(total)
    start = 0
    for scene in scenes:
        length = round(scene.seconds * RATE)
        if scene.voice:
            voice = _resampled(store.file(MODEL, scene.voice))[: max(0, length - RATE // 4)]
            place = start + RATE // 4
            mix[place : place + len(voice)] *= 0.25
            mix[place : place + len(voice)] += voice[: max(0, total - place)]
        start += length
    return np.stack([mix, mix], axis=1).clip(-1, 1)


def _resampled(path: Path) -> Sound:
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    mono = samples.mean(axis=1)
    times = np.arange(0, len(mono), rate / RATE)
    voice = np.interp(times, np.arange(len(mono)), mono)
    return np.asarray(voice / max(1e-6, float(np.abs(voice).max())) * 0.7, dtype=np.float32)


def _tune(length: int) -> Sound:
    """A plucked tune in C major at 120 beats a minute over a bass drum."""
    beat = RATE // 2
    out = np.zeros(length + 2 * beat, np.float32)
    chords = ((60, 64, 67), (57, 60, 64), (65, 69, 72), (67, 71, 74))
    decay = np.exp(-np.arange(2 * beat) / (0.35 * RATE)).astype(np.float32)
    for number, start in enumerate(range(0, length, beat)):
        chord = chords[number // 4 % 4]
        for note in (chord[0] - 12, chord[number % 3], chord[(number + 1) % 3] + 12 * (number % 2)):
            out[start : start + 2 * beat] += decay * _pluck(440 * 2 ** ((note - 69) / 12), 2 * beat)
        time = np.arange(beat) / RATE
        kick = np.sin(2 * np.pi * 55 * time * np.exp(-6 * time)) * np.exp(-12 * time)
        out[start : start + beat] += 1.5 * kick.astype(np.float32)
    return out[:length] / float(np.abs(out).max() or 1.0) * 4


def _pluck(frequency: float, length: int) -> Sound:
    phase = 2 * np.pi * frequency * np.arange(length) / RATE
    partials = np.stack([np.sin(n * phase) / n**1.5 for n in range(1, 6)])
    return np.asarray(partials.sum(axis=0), dtype=np.float32)


def main(argv: Sequence[str] | None = None) -> int:
    """Write the sample; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m mmu.sample", description="Write the sample video.")
    parser.add_argument("path", type=Path, metavar="OUT.mp4")
    parser.add_argument("--seconds", type=float, help="length (default: 23)")
    args = parser.parse_args(argv)
    try:
        print(write_sample(args.path, seconds=args.seconds))
    except USER_ERRORS as error:
        print(f"sample: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
