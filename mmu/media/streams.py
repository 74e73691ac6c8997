"""Opening a container and choosing its streams, in the decode worker."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, BinaryIO

import av
from av.codec.hwaccel import HWAccel
from av.stream import Disposition


class DecodeError(Exception):
    """Why a file cannot be decoded at all: a stable `code` and a sentence for a person."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class _Input:
    """A file under a harmless name: demuxers see its ending, never the user's path or a pattern."""

    def __init__(self, file: BinaryIO, suffix: str) -> None:
        self.read = file.read
        self.seek = file.seek
        self.tell = file.tell
        self.name = "input" + (suffix if re.fullmatch(r"\.[A-Za-z0-9]{1,8}", suffix) else "")


def open_container(file: BinaryIO, suffix: str, accelerator: HWAccel | None = None) -> Any:
    """Open a file for demuxing; nothing it refers to (playlists, external tracks) is opened.

    `accelerator` decodes the video streams that it can.

    Raises:
        DecodeError: no known container.
    """
    try:
        return av.open(
            _Input(file, suffix),
            mode="r",
            metadata_errors="ignore",
            options={"protocol_whitelist": "none"},
            hwaccel=accelerator,
        )
    except av.error.MemoryError as exc:
        raise DecodeError("out_of_memory", "opening the file needs more memory than allowed") from exc
    except (av.error.FFmpegError, ValueError, UnicodeError) as exc:
        file.seek(0)
        raise DecodeError(*explain_unreadable(file.read(4096), suffix)) from exc


def explain_unreadable(head: bytes, suffix: str) -> tuple[str, str]:
    """(code, sentence) for a file that no demuxer accepts, from its first bytes."""
    if _is_text(head):
        return "not_media", "this is a text file, not a video, sound or picture (unsupported)"
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
        return (
            "truncated",
            "the file is an MP4/MOV without a usable index (moov): it was cut off or is invalid",
        )
    if head.startswith((b"\x1a\x45\xdf\xa3", b"RIFF", b"OggS", b"FLV", b"\x89PNG", b"\xff\xd8", b"GIF8")):
        return "truncated", "the file begins like a media file, but its contents are invalid or cut off"
    return "not_media", f"this is not a media file that can be read (invalid data, name ends in {suffix!r})"


def choose(container: Any) -> tuple[Any | None, Any | None]:
    """The best video and audio stream, or None where there is none.

    Video: real pictures before attached covers, default streams before others,
    then the largest. Audio: what FFmpeg prefers beside that video.
    """
    videos = [s for s in container.streams.video if s.codec_context is not None]
    video = max(videos, key=_video_rank, default=None)
    audios = [s for s in container.streams.audio if s.codec_context is not None]
    audio = max(audios, key=_audio_rank, default=None)
    return video, audio


def is_cover(stream: Any) -> bool:
    """Whether the stream is an attached picture (a record's cover)."""
    return bool(stream.disposition & Disposition.attached_pic)


def is_picture(container: Any) -> bool:
    """Whether the container is a format for pictures (of which some can move)."""
    name = container.format.name
    return name.endswith("_pipe") or name in ("gif", "apng", "image2", "ico")


def alpha_decoder(stream: Any) -> Any | None:
    """A decoder that also reads the transparency of VP8 and VP9 in WebM; None where it is not needed."""
    name = {"vp8": "libvpx", "vp9": "libvpx-vp9"}.get(stream.codec_context.name)
    if name is None or stream.metadata.get("alpha_mode") != "1" or name not in av.codecs_available:
        return None
    return av.CodecContext.create(name, "r")


def _video_rank(stream: Any) -> tuple[bool, bool, bool, int, int]:
    context = stream.codec_context
    area = (context.width or 0) * (context.height or 0)
    default = bool(stream.disposition & Disposition.default)
    # A single picture beside a moving one is a poster.
    return not is_cover(stream), stream.frames != 1, default, area, -stream.index


def _audio_rank(stream: Any) -> tuple[bool, bool, int, int]:
    described = bool(stream.disposition & (Disposition.visual_impaired | Disposition.comment))
    default = bool(stream.disposition & Disposition.default)
    return not described, default, stream.codec_context.channels or 0, -stream.index


def _is_text(head: bytes) -> bool:
    if not head or b"\0" in head:
        return False
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as exc:
        if exc.start < len(head) - 4:
            return False
        text = head[: exc.start].decode("utf-8")
    printable = sum(c.isprintable() or c in "\r\n\t\f" for c in text)
    return bool(text) and printable / len(text) > 0.97


def suffix_of(name: str) -> str:
    """The ending of a file name or of the path of a URI, with its dot."""
    return Path(name.split("?")[0].split("#")[0]).suffix
