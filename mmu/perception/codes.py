"""QR codes in the picture: what they say, where, and when."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

import cv2
import numpy as np
from numpy.typing import NDArray

from mmu.perception.merge import Looks, choose_looks, stretches
from mmu.signals import Box, Signal, SignalSet
from mmu.stage import Cost, Needs, Stage

if TYPE_CHECKING:
    from mmu.media.clip import Clip
    from models.store import Store

_SOURCE = f"opencv.QRCodeDetector@{cv2.__version__}"
#: a decoded code has passed its own error correction
_SCORE = 0.98
#: a small code that appears changes the picture by little: one of 2 % of it by about 0.01
_CHANGE = 0.006
#: characters of a code's content that are kept
_LENGTH = 500
_CONTACT = re.compile(
    r"(?i)weixin|wechat|wxp://|u\.wechat|qm\.qq|jq\.qq|t\.me|wa\.me|whatsapp|telegram|^mailto:|^tel:"
)
_PAYMENT = re.compile(r"(?i)^wxp://|qr\.alipay|alipayqr|pay\.|paypal|^bitcoin:|^ethereum:|^upi:")


class _Code(NamedTuple):
    content: str
    box: Box


class Codes(Stage):
    """OpenCV's QR code detector on the frames that differ most.

    Emits one signal for each content and stretch of time. A code that is seen but cannot be decoded
    (blurred, too small, cut off) is left out: its content is what counts.

    Args:
        max_looks: frames looked at per video.
    """

    name = "codes"
    needs = Needs(frames=True)
    emits = frozenset({"image.code"})
    cost = Cost(cpus=1.0, memory_mb=80)

    def __init__(self, *, max_looks: int = 24) -> None:
        self.max_looks = max_looks
        self._detector: Any = None

    def setup(self, store: Store, *, threads: int = 1) -> None:
        self._detector = cv2.QRCodeDetector()

    def run(self, clip: Clip, signals: SignalSet) -> list[Signal]:
        if self._detector is None:
            raise RuntimeError("Codes.run before setup")
        looks = choose_looks(clip, limit=self.max_looks, min_change=_CHANGE, max_gap=5.0)
        if len(looks.indices) == 0:
            return []
        seen: dict[str, dict[int, Box]] = defaultdict(dict)
        for number, frame in enumerate(clip.frames(looks.indices.tolist())):
            for code in self._read(frame.image):
                seen[code.content].setdefault(number, code.box.scaled(clip.scale))
        return [signal for content, boxes in seen.items() for signal in _signals(content, boxes, looks)]

    def _read(self, image: NDArray[np.uint8]) -> list[_Code]:
        grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
        try:
            found, contents, corners, _ = self._detector.detectAndDecodeMulti(grey)
        except cv2.error:  # the detector fails on some degenerate quadrangles
            return []
        if not found or corners is None:
            return []
        codes = []
        for content, points in zip(contents, corners, strict=False):
            if content.strip():
                low, high = points.min(axis=0), points.max(axis=0)
                box = Box(float(low[0]), float(low[1]), float(high[0] - low[0]), float(high[1] - low[1]))
                codes.append(_Code(content.strip()[:_LENGTH], box))
        return codes

    def close(self) -> None:
        self._detector = None


def purpose(content: str) -> str:
    """What a code is for: `payment`, `contact`, `link` or `text`."""
    if _PAYMENT.search(content):
        return "payment"
    if _CONTACT.search(content):
        return "contact"
    return "link" if urlsplit(content).scheme in ("http", "https") else "text"


def _signals(content: str, boxes: dict[int, Box], looks: Looks) -> list[Signal]:
    mask = np.zeros(len(looks.indices), np.bool_)
    mask[list(boxes)] = True
    out = []
    for span, at in stretches(looks, mask, gap=3.0):
        biggest = max((boxes[int(i)] for i in at), key=lambda box: box.area)
        attributes = {"format": "qr", "purpose": purpose(content), "frames": len(at)}
        host = urlsplit(content).hostname if attributes["purpose"] != "text" else None
        if host:
            attributes["host"] = host
        out.append(
            Signal(
                "image.code",
                content,
                _SCORE,
                span if span.seconds > 0 else None,
                _SOURCE,
                box=biggest,
                attributes=attributes,
            )
        )
    return out
