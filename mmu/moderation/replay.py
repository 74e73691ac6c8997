"""What a policy would have decided of videos that were analysed before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmu.errors import ConfigError
from mmu.moderation.decide import Decision, Judgement, TextJudge, judge
from mmu.moderation.likeness import Embed
from mmu.moderation.policy import Policy
from mmu.report.cli import load_report
from mmu.report.schema import Report
from mmu.signals import Signal

DECISIONS: tuple[Decision, ...] = ("pass", "review", "block")


@dataclass(frozen=True, slots=True)
class Change:
    """One video: what was decided, and what the new policy decides; a category is None for `pass`."""

    uri: str
    before: Decision
    after: Decision
    category_before: str | None
    category_after: str | None
    rules: tuple[str, ...]

    @property
    def differs(self) -> bool:
        return self.before != self.after or self.category_before != self.category_after


def read_reports(place: Path) -> Iterator[Report]:
    """The reports of a folder (also in folders within it), or of one file.

    Raises:
        ConfigError: there is none, or a file is not a report.
    """
    paths = sorted(place.rglob("*.json")) if place.is_dir() else [place]
    if not paths:
        raise ConfigError(f"no reports (*.json) in {place}")
    for path in paths:
        yield load_report(path)


def judge_report(
    policy: Policy, report: Report, *, embed: Embed | None = None, classifier: TextJudge | None = None
) -> Judgement:
    """Judge a stored report by a policy, from its signals, tags, title and hashtags."""
    return judge(
        policy,
        signals=[Signal.from_json(one) for one in report.signals],
        tags=report.tags,
        title=report.title,
        topics=report.user_topics,
        embed=embed,
        classifier=classifier,
    )


def replay(
    reports: Iterable[Report], policy: Policy, *, against: Policy | None = None, embed: Embed | None = None
) -> list[Change]:
    """Decisions of a policy beside those of another one, or beside those that the reports hold."""
    changes = []
    for report in reports:
        after = judge_report(policy, report, embed=embed)
        if against is not None:
            old = judge_report(against, report, embed=embed)
            before, category = old.decision, old.category
        else:
            before = report.moderation.decision if report.moderation else "pass"
            category = report.moderation.category if report.moderation else None
        rules = tuple(sorted({hit.rule for hit in after.hits if hit.category == after.category}))
        changes.append(Change(report.uri, before, after.decision, category, after.category, rules))
    return changes


def summary(changes: list[Change]) -> dict[str, Any]:
    """Plain data: how many of each pair of decisions, how many by category, and the videos that differ."""
    pairs = Counter((one.before, one.after) for one in changes)
    before = Counter(one.category_before for one in changes if one.category_before)
    after = Counter(one.category_after for one in changes if one.category_after)
    return {
        "reports": len(changes),
        "decisions": {f"{a} -> {b}": pairs[a, b] for a in DECISIONS for b in DECISIONS if pairs[a, b]},
        "categories": {
            name: {"before": before[name], "after": after[name]} for name in sorted({*before, *after})
        },
        "changed": [
            {
                "uri": one.uri,
                "before": one.before,
                "after": one.after,
                "category_before": one.category_before,
                "category_after": one.category_after,
                "rules": list(one.rules),
            }
            for one in changes
            if one.differs
        ],
    }


def table(changes: list[Change], *, shown: int = 30) -> str:
    """The difference for a terminal."""
    pairs = Counter((one.before, one.after) for one in changes)
    lines = ["before \\ after" + "".join(f"{name:>9}" for name in DECISIONS)]
    for a in DECISIONS:
        lines.append(f"{a:14}" + "".join(f"{pairs[a, b]:>9}" for b in DECISIONS))
    data = summary(changes)
    if data["categories"]:
        lines += ["", f"{'category':24}{'before':>9}{'after':>9}{'change':>9}"]
        for name, counts in data["categories"].items():
            was, now = counts["before"], counts["after"]
            lines.append(f"{name:24}{was:>9}{now:>9}{now - was:>+9}")
    changed = [one for one in changes if one.differs]
    lines += ["", f"{len(changed)} of {len(changes)} differ"]
    for one in changed[:shown]:
        category = one.category_after or one.category_before or ""
        lines.append(f"  {one.before} -> {one.after}  {category}  {one.uri}  {', '.join(one.rules)}".rstrip())
    if len(changed) > shown:
        lines.append(f"  … {len(changed) - shown} more (--json names all)")
    return "\n".join(lines)
