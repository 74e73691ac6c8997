"""How the page gets at the video: inside the page, beside it, or not at all."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from mmu.errors import MediaError
from mmu.report.schema import MediaFacts

#: files up to this size travel inside the page
EMBED_BYTES = 25 * 1024 * 1024

#: codecs that today's browsers play, by the container's media type
_VIDEO_CODECS = {
    "video/mp4": frozenset({"h264", "vp9", "av1"}),
    "video/webm": frozenset({"vp8", "vp9", "av1"}),
    "video/ogg": frozenset({"theora"}),
}


@dataclass(frozen=True, slots=True)
class Playback:
    """What the page's player shows. `payload` is embedded; `url` is referenced; neither: boxes only."""

    kind: Literal["video", "audio", "image", "none"]
    mime: str = ""
    payload: bytes | None = None
    url: str | None = None


def plan_playback(media: MediaFacts | None, path: Path | None, *, base: Path | None = None) -> Playback:
    """Decide from the file's first bytes and its codecs, never from its name.

    Args:
        media: facts of the report; without them the container alone decides.
        path: the local file, or None when there is none to show.
        base: folder the page will lie in; a large file is then referenced relative to it.

    Raises:
        MediaError: `path` cannot be read.
    """
    if path is None:
        return Playback("none")
    kind, mime = playable(media, path)
    size = path.stat().st_size
    if kind == "none":
        return Playback("none")
    if size <= EMBED_BYTES:
        return Playback(kind, mime, payload=path.read_bytes())
    return Playback(kind, mime, url=_reference(path, base))


def playable(media: MediaFacts | None, path: Path) -> tuple[Literal["video", "audio", "image", "none"], str]:
    """What a browser plays a file as, and its media type; by the first bytes and the codecs.

    Raises:
        MediaError: `path` cannot be read.
    """
    try:
        with path.open("rb") as file:
            head = file.read(64)
    except OSError as error:
        reason = error.strerror or error
        raise MediaError(f"cannot read the video {str(path)!r}: {reason}", code="unreadable") from error
    return _playable(media, head)


def _playable(
    media: MediaFacts | None, head: bytes
) -> tuple[Literal["video", "audio", "image", "none"], str]:
    mime = sniff(head)
    family = mime.partition("/")[0]
    if family == "image":
        return "image", mime
    if family == "audio":
        return "audio", mime
    if family != "video":
        return "none", ""
    if media is not None and media.video is None:
        return "audio", mime.replace("video/", "audio/")
    if media is not None and media.video is not None:
        codec, pixels = media.video.codec.lower(), media.video.pixel_format
        if codec not in _VIDEO_CODECS[mime]:
            return "none", ""
        # browsers decode H.264 in 8-bit 4:2:0 only
        if codec == "h264" and pixels not in {"", "yuv420p", "yuvj420p"}:
            return "none", ""
    return "video", mime


def sniff(head: bytes) -> str:
    """Media type from a file's first bytes (at least 64), '' when browsers do not play it."""
    if head[4:8] == b"ftyp":
        if head[8:12] in {b"avif", b"avis"}:
            return "image/avif"
        return "" if head[8:12] in {b"heic", b"heix", b"mif1"} else "video/mp4"
    if head[:4] == b"\x1a\x45\xdf\xa3":
        return "video/webm" if b"webm" in head else ""
    if head[:4] == b"RIFF":
        return {b"WAVE": "audio/wav", b"WEBP": "image/webp"}.get(head[8:12], "")
    if head[:4] == b"OggS":
        return "video/ogg" if b"theora" in head else "audio/ogg"
    if head[:3] == b"ID3":
        return "audio/mpeg"
    for magic, mime in (
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"\xff\xd8\xff", "image/jpeg"),
        (b"GIF8", "image/gif"),
        (b"BM", "image/bmp"),
        (b"fLaC", "audio/flac"),
    ):
        if head.startswith(magic):
            return mime
    if len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0:
        return "audio/aac" if head[1] & 0x06 == 0 else "audio/mpeg"
    return ""


def _reference(path: Path, base: Path | None) -> str:
    path = path.resolve()
    if base is not None and path.anchor == base.resolve().anchor:
        relative = Path(os.path.relpath(path, base.resolve()))
        # "./" keeps a name like "a:b.mp4" from reading as a scheme
        return "./" + quote(relative.as_posix())
    return path.as_uri()
