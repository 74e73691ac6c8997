"""The figures of the dashboard, read from the queue and the verdicts."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from dataclasses import dataclass
from itertools import combinations, pairwise

from mmu.review.agreement import cohen_kappa, krippendorff_alpha
from mmu.review.drift import PSI_ALARM, SIGNIFICANT, proportions_differ, stability_index, wilson
from mmu.review.tables import Database

DAY = 86400.0


@dataclass(frozen=True, slots=True)
class Rule:
    """How often a rule's hits were right; `before` are verdicts older than the last `RECENT` seconds."""

    name: str
    right: int
    of: int
    recent_right: int
    recent_of: int
    p: float

    @property
    def share(self) -> float:
        return self.right / self.of

    @property
    def interval(self) -> tuple[float, float]:
        return wilson(self.right, self.of)

    @property
    def alarm(self) -> bool:
        return self.p < SIGNIFICANT


@dataclass(frozen=True, slots=True)
class Pair:
    """Two reviewers who judged the same videos."""

    first: str
    second: str
    items: int
    kappa: float | None


@dataclass(frozen=True, slots=True)
class Day:
    """One day, UTC."""

    start: float
    queued: int
    decided: int
    #: seconds from queue to decision: median and 95th percentile
    wait: tuple[float, float] | None
    #: median seconds of handling
    handling: float | None


@dataclass(frozen=True, slots=True)
class Dashboard:
    """All figures at one moment."""

    at: float
    days: list[Day]
    #: category -> pass, block, escalate
    decisions: dict[str, tuple[int, int, int]]
    rules: list[Rule]
    #: tasks that wait, by age: up to 1 h, 6 h, 1 d, 3 d, 7 d, older
    ages: list[int]
    pairs: list[Pair]
    alpha: float | None
    judged_twice: int
    #: passed by the machine, checked by people: wrong ones, checked ones
    missed: tuple[int, int]
    #: PSI of the categories of the last day against the two weeks before; None without enough tasks
    mix: float | None

    @property
    def mix_alarm(self) -> bool:
        return self.mix is not None and self.mix > PSI_ALARM


AGES = (3600.0, 6 * 3600.0, DAY, 3 * DAY, 7 * DAY)
RECENT = 7 * DAY
_DAYS = 14


def dashboard(database: Database, *, now: float | None = None) -> Dashboard:
    """Read all figures."""
    now = time.time() if now is None else now
    with database.errors():
        pairs, alpha, twice = _agreement(database, now - 90 * DAY)
        return Dashboard(
            at=now,
            days=_days(database, now),
            decisions=_decisions(database, now - 30 * DAY),
            rules=rules(database, now=now),
            ages=_ages(database, now),
            pairs=pairs,
            alpha=alpha,
            judged_twice=twice,
            missed=_missed(database, now - 30 * DAY),
            mix=_mix(database, now),
        )


def rules(database: Database, *, now: float) -> list[Rule]:
    """Precision of every rule that reviewers judged, and whether it changed in the last `RECENT` seconds."""
    found: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for name, recent, right, count in database.db.execute(
        "SELECT subject, time >= ?, verdict = 'right', count(*) FROM standing WHERE kind = 'rule' "
        "GROUP BY 1, 2, 3",
        (now - RECENT,),
    ):
        found[name][2 * recent + 0] += count * right
        found[name][2 * recent + 1] += count
    return sorted(
        (
            Rule(name, a + c, b + d, c, d, proportions_differ(c, d, a, b))
            for name, (a, b, c, d) in found.items()
        ),
        key=lambda rule: (not rule.alarm, rule.share, -rule.of),
    )


