"""The voice and the accompaniment of a recording as two WAV files."""

from __future__ import annotations

import contextlib
import wave
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mmu.errors import MediaError, StoreError
from mmu.media.clip import Clip
from models.separation import SAMPLE_RATE, Separator

NAMES = ("vocals", "accompaniment")
#: seconds read at once
_WINDOW = 24.0


def write_stems(
    clip: Clip, folder: Path, separator: Separator, *, on_progress: Callable[[float], None] | None = None
) -> tuple[Path, Path]:
    """Write `vocals.wav` and `accompaniment.wav`: 16-bit stereo at 44.1 kHz, as long as the clip's sound.

    Args:
        clip: opened with the audio rate 44100.
        folder: made when it is not there; files of these names are replaced.
        separator: the networks.
        on_progress: called with the seconds written so far.

    Raises:
        MediaError: the clip has no sound.
        StoreError: the folder cannot be written.
    """
    if not clip.has_audio:
        raise MediaError(f"{clip.uri}: has no sound to separate", code="no_audio")
    paths = (folder / f"{NAMES[0]}.wav", folder / f"{NAMES[1]}.wav")
    temporary = [path.with_name(f".{path.name}.part") for path in paths]
    blocks = (window.samples for window in clip.audio_windows(SAMPLE_RATE, seconds=_WINDOW))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with contextlib.ExitStack() as stack:
            for path in temporary:
                stack.callback(path.unlink, missing_ok=True)
            with contextlib.ExitStack() as files:
                outs = [files.enter_context(_wav(path)) for path in temporary]
                written = 0
                for stems in separator.stream(blocks):
                    for out, samples in zip(outs, stems, strict=True):
                        out.writeframes(_pcm(samples))
                    written += len(stems.vocals)
                    if on_progress:
                        on_progress(written / SAMPLE_RATE)
            for part, path in zip(temporary, paths, strict=True):
                part.replace(path)
    except OSError as error:
        raise StoreError(f"cannot write stems to {folder}: {error.strerror}") from error
    return paths


@contextlib.contextmanager
def _wav(path: Path) -> Iterator[wave.Wave_write]:
    with wave.open(str(path), "wb") as out:
        out.setnchannels(2)
        out.setsampwidth(2)
        out.setframerate(SAMPLE_RATE)
        yield out


def _pcm(samples: NDArray[np.float32]) -> bytes:
    return np.round(np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes()
