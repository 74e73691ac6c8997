"""In which order people look at what waits for them: severity × confidence × expected reach × age.

The first three are known when a task is made and are its `priority`. Age comes in when a
queue orders what waits. Weight doubles with every `AGE_DOUBLES` hours: of two tasks the one
that is ahead stays ahead, so an index can hold the order, and nothing waits for ever.
"""

from __future__ import annotations

import math

from mmu.errors import ConfigError

#: hours of waiting that double an item's weight
AGE_DOUBLES = 6.0
#: views that count as reach 1; a hundredfold makes reach 2, ten thousandfold reach 3
REACH_UNIT = 100.0
GRAVEST = 5
#: more would not fit a float (200 days)
_MOST_DOUBLINGS = 800.0
#: what counts as priority 0 in an order
_LEAST = 1e-3


def priority(severity: int, confidence: float, *, reach: float = 0.0, age_hours: float = 0.0) -> float:
    """Severity × confidence × expected reach × age in the queue; the higher the sooner.

    Args:
        severity: of the category, 1 to 5.
        confidence: that the video violates, in [0, 1].
        reach: views expected until somebody looks (0: unknown, counts as few).
        age_hours: since the item was queued.

    Returns:
        0 or more. `severity * confidence` for a new item of unknown reach.

    Raises:
        ConfigError: an argument out of range.
    """
    if not 1 <= severity <= GRAVEST:
        raise ConfigError(f"severity must be 1 to {GRAVEST}, not {severity}")
    if not 0.0 <= confidence <= 1.0:
        raise ConfigError(f"confidence must be in [0, 1], not {confidence}")
    if not (age_hours >= 0.0 and math.isfinite(age_hours)):
        raise ConfigError(f"age must be a number of hours, not {age_hours}")
    return aged(severity * confidence * spread(reach), age_hours * 3600.0)


def spread(reach: float) -> float:
    """The factor of the views expected until somebody looks: 1 + log10(1 + reach / 100) / 2.

    Raises:
        ConfigError: not a number of views.
    """
    if not (reach >= 0.0 and math.isfinite(reach)):
        raise ConfigError(f"reach must be a number of views, not {reach}")
    return 1.0 + math.log10(1.0 + reach / REACH_UNIT) / 2.0


def aged(value: float, seconds: float) -> float:
    """A priority after some seconds of waiting."""
    doublings = max(0.0, seconds) / 3600.0 / AGE_DOUBLES
    return float(value * 2.0 ** min(doublings, _MOST_DOUBLINGS))


def rank(value: float, queued: float) -> float:
    """The place in the order, larger first, of a priority that waits since `queued` (seconds since 1970).

    It is log2 of `aged`, less what is the same for all tasks at any one time, so it never changes.
    """
    return math.log2(max(value, _LEAST)) - queued / (AGE_DOUBLES * 3600.0)
