"""Stage `shots` with camera motion from RAFT's optical flow.

Shots, bars, black and frozen spans are those of the default stage; so is shake, which only the shifts
from one decoded frame to the next can show. Pan, tilt and zoom come from the flow between two sampled
pictures: one similarity is fitted to all places, and what moves by itself is left out as outliers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from mmu.perception.adapted.base import AdaptedStage, AdapterOptions
from mmu.perception.camera import CameraMotion, of_rates, shake_level
from mmu.perception.shots import Shots
from mmu.signals import Signal, SignalSet, Span
from mmu.stage import Cost

if TYPE_CHECKING:
    from mmu.media.clip import Clip
    from models.store import Store
    from models.torch.flow import FlowNet

#: places of the flow, along its longer side, that the similarity is fitted to
_GRID = 32
#: distance from the fit, in shares of the picture, up to which a place moves with the camera
_NEAR = 0.004
#: share of the places that must move together
_AGREE = 0.35


class FlowOptions(AdapterOptions):
    """Options of `torchvision.raft`."""

    batch: int = Field(4, ge=1, le=4096, description="pairs of pictures run at a time")
    side: int = Field(384, ge=128, le=2048, description="long side at which pictures are compared, in pixels")
    updates: int = Field(12, ge=1, le=64, description="steps of refinement")
    max_pairs: int = Field(24, ge=1, description="pairs of pictures per video")
    pairs_per_shot: int = Field(3, ge=1, description="of these, pairs of one shot")


class Move(NamedTuple):
    """What the camera does between two pictures; shares of the frame a second, to the right and down."""

    x: float
    y: float
    #: change of size a second, positive = nearer
    zoom: float
    #: share of the places that move so
    agreement: float


class TorchShots(AdaptedStage[FlowOptions]):
    """The media axis with camera motion from a network."""

    name = "shots"
    needs = Shots.needs
    emits = Shots.emits
    cost = Cost(cpus=1.0, memory_mb=1200)
    Options: ClassVar[type[AdapterOptions]] = FlowOptions
    requires = ("torch", "torchvision")
    extra = "torch"
    several_clips = True

    _network: FlowNet | None = None

    def setup(self, store: Store, *, threads: int = 1) -> None:
        from models.torch.flow import FlowNet

        options = self.options
        self._network = self.load(
            store,
            lambda path, runtime: FlowNet(
                path,
                options.model,
                side=options.side,
                updates=options.updates,
                runtime=runtime,
                batch=options.batch,
            ),
            threads=threads,
        )

    def run(self, clip: Clip, signals: SignalSet) -> list[Signal]:
        if self._network is None:
            raise RuntimeError("TorchShots.run before setup")
        return _FlowShots(self).run(clip, signals)

    def moves(self, clip: Clip, shots: list[Span]) -> dict[int, list[Move]]:
        """Camera moves by the number of their shot, from pairs spread over the longest shots."""
        if self._network is None:
            return {}
        pairs = self._pairs(clip, shots)
        found: dict[int, list[Move]] = {}
        for start in range(0, len(pairs), self.options.batch):
            part = pairs[start : start + self.options.batch]
            pictures = [(clip.frame(a).image, clip.frame(b).image) for _, a, b in part]
            for (shot, a, b), flow in zip(part, self._network.flow(pictures), strict=True):
                move = camera_move(flow, float(clip.times[b] - clip.times[a]))
                if move is not None:
                    found.setdefault(shot, []).append(move)
        return found

    def _pairs(self, clip: Clip, shots: list[Span]) -> list[tuple[int, int, int]]:
        """Shot, and two of its sampled pictures that follow each other."""
        times = np.asarray(clip.times, np.float64)
        out: list[tuple[int, int, int]] = []
        for shot in sorted(range(len(shots)), key=lambda i: -shots[i].seconds):
            inside = np.flatnonzero((times >= shots[shot].start - 1e-6) & (times < shots[shot].end - 1e-6))
            count = min(self.options.pairs_per_shot, len(inside) - 1, self.options.max_pairs - len(out))
            if count < 1:
                continue
            firsts = np.unique(np.linspace(0, len(inside) - 2, count).round().astype(int))
            out += [(shot, int(inside[i]), int(inside[i + 1])) for i in firsts]
        return out

    def close(self) -> None:
        self._network = None
        super().close()


class _FlowShots(Shots):
    """The default stage with another look at camera motion."""

    def __init__(self, stage: TorchShots) -> None:
        super().__init__()
        self._stage = stage

    def motions(self, clip: Clip, shots: list[Span]) -> list[Signal]:
        """What the camera does in each shot; as the default stage finds it where the flow tells nothing."""
        moves = self._stage.moves(clip, shots)
        dense = clip.dense
        times = np.asarray(dense.times, np.float64)
        default = {one.span: one for one in super().motions(clip, shots)}
        out = []
        for number, span in enumerate(shots):
            if number not in moves:
                out += [default[span]] if span in default else []
                continue
            rows = slice(*np.searchsorted(times, [span.start - 1e-6, span.end - 1e-6]))
            wobble = shake_level(dense.dx[rows], dense.dy[rows], dense.response[rows])
            motion = from_moves(moves[number], wobble)
            attributes = {"magnitude": round(motion.magnitude, 4)}
            score = min(1.0, max(0.0, motion.score))
            out.append(
                Signal("media.motion", motion.kind, score, span, self._stage.source, attributes=attributes)
            )
        return out


def camera_move(flow: NDArray[np.float32], seconds: float) -> Move | None:
    """The similarity that most places of a flow (h, w, 2), in shares of the frame, follow, if any."""
    height, width = flow.shape[:2]
    step = max(1, max(height, width) // _GRID)
    ys, xs = np.mgrid[step // 2 : height : step, step // 2 : width : step]
    # in shares of the longer side, so that a turn or zoom is one
    scale = np.array([width, height], np.float32) / max(width, height)
    before = np.stack([xs / width, ys / height], axis=-1).reshape(-1, 2).astype(np.float32) * scale
    shifts = flow[ys, xs].reshape(-1, 2) * scale
    if seconds <= 0 or len(before) < 8 or not np.isfinite(shifts).all():
        return None
    matrix, inliers = cv2.estimateAffinePartial2D(
        before, before + shifts, method=cv2.RANSAC, ransacReprojThreshold=_NEAR
    )
    if matrix is None or float(inliers.mean()) < _AGREE:
        return None
    size = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    middle = scale / 2
    moved = matrix[:, :2] @ middle + matrix[:, 2] - middle
    x, y = (float(v) for v in moved / scale / seconds)
    return Move(x, y, float(np.log(max(1e-3, size)) / seconds), float(inliers.mean()))


def from_moves(moves: list[Move], wobble: float) -> CameraMotion:
    """The motion of a shot from its camera moves, and how much it shakes from frame to frame."""
    rates = np.array([[one.x, one.y] for one in moves])
    net = np.abs(rates.mean(axis=0))
    straight = net / (np.abs(rates).mean(axis=0) + 1e-9)
    zooms = [one.zoom for one in moves]
    # a zoom keeps its direction; shake and passing things don't
    steady = len({zoom > 0 for zoom in zooms}) == 1
    return of_rates(net, straight, wobble, float(np.median(zooms)) if steady else None)
