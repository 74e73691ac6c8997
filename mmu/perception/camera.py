"""What the camera does in a shot: stands still, pans, tilts, zooms or shakes."""

from __future__ import annotations

from typing import Literal, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

Motion = Literal["static", "pan", "tilt", "zoom", "shake"]

#: share of the frame a second from which a steady drift is a pan or a tilt
_DRIFT = 0.06
#: net way over whole way: one for a straight move, near zero for to and fro
_STRAIGHT = 0.6
#: root mean square shift from frame to frame, beside the steady part, that is shake (share of frame)
_SHAKE = 0.004
#: change of size a second that is a zoom
_ZOOM = 0.03


class CameraMotion(NamedTuple):
    """`magnitude` is shares of the frame a second (zoom: change of size a second)."""

    kind: Motion
    magnitude: float
    score: float


def classify(
    times: NDArray[np.float64],
    dx: NDArray[np.float32],
    dy: NDArray[np.float32],
    response: NDArray[np.float32],
    zoom: float | None = None,
) -> CameraMotion:
    """Motion of one shot.

    Args:
        times: (n,) seconds of its frames.
        dx: (n,) shift since the frame before as a share of the width, of each frame but the first.
        dy: likewise downwards.
        response: (n,) how sure each shift is, 0..1; unsure ones are left out.
        zoom: change of size a second as `zoom_rate` finds it.
    """
    seconds = float(times[-1] - times[0]) if len(times) else 0.0
    sure = response[1:] >= 0.15
    if len(times) < 3 or seconds < 0.2 or sure.mean() < 0.3:
        return CameraMotion("static", 0.0, 0.3)
    shifts = np.stack([dx[1:], dy[1:]], axis=1).astype(np.float64) * sure[:, None]
    net = shifts.sum(axis=0)
    way = np.abs(shifts).sum(axis=0) + 1e-9
    rate = np.abs(net) / seconds
    straight = np.abs(net) / way
    return of_rates(rate, straight, shake_level(dx, dy, response), zoom, whole=float(way.sum() / seconds))


def of_rates(
    rate: NDArray[np.float64],
    straight: NDArray[np.float64],
    wobble: float,
    zoom: float | None,
    *,
    whole: float | None = None,
) -> CameraMotion:
    """Motion of one shot from figures of it.

    Args:
        rate: (2,) net way to the right and down, in shares of the frame a second, without sign.
        straight: (2,) net way over whole way, 0..1.
        wobble: as `shake_level` gives it.
        zoom: change of size a second.
        whole: whole way in shares of the frame a second, the magnitude of shake (default: the net way).
    """
    axis = int(np.argmax(rate * straight))
    if zoom is not None and abs(zoom) >= _ZOOM and abs(zoom) > rate[axis]:
        return CameraMotion("zoom", abs(zoom), _squash(abs(zoom) / _ZOOM))
    if rate[axis] >= _DRIFT and straight[axis] >= _STRAIGHT:
        return CameraMotion("pan" if axis == 0 else "tilt", float(rate[axis]), _squash(rate[axis] / _DRIFT))
    if wobble >= _SHAKE:
        way = float(rate.sum()) if whole is None else whole
        return CameraMotion("shake", way, _squash(wobble / _SHAKE))
    return CameraMotion(
        "static", float(rate.max()), 1 - _squash(max(wobble / _SHAKE, rate.max() / _DRIFT)) / 2
    )


def shake_level(dx: NDArray[np.float32], dy: NDArray[np.float32], response: NDArray[np.float32]) -> float:
    """Root mean square of the unsteady part of the shifts between frames, in shares of the frame.

    The steady part is a moving mean of nine frames; shifts the correlation is unsure of count as none.
    """
    if len(dx) < 4:
        return 0.0
    shifts = np.stack([dx[1:], dy[1:]]).astype(np.float64) * (response[1:] >= 0.15)
    # single wild values are cuts or false peaks, not shake
    shifts = np.where(np.abs(shifts) > 0.1, 0.0, shifts)
    size = min(9, shifts.shape[1])
    kernel = np.ones(size) / size
    padded = np.pad(shifts, ((0, 0), (size // 2, size - 1 - size // 2)), mode="edge")
    steady = np.stack([np.convolve(row, kernel, mode="valid") for row in padded])
    return float(np.sqrt(((shifts - steady) ** 2).sum(axis=0).mean()))


def zoom_rate(before: NDArray[np.uint8], after: NDArray[np.uint8], seconds: float) -> float | None:
    """Change of size a second between two frames (h, w, 3) BGR of one shot; positive = nearer.

    From corners followed by pyramidal Lucas-Kanade and a similarity fitted by RANSAC (both OpenCV).
    None where too few corners agree, as when the subject fills the picture.
    """
    first, second = _small_grey(before), _small_grey(after)
    corners = cv2.goodFeaturesToTrack(first, 200, 0.01, 6)
    if corners is None or len(corners) < 20 or seconds <= 0 or first.shape != second.shape:
        return None
    moved, found, _ = cv2.calcOpticalFlowPyrLK(first, second, corners, np.zeros_like(corners))
    good = found.ravel() == 1
    if good.sum() < 15:
        return None
    matrix, inliers = cv2.estimateAffinePartial2D(
        corners[good], moved[good], method=cv2.RANSAC, ransacReprojThreshold=1.5
    )
    if matrix is None or inliers.mean() < 0.5:
        return None
    return float(np.log(max(1e-3, np.hypot(matrix[0, 0], matrix[1, 0]))) / seconds)


def _small_grey(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    scale = min(1.0, 320 / max(image.shape[:2]))
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY))


def _squash(ratio: float) -> float:
    """0.5 at the threshold, towards 1 above it."""
    return float(ratio**2 / (1 + ratio**2))
