"""In which order people look at what waits for them."""

from __future__ import annotations

import math

from mmu.errors import ConfigError

#: hours after which an item counts twice as much as when it came
AGE_DOUBLES = 24.0
#: most that age can add: an old item outranks a fresh one of the same kind, not one far graver
AGE_TOP = 4.0
#: views that count as reach 1; a hundredfold makes reach 2, ten thousandfold reach 3
REACH_UNIT = 100.0
GRAVEST = 5


def priority(severity: int, confidence: float, *, reach: float = 0.0, age_hours: float = 0.0) -> float:
    """Severity × confidence × expected reach × age in the queue; the higher the sooner.

    Args:
        severity: of the category, 1 to 5.
        confidence: that the video violates, in [0, 1].
        reach: views expected until somebody looks (0: unknown, counts as few).
        age_hours: since the item was queued.

    Returns:
        0 or more. `severity * confidence` for a new item of unknown reach; the factor of reach is
        1 + log10(1 + reach / 100) / 2, that of age 1 + hours / 24, at most 4.

    Raises:
        ConfigError: an argument out of range.
    """
    if not 1 <= severity <= GRAVEST:
        raise ConfigError(f"severity must be 1 to {GRAVEST}, not {severity}")
    if not 0.0 <= confidence <= 1.0:
        raise ConfigError(f"confidence must be in [0, 1], not {confidence}")
    if not (reach >= 0.0 and math.isfinite(reach)):
        raise ConfigError(f"reach must be a number of views, not {reach}")
    if not (age_hours >= 0.0 and math.isfinite(age_hours)):
        raise ConfigError(f"age must be a number of hours, not {age_hours}")
    spread = 1.0 + math.log10(1.0 + reach / REACH_UNIT) / 2.0
    waited = min(AGE_TOP, 1.0 + age_hours / AGE_DOUBLES)
    return severity * confidence * spread * waited
