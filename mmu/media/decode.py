"""One decode pass over one file: what the worker does inside its limits."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import av

from mmu.media.audio import AudioTrack
from mmu.media.hardware import Device
from mmu.media.still import StillError, read_animation, read_still
from mmu.media.streams import (
    DecodeError,
    alpha_decoder,
    choose,
    explain_unreadable,
    is_cover,
    is_picture,
)
from mmu.media.track import PictureTrack, PixelLimitError

#: Wall seconds between two `state` lines.
STATE_EVERY = 1.0
#: Packets in a row that may fail before the rest is given up.
MAX_FAILURES = 500


class Pass:
    """One decode pass over one file."""

    def __init__(self, request: dict[str, Any], device: Device) -> None:
        self._device = device
        self._context: Any | None = None
        self._path = Path(request["path"])
        self._suffix: str = request["suffix"]
        self._folder = Path(request["folder"])
        self._options: dict[str, Any] = request["options"]
        self._rates = frozenset(request["rates"])
        self._all_pictures: bool = request["pictures"]
        self._errors: dict[str, str] = {}
        self._decoder: Any | None = None
        self._facts: dict[str, Any] = {"container": "", "still": False, "video": None, "audio": None}
        self._picture: PictureTrack | None = None
        self._sound: AudioTrack | None = None
        self._reported = time.monotonic()

    def run(self) -> None:
        """Decode everything; the last thing said is a final `state`.

        Raises:
            DecodeError: nothing of the file can be decoded.
        """
        try:
            if not self._try_still() and not self._try_animation():
                with (
                    self._path.open("rb") as file,
                    self._device.open(file, self._suffix) as container,
                ):
                    self._decode(container)
        except (MemoryError, av.error.MemoryError) as exc:
            if not self._has_data():
                raise DecodeError("out_of_memory", "decoding needs more memory than allowed") from exc
            self._note("out_of_memory", "decoding stopped: it needs more memory than allowed")
        except (av.error.FFmpegError, ValueError) as exc:
            # From the converters: what decodes without complaint may still be unusable.
            if not self._has_data():
                raise DecodeError("undecodable", f"the contents cannot be converted: {exc}") from exc
            self._note("corrupt_data", f"decoding stopped part-way: {exc}")
        if not self._has_data():
            raise self._nothing()
        self._state(final=True)

    def _try_still(self) -> bool:
        try:
            still = read_still(self._path, self._options["max_pixels"])
        except StillError as exc:
            raise DecodeError(exc.code, str(exc)) from exc
        if still is None:
            return False
        self._picture = PictureTrack(self._folder, self._options, None)
        height, width = still.image.shape[:2]
        source = {"width": width, "height": height, "rotation": still.rotation, "pixel_format": still.mode}
        self._picture.push_still(still.image, source)
        self._facts.update(container=still.codec, still=True, video={"codec": still.codec})
        if still.damage:
            self._note("corrupt_data", f"the picture is damaged: {still.damage}")
        self._picture.finish()
        return True

    def _try_animation(self) -> bool:
        """Animated WebP, which FFmpeg does not decode."""
        pictures = read_animation(self._path, self._options["max_pixels"])
        try:
            for image, duration in pictures:
                if self._picture is None:
                    self._picture = PictureTrack(self._folder, self._options, None)
                    self._facts.update(container="webp", video={"codec": "webp"})
                self._picture.push_image(image, duration)
        except StillError as exc:
            if self._picture is None:
                raise DecodeError(exc.code, str(exc)) from exc
            self._note("corrupt_data", str(exc))
        if self._picture is None:
            return False
        self._picture.finish()
        return True

    def _decode(self, container: Any) -> None:
        video, audio = choose(container)
        self._facts["container"] = container.format.name
        if container.duration is not None:
            self._facts["container_duration"] = container.duration / av.time_base
        if video is not None:
            video = self._open_video(video, alone=audio is None)
        if audio is not None:
            context = audio.codec_context
            self._sound = AudioTrack(self._folder, self._rates)
            self._facts["audio"] = {
                "codec": context.name,
                "sample_rate": context.sample_rate,
                "channels": context.channels,
            }
        chosen = [s for s in (video, audio) if s is not None]
        if chosen:
            self._demux(container, chosen)
        if self._picture is not None:
            self._picture.finish()
        if self._sound is not None:
            self._sound.finish()
        elif self._picture is not None and self._picture.decoded == 1 and is_picture(container):
            self._facts["still"] = True
            self._picture.end = self._picture.first or 0.0

    def _open_video(self, stream: Any, *, alone: bool) -> Any | None:
        context = stream.codec_context
        limit = self._options["max_pixels"]
        if context.width * context.height > limit:
            error = PixelLimitError(context.width, context.height, limit)
            if alone:
                raise DecodeError("too_many_pixels", str(error))
            self._note("too_many_pixels", str(error))
            return None
        self._decoder = alpha_decoder(stream)
        context = self._decoder or context
        self._context = context
        context.thread_count = self._options["threads"]
        if self._options["keyframes_only"]:
            context.skip_frame = "NONKEY"
        rate = stream.average_rate or stream.guessed_rate
        ratio = stream.sample_aspect_ratio
        self._facts["video"] = {
            "codec": stream.codec_context.name,
            "fps": None if not rate else float(rate),
            "sample_aspect_ratio": f"{ratio.numerator}:{ratio.denominator}" if ratio else "1:1",
            "cover": is_cover(stream),
        }
        self._picture = PictureTrack(self._folder, self._options, float(rate) if rate else None)
        return stream

    def _demux(self, container: Any, streams: list[Any]) -> None:
        failures = 0
        packets = container.demux(streams)
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except av.error.FFmpegError as exc:
                self._note("read_error", f"the file could not be read to its end ({exc.strerror})")
                return
            if packet.stream.type == "video" and self._seen_enough():
                continue
            if packet.is_corrupt and packet.size:
                self._note("truncated", "a piece of the file is missing or damaged")
            try:
                own = self._decoder if packet.stream.type == "video" else None
                frames = packet.decode() if own is None else own.decode(packet)
                failures = 0
            except (MemoryError, av.error.MemoryError):
                raise
            except (av.error.FFmpegError, ValueError) as exc:
                failures += 1
                reason = getattr(exc, "strerror", None) or str(exc)
                self._note("corrupt_data", f"a piece of the {packet.stream.type} cannot be decoded: {reason}")
                if failures >= MAX_FAILURES:
                    return
                continue
            if not self._take(frames):
                return
            if time.monotonic() - self._reported > STATE_EVERY:
                self._state(final=False)

    def _take(self, frames: list[Any]) -> bool:
        """Pass frames on; False when the time limit of the options is reached."""
        longest = self._options["max_seconds"]
        start = self._start()
        limit = None if longest is None or start is None else start + longest
        for frame in frames:
            if isinstance(frame, av.AudioFrame):
                assert self._sound is not None
                self._sound.push(frame, limit)
                continue
            if limit is not None and frame.time is not None and frame.time >= limit:
                self._note("max_seconds", f"only the first {longest:g} seconds were asked for")
                return False
            assert self._picture is not None
            try:
                self._picture.push(self._device.frame(frame))
            except PixelLimitError as exc:
                self._note("too_many_pixels", str(exc))
                return False
        if self._picture is None and limit is not None and self._sound is not None:
            assert self._sound.start is not None
            if self._sound.start + self._sound.seconds >= limit - 0.05:
                self._note("max_seconds", f"only the first {longest:g} seconds were asked for")
                return False
        return True

    def _seen_enough(self) -> bool:
        """Where only the sound is wanted, one picture tells when the video begins."""
        return (
            not self._all_pictures
            and self._sound is not None
            and bool(self._picture and self._picture.decoded)
        )

    def _start(self) -> float | None:
        starts = (
            None if self._picture is None else self._picture.first,
            None if self._sound is None else self._sound.start,
        )
        return min((start for start in starts if start is not None), default=None)

    def _note(self, code: str, message: str) -> None:
        self._errors.setdefault(code, message)

    def _has_data(self) -> bool:
        pictures = self._picture is not None and self._picture.decoded > 0
        return pictures or (self._sound is not None and self._sound.seconds > 0)

    def _nothing(self) -> DecodeError:
        for code in ("too_many_pixels", "out_of_memory", "corrupt_data", "truncated", "read_error"):
            if code in self._errors:
                return DecodeError(code, f"nothing in the file can be decoded: {self._errors[code]}")
        if self._facts["video"] is None and self._facts["audio"] is None:
            with self._path.open("rb") as file:
                code, message = explain_unreadable(file.read(4096), self._suffix)
            if code == "not_media":
                return DecodeError(code, message)
            return DecodeError("no_streams", "the file has neither video nor audio in it")
        if self._facts["video"] is None:
            return DecodeError("no_samples", "the sound file is empty: no audio samples in it")
        return DecodeError("no_frames", "the file is empty: no video frame or audio sample in it")

    def _state(self, *, final: bool) -> None:
        facts = dict(self._facts)
        state: dict[str, Any] = {"event": "state", "final": final}
        picture, sound = self._picture, self._sound
        facts["video"] = facts["audio"] = None
        if picture is not None and picture.decoded:
            picture.flush()
            facts["video"] = {
                **self._facts["video"],
                **picture.source,
                "frames_decoded": picture.decoded,
            }
            state["pictures"] = {
                "start": picture.first,
                "end": picture.end,
                "size": picture.size,
                "samples": picture.samples(),
                "rows": picture.rows,
                "cuts": picture.cuts,
            }
            if picture.damaged:
                self._note("damaged_frames", f"{picture.damaged} of {picture.decoded} frames are damaged")
        if sound is not None and sound.seconds > 0:
            sound.flush()
            facts["audio"] = {**self._facts["audio"], "seconds": sound.seconds}
            state["sound"] = {
                "start": sound.start,
                "end": (sound.start or 0.0) + sound.seconds,
                "counts": sound.counts(),
            }
        state["facts"] = facts
        state["errors"] = sorted(self._errors.items())
        facts["notes"] = []
        if self._context is not None and facts["video"] is not None:
            facts["notes"] = self._device.notes(self._context)
        say(state)
        if picture is not None:
            picture.sampler.release()
        self._reported = time.monotonic()


def say(event: dict[str, Any]) -> None:
    """Write one event to standard output."""
    sys.stdout.write(json.dumps(event) + "\n")
    sys.stdout.flush()
