"""What a caller may choose about decoding, checked when it is chosen."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from typing import Any, Literal, get_args

#: Sampling rates a clip can offer: mono for speech, stereo for music.
AUDIO_CHANNELS = {16000: 1, 44100: 2}

#: How a device for decoding is written.
DEVICES = r"^(auto|cpu|cuda(:\d+)?)$"
_PrivateHosts = Literal["direct", "never", "always"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodeOptions:
    """Sampling density and the limits that a hostile file runs into.

    Raises:
        ConfigError: a value outside its range; the message names the range.
    """

    interval: float = 0.5
    """Seconds between two sampled frames of a quiet picture (0.04 to 60)."""

    min_gap: float = 0.2
    """Least seconds between two sampled frames, however much the picture changes (0 to 60)."""

    change: float = 0.08
    """Mean grey difference (0 to 1) to the last sampled frame that asks for a new one."""

    max_frames: int = 600
    """Most frames kept; a longer video is covered evenly by a wider interval (2 to 20000)."""

    max_side: int = 1280
    """Longest side of a sampled frame in pixels; larger pictures are scaled down (64 to 8192)."""

    keyframes_only: bool = False
    """Decode only the keyframes of the video: 10 to 40 times faster, cuts found less exactly."""

    max_seconds: float | None = None
    """Stop after this much of the video; the clip is then partial. None: to the end."""

    max_pixels: int = 50_000_000
    """Largest picture accepted, width times height, checked before it is decoded (1024 to 400000000)."""

    max_bytes: int = 8 * 2**30
    """Largest file accepted, also while it is being downloaded."""

    memory_mb: int = 3072
    """Address space of the decoding process in MiB (768 to 65536)."""

    wall_seconds: float = 1800.0
    """Longest wall time for one file; what was decoded by then is kept (0.1 to 86400)."""

    stall_seconds: float = 25.0
    """Longest wall time without any progress: a decoder that hangs is stopped (1 to 86400)."""

    cpu_seconds: float = 3600.0
    """Most CPU time of the decoding process (1 to 86400)."""

    threads: int = 1
    """Decoder threads (1 to 64)."""

    device: str = "cpu"
    """Where video is decoded: cpu; cuda or cuda:N (NVDEC; the CPU for codecs that it has not); auto: the
    first GPU, or the CPU. With a GPU `memory_mb` bounds the data of the process, not its address space."""

    private_hosts: _PrivateHosts = "direct"
    """Private networks over http(s): `direct` = only an address the caller names, never a redirect
    to another host; `never`; `always`."""

    temp_dir: str | None = None
    """Folder for the private spool; None: the system's temporary folder."""

    def __post_init__(self) -> None:
        _check("interval", self.interval, 0.04, 60)
        _check("min_gap", self.min_gap, 0, 60)
        _check("change", self.change, 0, 1)
        _check("max_frames", self.max_frames, 2, 20000)
        _check("max_side", self.max_side, 64, 8192)
        if self.max_seconds is not None:
            _check("max_seconds", self.max_seconds, 0.01, 1e7)
        _check("max_pixels", self.max_pixels, 1024, 400_000_000)
        _check("max_bytes", self.max_bytes, 1, 2**50)
        _check("memory_mb", self.memory_mb, 768, 65536)
        _check("wall_seconds", self.wall_seconds, 0.1, 86400)
        _check("stall_seconds", self.stall_seconds, 1, 86400)
        _check("cpu_seconds", self.cpu_seconds, 1, 86400)
        _check("threads", self.threads, 1, 64)
        if not re.match(DEVICES, str(self.device)):
            raise _config_error(f"device={self.device!r}; allowed are auto, cpu, cuda and cuda:N")
        if self.private_hosts not in (choices := get_args(_PrivateHosts)):
            raise _config_error(f"private_hosts={self.private_hosts!r}; allowed are {', '.join(choices)}")

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


def check_rates(rates: frozenset[int]) -> None:
    """Raise `ConfigError` for an audio rate that no clip offers."""
    for rate in rates:
        if rate not in AUDIO_CHANNELS:
            allowed = ", ".join(map(str, AUDIO_CHANNELS))
            raise _config_error(f"audio rate {rate} is not offered; supported rates are {allowed}")


def _check(name: str, value: float, low: float, high: float) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise _config_error(f"{name}={value!r} is outside the allowed range {low:g} to {high:g}")


def _config_error(message: str) -> Exception:
    # Imported late: the decode worker reads this file and must start quickly.
    from mmu.errors import ConfigError

    return ConfigError(message)
