"""How far reviewers agree, beyond chance.

Cohen's kappa (Cohen, Educational and Psychological Measurement 20, 1960) for two reviewers;
Krippendorff's alpha for nominal data (Krippendorff, Computing Krippendorff's Alpha-Reliability,
2011) for any number of reviewers with gaps.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence


def cohen_kappa(pairs: Sequence[tuple[Hashable, Hashable]]) -> float | None:
    """Kappa of two reviewers from their labels of the same items; None when it is not defined.

    It is not defined without items, or when both gave everything the same single label.
    """
    if not pairs:
        return None
    n = len(pairs)
    first, second = Counter(a for a, _ in pairs), Counter(b for _, b in pairs)
    observed = sum(a == b for a, b in pairs) / n
    expected = sum(first[label] * second[label] for label in first) / n**2
    return None if expected == 1 else (observed - expected) / (1 - expected)


def krippendorff_alpha(units: Iterable[Sequence[Hashable]]) -> float | None:
    """Nominal alpha from the labels that each item got; items with fewer than two do not count.

    None when there are no such items, or all labels are the same.
    """
    agree = total = 0.0
    labels: Counter[Hashable] = Counter()
    for unit in units:
        if len(unit) < 2:
            continue
        counts = Counter(unit)
        total += len(unit)
        agree += sum(n * (n - 1) for n in counts.values()) / (len(unit) - 1)
        labels += counts
    if total == 0:
        return None
    expected = sum(n * (n - 1) for n in labels.values()) / (total - 1)
    return None if expected == total else 1 - (total - agree) / (total - expected)
