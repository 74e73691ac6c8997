"""`mmu learn REVIEWS.jsonl`: refit the numbers of the fusion to reviewers' verdicts."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mmu.learning.learn import Outcome
    from mmu.reasoning.settings import FusionSettings

DESCRIPTION = """\
Read reviewers' verdicts, one JSON object a line:

  {"report": "clip.json", "kind": "tag", "subject": "cat", "verdict": "right",
   "reviewer": "ann", "time": "2026-11-25T10:00:00Z"}

kind: tag (subject: concept id) or rule (subject: moderation rule); verdict: right,
wrong or missing; "video" (SHA-256) may stand for "report". Reliabilities, prior,
calibration and the worth of concepts are refitted, held to the shipped ones. Every
video is held out once: unless its verdicts are predicted better, the old numbers
stay, and the exit code is 1.
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Add the `learn` command."""
    parser = commands.add_parser(
        "learn",
        help="refit reliabilities, priors and calibration to reviewers' verdicts",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("reviews", type=Path, metavar="REVIEWS.jsonl", help="the verdicts")
    parser.add_argument(
        "--reports", type=Path, metavar="DIR", help="folder of the reports (default: that of the reviews)"
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="default: learned.yaml in $MMU_HOME, which every analysis reads from then on",
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would be learned, write nothing")
    return parser


def run(args: argparse.Namespace) -> int:
    """Learn and say what came of it; 1 when the old numbers stay."""
    import kg
    from mmu.learning.examples import ReportIndex, collect, rule_verdicts
    from mmu.learning.learn import learn
    from mmu.learning.learned import default_place
    from mmu.learning.reviews import read_reviews
    from mmu.reasoning.settings import load_settings

    reviews = read_reviews(args.reviews)
    settings = load_settings()
    index = ReportIndex(args.reports or args.reviews.parent)
    examples, left, reports = collect(reviews, index, kg.load(), settings)
    outcome = learn(examples, rule_verdicts(reviews, index, reports), settings)
    print("\n".join([f"{len(reviews)} verdicts read", *left.lines(), *_lines(outcome, settings)]))
    if outcome.learned is None:
        print(f"kept the old numbers: {outcome.reason}")
        return 1
    if args.dry_run:
        print(f"would learn: {outcome.reason}")
        return 0
    place = args.out or default_place()
    outcome.learned.model_copy(update={"notes": _notes(outcome)}).write(place)
    print(f"learned: {outcome.reason}\nwrote {place}")
    return 0


def _notes(outcome: Outcome) -> dict[str, str | int | float]:
    notes: dict[str, str | int | float] = {
        "verdicts": outcome.verdicts,
        "videos": outcome.videos,
    }
    if outcome.loss_before is not None and outcome.loss_after is not None:
        notes |= {"loss_before": round(outcome.loss_before, 4), "loss_after": round(outcome.loss_after, 4)}
    return notes


def _lines(outcome: Outcome, settings: FusionSettings) -> list[str]:
    """The figures and the numbers that changed, for people."""
    lines = [f"set aside {one.reviewer} ({one.verdicts} verdicts): {one.reason}" for one in outcome.suspects]
    if outcome.loss_before is not None and outcome.loss_after is not None:
        lines.append(
            f"{outcome.verdicts} verdicts on tags of {outcome.videos} videos; on held-out ones "
            f"log loss {outcome.loss_before:.4f} → {outcome.loss_after:.4f}"
        )
        if outcome.auc_before is not None and outcome.auc_after is not None:
            lines.append(f"right above wrong (AUC): {outcome.auc_before:.3f} → {outcome.auc_after:.3f}")
    learned = outcome.learned
    if learned is None:
        return lines
    if learned.prior is not None:
        lines.append(f"  prior {settings.prior:.3f} → {learned.prior:.3f}")
    if learned.calibration is not None:
        old, new = settings.calibration, learned.calibration
        lines.append(f"  slope {old.slope:.3f} → {new.slope:.3f}, offset {old.offset:.3f} → {new.offset:.3f}")
    lines += [
        f"  {name:<16} reliability {settings.sources[name].reliability:.3f} → {value:.3f}"
        for name, value in sorted(learned.reliability.items())
    ]
    lines += [f"  {name:<16} worth → {value:.3f}" for name, value in sorted(learned.worth.items())]
    lines += [f"  {name:<16} rule × {value:.2f}" for name, value in sorted(learned.rules.items())]
    return lines
