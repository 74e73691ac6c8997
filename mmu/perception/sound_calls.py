"""Sounds told by rules over what several networks and simple measures say: calls, breaking glass, applause.

No weights for sound events can be had, so this rests on a disagreement: the
event detector takes any voice for speech, an animal's or a baby's too, and
so it does applause; the voice activity network hardly ever does. What one of
them hears and the other doesn't, where the broadcast network hears noise, is a
call or a crowd; length, repetition, pitch range and spectrum say which.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mmu.perception.sound_bursts import Burst, find_bursts
from mmu.perception.sound_classes import STEP, Opinions
from mmu.signals import Signal, Span

SOURCE = "call_rules@1"
#: event detector's speech, voice activity, and broadcast network's noise, between which a call lies
_CALL, _VOICE, _NOISE = 0.8, 0.25, 0.6
#: seconds over which calls are counted together
_WINDOW = 10.0
#: a rule is no network: how sure it is at best
_SURE = 0.6


class _Kind(NamedTuple):
    label: str
    score: float


def calls(samples: NDArray[np.float32], rate: int, opinions: Opinions, start: float) -> list[Signal]:
    """`baby_cry`, `meow`, `dog_bark`, `glass_breaking` and `applause` events.

    Args:
        samples: (n,) float32 mono at 16 kHz.
        rate: samples a second.
        opinions: what the networks think of the same samples.
        start: time of the first sample in the clip, seconds.
    """
    noise = (opinions.broad[:, 2] > _NOISE) & (opinions.voice < _VOICE)
    called = noise & (opinions.events[:, 0] > _CALL)
    if not noise.any():
        return []
    bursts = [one for one in find_bursts(samples, rate) if _share(noise, one) > 0.7]
    found: list[Signal] = []
    size = round(_WINDOW / STEP)
    for first in range(0, len(opinions), size):
        span = Span(first * STEP, min((first + size) * STEP, samples.size / rate))
        inside = [one for one in bursts if span.start <= one.start < span.end]
        seconds = float(called[first : first + size].sum() * STEP)
        loud = [one for one in inside if _share(called, one) > 0.5]
        kinds = [
            (_crowd(loud, seconds), loud),
            (_call(loud, seconds, span.seconds), loud),
            (_bark(inside), [one for one in inside if is_bark(one)]),
            (_glass(inside), [one for one in inside if is_glass(one)]),
        ]
        named = {kind.label for kind, _ in kinds if kind}
        for kind, own in kinds:
            # A meow that is short enough is bark-like too.
            if kind is None or (kind.label == "dog_bark" and named & {"baby_cry", "meow"}):
                continue
            place = Span(start + own[0].start, start + own[-1].end)
            attributes = {"vocabulary": "audio_event", "sounds": len(own)}
            found.append(Signal("audio.event", kind.label, kind.score, place, SOURCE, attributes=attributes))
    return found


def _share(mask: NDArray[np.bool_], one: Burst) -> float:
    part = mask[int(one.start / STEP) : int(one.end / STEP) + 1]
    return float(part.mean()) if part.size else 0.0


def _weighted(bursts: list[Burst], name: str) -> float:
    return float(np.average([getattr(one, name) for one in bursts], weights=[one.seconds for one in bursts]))


def _call(bursts: list[Burst], seconds: float, window: float) -> _Kind | None:
    """A baby's cry fills the time and is rough; a cat's calls are few, pure and in the middle."""
    if not bursts or seconds < 1.2 or _weighted(bursts, "middle") < 0.65:
        return None
    density = seconds / max(window, 1e-6)
    if density > 0.45 and len(bursts) >= 4 and _weighted(bursts, "spread") > 800:
        return _Kind("baby_cry", _SURE)
    longest = max(one.seconds for one in bursts)
    pure = _weighted(bursts, "flatness") < 0.03 and _weighted(bursts, "spread") < 900
    if density <= 0.6 and pure and longest > 0.35:
        return _Kind("meow", _SURE * 0.9)
    return None


def _crowd(bursts: list[Burst], seconds: float) -> _Kind | None:
    """Applause is broad, unpitched and goes on."""
    if seconds < 2.0 or not bursts:
        return None
    if _weighted(bursts, "flatness") > 0.2 and _weighted(bursts, "spread") > 1300:
        return _Kind("applause", _SURE)
    return None


def is_bark(one: Burst) -> bool:
    """Short, sudden, between 500 and 2500 Hz, with formants and not like noise."""
    return (
        0.08 <= one.seconds <= 1.0
        and one.rise > 18
        and one.middle > 0.85
        and one.flatness < 0.06
        and one.high < 0.06
        and one.attack <= 0.35
    )


def _bark(bursts: list[Burst]) -> _Kind | None:
    barks = [one for one in bursts if is_bark(one)]
    return _Kind("dog_bark", _SURE * (0.8 if len(barks) == 1 else 1.0)) if barks else None


def is_glass(one: Burst) -> bool:
    """Loud, sudden and bright, with next to nothing low."""
    return (
        one.seconds > 0.25
        and one.rise > 25
        and one.centroid > 3800
        and one.high > 0.45
        and one.low < 0.04
        and one.flatness > 0.08
        and one.spread > 1300
    )


def _glass(bursts: list[Burst]) -> _Kind | None:
    return _Kind("glass_breaking", _SURE) if any(is_glass(one) for one in bursts) else None
