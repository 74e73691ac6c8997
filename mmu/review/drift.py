"""Whether something changed: precision of a rule, or the mix of what comes in.

Two proportions are compared by Fisher's exact test (small counts included); two mixes by the
population stability index (PSI), where 0.1 to 0.25 is a moderate and more a major shift, the
thresholds of credit scoring practice (Siddiqi, Credit Risk Scorecards, 2006).
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from scipy.stats import fisher_exact

#: a rule is reported when a change this large would come by chance in one of a thousand comparisons
SIGNIFICANT = 0.001
PSI_ALARM = 0.25


def proportions_differ(right: int, of: int, right_before: int, of_before: int) -> float:
    """p-value that two shares are the same; 1 when one of them is of nothing."""
    if not of or not of_before:
        return 1.0
    table = [[right, of - right], [right_before, of_before - right_before]]
    return float(fisher_exact(table)[1])


def stability_index(now: Mapping[str, int], before: Mapping[str, int]) -> float:
    """PSI of two mixes of categories; counts get half a case each so that none is empty."""
    names = set(now) | set(before)
    total, total_before = (sum(mix.values()) + 0.5 * len(names) for mix in (now, before))
    result = 0.0
    for name in names:
        a, b = (now.get(name, 0) + 0.5) / total, (before.get(name, 0) + 0.5) / total_before
        result += (a - b) * math.log(a / b)
    return result


def wilson(right: int, of: int) -> tuple[float, float]:
    """95% interval of a share (Wilson, JASA 22, 1927); (0, 1) of nothing."""
    if not of:
        return 0.0, 1.0
    z = 1.959964
    share, square = right / of, z * z / of
    middle = (share + square / 2) / (1 + square)
    half = z / (1 + square) * math.sqrt(share * (1 - share) / of + square / (4 * of))
    return max(0.0, middle - half), min(1.0, middle + half)
