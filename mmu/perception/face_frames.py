"""Face tracks as a stage that looks at single frames wants them: by sampled frame."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from mmu.signals import Box, Signal

if TYPE_CHECKING:
    from mmu.media.clip import Clip


class FaceBoxes:
    """Where the faces of a clip are in its sampled frames, largest first."""

    def __init__(self, tracks: list[Signal], clip: Clip) -> None:
        """Index the `face.track` signals of a clip; boxes are in pixels of the sampled frames."""
        self._by_frame: dict[int, list[tuple[str, Box]]] = {}
        self._tracks = {track.track: track for track in tracks if track.track is not None}
        seen: dict[str, float] = {}
        for name, track in self._tracks.items():
            for time, *values in track.attributes.get("boxes", []):
                index = int(np.argmin(np.abs(clip.times - time)))
                box = Box(*(float(v) for v in values)).scaled(1.0 / clip.scale)
                self._by_frame.setdefault(index, []).append((name, box))
                seen[name] = seen.get(name, 0.0) + box.area
        for boxes in self._by_frame.values():
            boxes.sort(key=lambda one: -one[1].area)
        self._main = max(seen, key=lambda name: seen[name], default=None)

    def frames(self) -> list[int]:
        """Sampled frames with a face."""
        return sorted(self._by_frame)

    def at(self, index: int) -> list[tuple[str, Box]]:
        """(track, box) of the faces in a frame, or in the nearest frame that is at most two away."""
        for distance in (0, 1, 2):
            for near in (index - distance, index + distance):
                if near in self._by_frame:
                    return self._by_frame[near]
        return []

    def track_of_main(self) -> str | None:
        """The face that fills most of the video."""
        return self._main

    def yaw(self, name: str | None) -> float | None:
        """Yaw of a face in degrees, when it was measured."""
        pose = self._tracks[name].attributes.get("head_pose") if name in self._tracks else None
        return float(pose["yaw"]) if pose else None

    def main(self, indices: Iterable[int]) -> dict[int, Box]:
        """Box of the main face in the given frames."""
        return {i: box for i in indices for name, box in self.at(i) if name == self._main}
