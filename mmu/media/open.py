"""`open_clip`: any path, URI or file object to a decoded `Clip`."""

from __future__ import annotations

import hashlib
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from mmu.errors import MediaError
from mmu.media.clip import Clip
from mmu.media.dense import COLUMNS, Dense
from mmu.media.options import DecodeOptions, check_rates
from mmu.media.process import WorkerResult, run_worker
from mmu.media.scratch import new_folder
from mmu.media.spool import ArrayPictures, Pictures, SpoolPictures, SpoolSound
from mmu.media.uri import Local, Source, resolve
from mmu.outcome import ErrorItem
from mmu.report.schema import AudioStream, MediaFacts, VideoStream


class ClipError(MediaError):
    """A file of which nothing can be decoded; `sha256` of its bytes, empty when they were not read."""

    def __init__(self, message: str, *, code: str, sha256: str = "") -> None:
        super().__init__(message, code=code)
        self.sha256 = sha256


def open_clip(
    source: Source,
    *,
    options: DecodeOptions | None = None,
    audio_rates: frozenset[int] = frozenset({16000, 44100}),
    pictures: bool = True,
    on_progress: Callable[[float], None] | None = None,
) -> Clip:
    """Decode a video, sound or picture once, in a worker process with limits.

    Args:
        source: a path, a `file:`, `http(s):` or fsspec URI, or a binary file object.
        options: sampling and limits; the defaults suit videos of any length.
        audio_rates: which of 16000 (mono) and 44100 (stereo) are wanted.
        pictures: False to decode only the sound of a video that has any, on the same clock.
        on_progress: called about once a second with the seconds decoded so far.

    Raises:
        MediaError: nothing can be decoded; `code` says why, the message is a sentence.
        ConfigError: an audio rate that is not offered.
    """
    options = options or DecodeOptions()
    check_rates(audio_rates)
    folder = new_folder(options.temp_dir)
    try:
        local = resolve(source, options, folder)
        digest = _Digest(local.path)
        request = {
            "path": str(local.path.absolute()),
            "suffix": local.suffix,
            "folder": str(folder),
            "options": options.to_json(),
            "rates": sorted(audio_rates),
            "pictures": pictures,
        }
        result = run_worker(
            request,
            wall_seconds=options.wall_seconds,
            stall_seconds=options.stall_seconds,
            on_progress=on_progress,
        )
        sha256 = digest.result()
        state = result.state
        if state is None or not ("pictures" in state or "sound" in state):
            code, message = result.error or ("undecodable", "nothing in the file can be decoded")
            raise ClipError(f"{local.uri}: {message}", code=code, sha256=sha256)
        return _clip(local, sha256, folder, result, state)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _clip(local: Local, sha256: str, folder: Path, result: WorkerResult, state: dict[str, Any]) -> Clip:
    seen, heard = state.get("pictures"), state.get("sound")
    parts = [part for part in (seen, heard) if part is not None]
    origin = min(part["start"] for part in parts)
    end = max(part["end"] for part in parts)
    facts = _facts(local, state, origin, end)
    pictures: Pictures = ArrayPictures([])
    samples = np.zeros((0, 3))
    dense = Dense.from_rows(np.zeros((0, len(COLUMNS))))
    cuts = np.zeros(0)
    scale = 1.0
    if seen is not None and facts.video is not None:
        samples = np.array(seen["samples"], np.float64).reshape(-1, 3)
        width, height = seen["size"]
        pictures = SpoolPictures(folder / "frames.bgr", (width, height), [int(s) for s in samples[:, 1]])
        rows = np.fromfile(folder / "dense.f64", np.float64, count=seen["rows"] * len(COLUMNS))
        dense = Dense.from_rows(rows, origin)
        cuts = np.array(seen["cuts"], np.float64) - origin
        scale = max(facts.video.width, facts.video.height) / max(width, height)
    counts = {} if heard is None else {int(rate): int(n) for rate, n in heard["counts"].items()}
    sound = SpoolSound(folder, 0.0 if heard is None else heard["start"] - origin, counts)
    return Clip(
        facts=facts,
        sha256=sha256,
        path=local.path,
        times=samples[:, 0] - origin,
        change=samples[:, 2].astype(np.float32),
        dense=dense,
        cuts=cuts,
        scale=scale,
        pictures=pictures,
        sound=sound,
        errors=_errors(result, state),
        cleanup=lambda: shutil.rmtree(folder, ignore_errors=True),
    )


def _facts(local: Local, state: dict[str, Any], origin: float, end: float) -> MediaFacts:
    facts = state["facts"]
    video, audio = facts["video"], facts["audio"]
    if video is not None:
        video = VideoStream(**{key: value for key, value in video.items() if key != "cover"})
    return MediaFacts(
        uri=local.uri,
        bytes=local.size,
        container=facts["container"],
        still=facts["still"],
        duration=max(0.0, end - origin),
        container_duration=facts.get("container_duration"),
        start=origin,
        video=video,
        audio=None if audio is None else AudioStream(**audio),
        frames_sampled=len(state["pictures"]["samples"]) if "pictures" in state else 0,
        notes=facts["notes"],
    )


def _errors(result: WorkerResult, state: dict[str, Any]) -> list[ErrorItem]:
    found = dict(state["errors"])
    for code, message in result.logged.items():
        found.setdefault(code, message)
    if result.error is not None:
        found[result.error[0]] = result.error[1]
    return [ErrorItem(where="media", code=code, message=message) for code, message in found.items()]


class _Digest:
    """SHA-256 of a file, computed beside the decoding."""

    def __init__(self, path: Path) -> None:
        self._hex = ""
        self._thread = threading.Thread(target=self._work, args=(path,), daemon=True)
        self._thread.start()

    def result(self) -> str:
        self._thread.join()
        return self._hex

    def _work(self, path: Path) -> None:
        try:
            with path.open("rb") as file:
                self._hex = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError:
            self._hex = ""
