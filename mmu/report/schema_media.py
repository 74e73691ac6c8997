"""The parts of a report that hold what the file is and what is written in its pictures."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from mmu.report.schema_base import Model, Score


class VideoStream(Model):
    """The picture stream that was analysed."""

    codec: str = Field(description="name of the codec, e.g. `h264`")
    width: int = Field(description="display width in stored pixels, after rotation")
    height: int = Field(description="display height in stored pixels, after rotation")
    rotation: Literal[0, 90, 180, 270] = Field(
        0, description="clockwise degrees applied to turn the stored picture upright"
    )
    fps: float | None = Field(None, description="average frame rate, pictures per second")
    sample_aspect_ratio: str = Field("1:1", description="width:height of one stored pixel")
    pixel_format: str = Field(
        "", description="layout of the stored pixels in FFmpeg's words, e.g. `yuv420p`; empty: unknown"
    )
    bit_depth: int = Field(8, description="bits of one colour component")
    hdr: bool = Field(
        False, description="whether the transfer curve is one of high dynamic range (PQ or HLG)"
    )
    frames_decoded: int = Field(0, description="pictures that were decoded, 0 or more")


class AudioStream(Model):
    """The sound stream that was analysed."""

    codec: str = Field(description="name of the codec, e.g. `aac`")
    sample_rate: int = Field(description="samples per second of one channel, Hz")
    channels: int = Field(description="number of channels")
    seconds: float = Field(0.0, description="length of the decoded sound, seconds")


class MediaFacts(Model):
    """What the file is, as found by decoding it and not only by its header."""

    uri: str = Field(description="path or URL of the file as it was given")
    bytes: int = Field(description="size of the file, bytes")
    container: str = Field(description="name of the container format, e.g. `mov,mp4,m4a,3gp,3g2,mj2`")
    still: bool = Field(False, description="a single still picture")
    duration: float = Field(description="end of the last decodable frame or sample, seconds from the first")
    container_duration: float | None = Field(
        None, description="length that the header claims, seconds; null: it claims none"
    )
    start: float = Field(0.0, description="first timestamp in the container's own time, seconds")
    video: VideoStream | None = Field(None, description="the picture stream; null without one")
    audio: AudioStream | None = Field(None, description="the sound stream; null without one")
    frames_sampled: int = Field(0, description="pictures kept for the stages to look at, 0 or more")
    notes: list[str] = Field(default_factory=list, description="what happened in decoding that is no error")

    @property
    def frame(self) -> tuple[int, int] | None:
        """Width and height of the picture in pixels; None without one."""
        return (self.video.width, self.video.height) if self.video else None


class TextLine(Model):
    """One line of text in the picture, joined over time."""

    start: float = Field(description="first moment it is seen, seconds")
    end: float = Field(description="moment after which it is gone, seconds")
    text: str = Field(description="the text as read")
    role: Literal["subtitle", "title", "overlay", "watermark", "scene"] = Field(
        description="what the line is for; `scene`: written on something that was filmed"
    )
    score: Score | None = Field(None, description="confidence of the reading, 0 to 1")
    box: tuple[float, float, float, float] | None = Field(
        None, description="[x, y, w, h] in pixels of the upright source frame; null: unknown"
    )
    signal: str = Field(description="id of the signal it comes from (`signals`)")


class Originality(Model):
    """Perceptual hashes of the frames in time, for copy detection."""

    algorithm: str = Field(description="how the hashes were made, name and version")
    frames: list[tuple[float, str]] = Field(
        default_factory=list, description="[time in seconds, hash in hexadecimal] of frames, in order of time"
    )
