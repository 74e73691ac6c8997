"""Rate limits in memory: token buckets, and a count of failed log-ins."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict

#: keys that are remembered; the one that was used longest ago goes first
_KEYS = 20_000


class Buckets:
    """Each key may act `burst` times at once and `rate` times a second in the long run."""

    def __init__(self, rate: float, burst: int) -> None:
        self._rate, self._burst = rate, burst
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, key: str) -> float:
        """0 when the key may act now, else the seconds to wait."""
        now = time.monotonic()
        with self._lock:
            left, at = self._left.pop(key, (float(self._burst), now))
            left = min(float(self._burst), left + (now - at) * self._rate)
            wait = 0.0 if left >= 1 else (1 - left) / self._rate
            self._left[key] = (left - 1 if not wait else left, now)
            while len(self._left) > _KEYS:
                self._left.popitem(last=False)
        return wait
