"""Media in: any file or URI to a `Clip` that all stages share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mmu.media.clip import AudioWindow, Clip, Frame
    from mmu.media.dense import Dense
    from mmu.media.open import ClipError, open_clip
    from mmu.media.options import DecodeOptions

__all__ = ["AudioWindow", "Clip", "ClipError", "DecodeOptions", "Dense", "Frame", "open_clip"]

_HOMES = {
    "AudioWindow": "clip",
    "Clip": "clip",
    "ClipError": "open",
    "DecodeOptions": "options",
    "Dense": "dense",
    "Frame": "clip",
    "open_clip": "open",
}


def __getattr__(name: str) -> Any:
    # Late, because the decode worker is part of this package and must start quickly.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