def _days(database: Database, now: float) -> list[Day]:
    first = (now // DAY - _DAYS + 1) * DAY
    queued = dict(
        database.db.execute(
            "SELECT CAST(time / 86400 AS INTEGER), count(*) FROM event WHERE type = 'queued' AND "
            "time >= ? GROUP BY 1",
            (first,),
        )
    )
    waits: dict[int, list[float]] = defaultdict(list)
    for done, wait in database.db.execute(
        "SELECT done, done - queued FROM task WHERE state = 'done' AND verdict != 'moved' AND done "
        ">= ? LIMIT 200000",
        (first,),
    ):
        waits[int(done // DAY)].append(wait)
    handling: dict[int, list[float]] = defaultdict(list)
    for when, seconds in database.db.execute(
        "SELECT time, seconds FROM standing WHERE kind = 'decision' AND seconds IS NOT NULL AND time "
        ">= ? LIMIT 200000",
        (first,),
    ):
        handling[int(when // DAY)].append(seconds)
    days = []
    for k in range(_DAYS):
        number = int(first // DAY) + k
        wait, hand = sorted(waits[number]), sorted(handling[number])
        days.append(
            Day(
                number * DAY,
                queued.get(number, 0),
                len(wait),
                (quantile(wait, 0.5), quantile(wait, 0.95)) if wait else None,
                quantile(hand, 0.5) if hand else None,
            )
        )
    return days


def quantile(values: list[float], share: float) -> float:
    """Nearest-rank quantile of sorted values."""
    return values[min(len(values) - 1, int(share * len(values)))]


def _decisions(database: Database, since: float) -> dict[str, tuple[int, int, int]]:
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for category, decision, count in database.db.execute(
        "SELECT CASE WHEN decision = 'block' AND category != '' THEN category ELSE subject END, "
        "decision, count(*) "
        "FROM standing WHERE decision != '' AND time >= ? GROUP BY 1, 2",
        (since,),
    ):
        counts[category][decision] += count
    ordered = sorted(counts.items(), key=lambda item: -item[1].total())[:16]
    return {name: (c["pass"], c["block"], c["escalate"]) for name, c in ordered}


def _ages(database: Database, now: float) -> list[int]:
    result = []
    edges = [now + DAY, *(now - age for age in AGES), 0.0]
    for newer, older in pairwise(edges):
        row = database.db.execute(
            "SELECT count(*) FROM task WHERE state = 'waiting' AND queued > ? AND queued <= ?", (older, newer)
        ).fetchone()
        result.append(int(row[0]))
    return result


def _agreement(database: Database, since: float) -> tuple[list[Pair], float | None, int]:
    """Of videos that several reviewers decided, whether they would pass or block."""
    units: dict[tuple[str, str, str], dict[str, str]] = defaultdict(dict)
    for video, policy, version, reviewer, decision in database.db.execute(
        "SELECT video, policy, version, reviewer, decision FROM standing WHERE kind = 'decision' AND "
        "video IN "
        "(SELECT video FROM verdict WHERE kind = 'decision' AND lane = 'second' AND time >= ?) ORDER BY id",
        (since,),
    ):
        units[video, policy, version][reviewer] = decision
    several = [unit for unit in units.values() if len(unit) > 1]
    together: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
    for unit in several:
        for a, b in combinations(sorted(unit), 2):
            together[a, b].append((unit[a], unit[b]))
    pairs = [Pair(a, b, len(labels), cohen_kappa(labels)) for (a, b), labels in together.items()]
    pairs.sort(key=lambda pair: -pair.items)
    return pairs[:12], krippendorff_alpha([list(unit.values()) for unit in several]), len(several)


def _missed(database: Database, since: float) -> tuple[int, int]:
    counts = dict(
        database.db.execute(
            "SELECT decision, count(*) FROM standing WHERE kind = 'decision' AND lane = 'quality' "
            "AND time >= ? GROUP BY 1",
            (since,),
        )
    )
    return counts.get("block", 0), sum(counts.values())


def _mix(database: Database, now: float) -> float | None:
    mixes: list[Counter[str]] = [Counter(), Counter()]
    for recent, category, count in database.db.execute(
        "SELECT made >= ?, category, count(*) FROM task WHERE lane = 'review' AND queued >= ? GROUP BY 1, 2",
        (now - DAY, now - 15 * DAY),
    ):
        mixes[recent][category] += count
    before, last = mixes
    return stability_index(last, before) if min(last.total(), before.total()) >= 100 else None
