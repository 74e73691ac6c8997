"""`mmu policy check | explain | replay`, and the run of a policy's own examples."""

from __future__ import annotations

import argparse
import json
import sys
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mmu.moderation.decide import Judgement
    from mmu.moderation.likeness import Embed
    from mmu.moderation.policy import Policy


def add_actions(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `check`, `explain` and `replay`."""
    check = actions.add_parser("check", help="read policies and name what is wrong, with file and line")
    check.add_argument("policies", type=Path, nargs="*", metavar="FILE", help="default: the shipped policy")
    check.set_defaults(action=_check)
    explain = actions.add_parser(
        "explain",
        help="which rules a text or a stored report meets, why, and what softened them",
        description="SUBJECT is a text, or the path of a report (.json).",
    )
    explain.add_argument("subject", metavar="SUBJECT")
    explain.add_argument("--model", type=Path, metavar="DIR", help="also ask this trained classifier")
    _options(explain)
    explain.set_defaults(action=_explain)
    replay = actions.add_parser(
        "replay",
        help="what a policy would have decided of stored reports",
        description="Compare a policy with another one, or with the decisions that the reports hold.",
    )
    replay.add_argument("reports", type=Path, metavar="REPORTS", help="a folder of reports, or one report")
    replay.add_argument("--against", type=Path, metavar="FILE", help="default: the reports' own decisions")
    _options(replay)
    replay.set_defaults(action=_replay)


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--policy", type=Path, metavar="FILE", help="default: the shipped policy")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument(
        "--no-embeddings", action="store_true", help="words and signals only: no likeness, much faster"
    )
    parser.add_argument(
        "--threads", type=int, default=2, metavar="N", help="of the text encoders (default 2)"
    )


def _check(args: argparse.Namespace) -> int:
    from mmu.errors import PolicyError
    from mmu.moderation.policy import load_policy

    bad = 0
    for path in args.policies or [None]:
        try:
            policy = load_policy(path)
        except PolicyError as error:
            print(f"mmu: {error}", file=sys.stderr)
            bad += 1
            continue
        file = policy.file
        terms = policy.lexicon.size
        print(
            f"{path or 'shipped policy'}: {policy.name} {policy.version}"
            f"{' (shadow)' if file.shadow else ''}: {len(file.categories)} categories, "
            f"{len(file.rules)} rules, {terms} terms, {len(file.combinations)} combinations, "
            f"{len(file.examples)} examples; {policy.digest[:12]}"
        )
    return 1 if bad else 0


def run_examples(args: argparse.Namespace) -> int:
    """Run the examples in a policy file; 1 when one fails."""
    from mmu.errors import ConfigError
    from mmu.moderation.decide import judge
    from mmu.moderation.policy import load_policy

    policy = load_policy(args.policy)
    if not policy.file.examples:
        raise ConfigError(f"policy {policy.name!r} has no examples; add them under `examples:`")
    embed = _encoder(policy, args.threads)
    failed = []
    for example in policy.file.examples:
        found = judge(policy, title=example.text, embed=embed)
        right = found.decision in example.decision and example.category in (None, found.category)
        if not right:
            failed.append(
                {
                    "text": example.text,
                    "expected": [*example.decision, example.category],
                    "found": [found.decision, found.category],
                }
            )
    total = len(policy.file.examples)
    if args.json:
        print(json.dumps({"examples": total, "failed": failed}, ensure_ascii=False))
    else:
        for one in failed:
            print(f"FAILED {one['text']}: expected {one['expected']}, found {one['found']}")
        print(f"{policy.name} {policy.version}: {total - len(failed)} of {total} examples as expected")
    return 1 if failed else 0


def _explain(args: argparse.Namespace) -> int:
    from mmu.moderation.decide import judge, load_classifier
    from mmu.moderation.policy import load_policy
    from mmu.moderation.replay import judge_report, read_reports

    policy = load_policy(args.policy)
    report, path = None, Path(args.subject)
    if args.subject.endswith(".json"):
        (report,) = read_reports(path) if path.is_file() else _no_report(path)
    embed = None if args.no_embeddings else _encoder(policy, args.threads, needed=args.model is not None)
    classifier = load_classifier(args.model, embed)
    if report is not None:
        found = judge_report(policy, report, embed=embed, classifier=classifier)
    else:
        found = judge(policy, title=args.subject, embed=embed, classifier=classifier)
    if args.json:
        print(json.dumps(_data(policy, found), ensure_ascii=False))
    else:
        print(_told(policy, found))
    return 0


def _no_report(path: Path) -> Any:
    from mmu.errors import ConfigError

    raise ConfigError(f"there is no report {path}")


def _data(policy: Policy, found: Judgement) -> dict[str, Any]:
    return {
        "policy": policy.name,
        "version": policy.version,
        "decision": found.decision,
        "category": found.category,
        "priority": found.priority,
        "contexts": list(found.contexts),
        "confidence": {name: round(value, 4) for name, value in found.confidence.items()},
        "hits": [
            {
                "rule": hit.rule,
                "category": hit.category,
                "term": hit.term,
                "score": round(hit.score, 4),
                "axis": hit.axis,
                "text": hit.text,
                "span": hit.span,
                "signal": hit.signal,
                "softened": list(hit.softened),
                "shadow": hit.shadow,
            }
            for hit in sorted(found.hits, key=lambda hit: -hit.score)
        ],
    }


def _told(policy: Policy, found: Judgement) -> str:
    shadow = " (shadow: not acted on)" if policy.file.shadow else ""
    lines = [f"{found.decision}{shadow}: {found.category or 'nothing'}  [{policy.name} {policy.version}]"]
    for name, value in sorted(found.confidence.items(), key=lambda item: -item[1]):
        category = policy.categories[name]
        least = policy.file.thresholds.review.get(category.severity)
        block = policy.file.thresholds.block.get(category.severity)
        bounds = f"review from {least}" + (f", block from {block}" if block else "")
        lines.append(
            f"{category.name.zh} · {category.name.en}: {value:.2f} (severity {category.severity}; {bounds})"
        )
        for hit in sorted(found.hits, key=lambda hit: -hit.score):
            if hit.category != name:
                continue
            when = f" {hit.span[0]:.1f}–{hit.span[1]:.1f} s" if hit.span else ""
            soft = f"  softened by {', '.join(hit.softened)}" if hit.softened else ""
            shadowed = "  shadow: does not count" if hit.shadow else ""
            shown = f"  in “{hit.text}”" if hit.text and hit.text != hit.term else ""
            lines.append(
                f"  {hit.score:.2f}  {hit.rule}: {hit.term}{shown} ({hit.axis}{when}){soft}{shadowed}"
            )
    shown_only = [hit for hit in found.hits if hit.category not in found.confidence]
    lines += [f"shadow {hit.score:.2f}  {hit.rule}: {hit.term}  does not count" for hit in shown_only]
    if found.contexts:
        lines.append(f"contexts: {', '.join(found.contexts)}")
    return "\n".join(lines)


def _replay(args: argparse.Namespace) -> int:
    from mmu.moderation.policy import load_policy
    from mmu.moderation.replay import read_reports, replay, summary, table

    policy = load_policy(args.policy)
    against = load_policy(args.against) if args.against else None
    reports = read_reports(args.reports)
    first = next(reports)  # wrong ones are named before the encoders are loaded
    embed = None if args.no_embeddings else _encoder(policy, args.threads)
    changes = replay(chain([first], reports), policy, against=against, embed=embed)
    print(json.dumps(summary(changes), ensure_ascii=False) if args.json else table(changes))
    return 0


def _encoder(policy: Policy, threads: int, *, needed: bool = False) -> Embed | None:
    """The encoders if the policy has likeness rules; says so when their weights are missing."""
    from mmu.moderation.cli_learn import encoder
    from models.errors import ModelError

    if not policy.likeness and not needed:
        return None
    try:
        return encoder(threads)
    except ModelError as error:
        if needed:
            raise
        print(f"mmu: likeness rules do not look: {error}", file=sys.stderr)
        return None
