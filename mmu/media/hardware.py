"""Decoding video on a GPU (NVDEC) through FFmpeg, with the CPU for what the GPU cannot decode.

Frames are copied back to main memory and unpacked to the layout that the CPU's decoder gives, so that the
same numbers make the same pictures.
"""

from __future__ import annotations

from typing import Any, BinaryIO

import av
from av.codec.hwaccel import HWAccel, hwdevices_available
from av.video.reformatter import VideoReformatter

from mmu.media.streams import DecodeError, open_container

#: layout of a GPU -> the one that holds the same numbers in three planes
_PLANAR = {"nv12": "yuv420p", "p010le": "yuv420p10le", "p012le": "yuv420p12le"}


class Device:
    """Where one file is decoded, and what is to be told of it."""

    def __init__(self, name: str, accelerator: HWAccel | None, note: str = "") -> None:
        #: `cpu` or `cuda:N`
        self.name = name
        #: None for the CPU
        self.accelerator = accelerator
        self._note = note
        self._unpacker = VideoReformatter()

    def open(self, file: BinaryIO, suffix: str) -> Any:
        """Open a container whose video streams are decoded here.

        Raises:
            DecodeError: as `open_container`.
        """
        if self.accelerator is None:
            return open_container(file, suffix)
        try:
            return open_container(file, suffix, self.accelerator)
        except DecodeError:
            # Either it is no media file, or the GPU has no room for another stream.
            file.seek(0)
            container = open_container(file, suffix)
            self._give_up("it took no further stream")
            return container

    def frame(self, frame: av.VideoFrame) -> av.VideoFrame:
        """A decoded frame as the CPU would have given it, times and colours as they were."""
        layout = None if self.accelerator is None else _PLANAR.get(frame.format.name)
        return frame if layout is None else self._unpacker.reformat(frame, format=layout)

    def notes(self, context: Any) -> list[str]:
        """What a report says, from the context of the picture stream once a frame was decoded."""
        if self.accelerator is None:
            return [self._note] if self._note else []
        if context.pix_fmt == "cuda":
            return [f"pictures decoded on {self.name}"]
        return [f"pictures decoded on the CPU: {self.name} cannot decode this {context.name}"]

    def _give_up(self, reason: str) -> None:
        self._note = f"pictures decoded on the CPU: {self.name}: {reason}"
        self.accelerator = None


def find_device(choice: str) -> Device:
    """From an option's words to a device that can be opened.

    Args:
        choice: `cpu`; `cuda`, `cuda:1`; `auto`: the first GPU, or the CPU.

    Raises:
        DecodeError: it was asked for by name and is not there (`no_device`); the message says why.
    """
    kind, _, number = choice.partition(":")
    if kind == "cpu":
        return Device("cpu", None)
    name = f"cuda:{int(number or 0)}"
    accelerator = HWAccel("cuda", device=str(int(number or 0)), allow_software_fallback=True)
    reason = "FFmpeg of this PyAV is built without CUDA"
    if "cuda" in hwdevices_available():
        try:
            accelerator.create(av.Codec("h264", "r"))
        except (av.error.FFmpegError, NotImplementedError):
            reason = "this GPU cannot be opened; it needs an NVIDIA driver with libcuda and libnvcuvid"
        else:
            return Device(name, accelerator)
    if kind == "auto":
        return Device("cpu", None, f"pictures decoded on the CPU: {name}: {reason}")
    raise DecodeError("no_device", f"decode: {name}: {reason}")


def check_device(choice: str) -> None:
    """Raise `ConfigError` when a device that is asked for by name is not there."""
    try:
        find_device(choice)
    except DecodeError as exc:
        from mmu.errors import ConfigError

        raise ConfigError(str(exc)) from exc
