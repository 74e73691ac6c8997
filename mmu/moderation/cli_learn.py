"""`mmu policy train | test`: the text classifier, and how well rules or classifier do on labelled rows."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mmu.moderation.learned.features import Read
    from mmu.moderation.learned.metrics import Scores
    from mmu.moderation.learned.rows import Row
    from mmu.moderation.likeness import Embed
    from mmu.moderation.policy import Policy

ROWS = """\
LABELLED.jsonl has one JSON object a line: title, OCR (on-screen text), ASR (speech) and tag (the label);
"|" parts frames and segments, null is no text.
"""


def add_actions(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `train` and `test`."""
    train = actions.add_parser(
        "train",
        help="train the text classifier on labelled rows",
        description=ROWS
        + "Writes numbers, names and a model card with the worth on rows it had not seen. A classifier that\n"
        "is in DIR already is replaced only if, on the rows that it has not learned from, the new one is\n"
        "right at least as often; otherwise it stays, and the exit code is 1.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    train.add_argument("labelled", type=Path, metavar="LABELLED.jsonl")
    train.add_argument("--out", type=Path, required=True, metavar="DIR")
    train.add_argument("--name", default="text classifier", help="a name for the model card")
    train.add_argument(
        "--folds", type=int, default=5, metavar="N", help="of the cross-validation for the card; 0: none"
    )
    train.add_argument("--force", action="store_true", help="replace what is in DIR without a comparison")
    _common(train)
    train.set_defaults(action=_train)
    test = actions.add_parser(
        "test",
        help="test a policy by its own examples, or rules or a classifier by labelled rows",
        description=ROWS
        + "Without rows: the examples in the policy file are run; exit code 1 when one fails. "
        "With rows: one JSON object or a table; without --model the rules alone are measured.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    test.add_argument("labelled", type=Path, nargs="?", metavar="LABELLED.jsonl")
    test.add_argument("--model", type=Path, metavar="DIR", help="of `mmu policy train`")
    test.add_argument("--json", action="store_true", help="print one JSON object")
    _common(test)
    test.set_defaults(action=_test)


def _common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--policy", type=Path, metavar="FILE", help="default: the shipped policy")
    parser.add_argument(
        "--safe-label", metavar="LABEL", help="the label of compliant rows (default: 正向, …)"
    )
    parser.add_argument(
        "--threads", type=int, default=2, metavar="N", help="of the text encoders (default 2)"
    )


def _train(args: argparse.Namespace) -> int:
    from mmu.errors import ConfigError
    from mmu.moderation.learned.card import write_card
    from mmu.moderation.learned.classifier import train
    from mmu.moderation.learned.features import read
    from mmu.moderation.learned.rows import read_rows, safe_label_of
    from mmu.moderation.learned.store import NAMES, save
    from mmu.moderation.learned.validate import cross_validate
    from mmu.moderation.policy import load_policy

    rows = read_rows(args.labelled)
    labels = [row.label for row in rows]
    safe = safe_label_of(labels, args.safe_label)
    policy = load_policy(args.policy)
    if not policy.likeness:
        raise ConfigError("the classifier needs a policy with likeness rules to compare with")
    if args.folds == 1 or args.folds < 0:
        raise ConfigError(f"--folds must be 0 or at least 2, not {args.folds}")
    print(f"reading {len(rows)} rows …", file=sys.stderr)
    embed = encoder(args.threads)
    seen = read([row.words for row in rows], policy.likeness, embed, policy)
    if (
        (args.out / NAMES).exists()
        and not args.force
        and not _better(seen, labels, safe, policy, args.out, embed)
    ):
        return 1
    classifier = train(seen, labels, safe, described=policy.described)
    print("cross-validating …" if args.folds else "not cross-validated", file=sys.stderr)
    held_out = None
    if args.folds:
        held_out = cross_validate(seen, labels, safe, described=policy.described, folds=args.folds)
    card = write_card(args.name, labels, safe, held_out, folds=args.folds, seed=0)
    save(args.out, classifier, policy.sentences, seen.texts, name=args.name, card=card)
    print(f"wrote {args.out}", file=sys.stderr)
    if held_out is not None:
        print(
            f"on rows it had not seen ({args.folds} folds): binary accuracy {held_out.binary_accuracy:.3f}, "
            f"multi-class accuracy {held_out.multiclass_accuracy:.3f}, macro-F1 {held_out.macro_f1:.3f}"
        )
    return 0


def _better(rows: Read, labels: Sequence[str], safe: str, policy: Policy, folder: Path, embed: Embed) -> bool:
    from mmu.errors import ConfigError, StoreError
    from mmu.moderation.learned.store import load
    from mmu.moderation.learned.successor import compare

    try:
        old = load(folder)
    except StoreError as error:
        raise ConfigError(f"{error}; --force replaces it") from error
    print("comparing with the classifier that is there …", file=sys.stderr)
    found = compare(rows, labels, safe, old, embed, policy)
    print(f"on {found.old.rows} rows that neither had learned from:")
    for name, scores in (("old", found.old), ("new", found.new)):
        print(
            f"{name}: binary accuracy {scores.binary_accuracy:.3f}, "
            f"multi-class accuracy {scores.multiclass_accuracy:.3f}"
        )
    if not found.good_enough:
        print(f"kept the old classifier in {folder}: the new one is right less often")
    return found.good_enough


def _test(args: argparse.Namespace) -> int:
    from mmu.errors import ConfigError
    from mmu.moderation.cli_rules import run_examples
    from mmu.moderation.learned.rows import read_rows, safe_label_of

    if args.labelled is None:
        if args.model is not None:
            raise ConfigError("--model needs labelled rows to be tested on")
        return run_examples(args)
    rows = read_rows(args.labelled)
    if args.model is None:
        safe = safe_label_of([row.label for row in rows], args.safe_label)
        scores = _rules(rows, safe, args)
    else:
        scores = _model(rows, args)
    print(json.dumps(scores.to_json(), ensure_ascii=False) if args.json else table(scores))
    return 0


def _rules(rows: Sequence[Row], safe: str, args: argparse.Namespace) -> Scores:
    from mmu.moderation.learned.metrics import score
    from mmu.moderation.learned.rules import judge_rows
    from mmu.moderation.policy import load_policy

    found = judge_rows(load_policy(args.policy), rows, safe, encoder(args.threads))
    truth = [row.label for row in rows]
    return score(truth, found, [label != safe for label in found], safe)


def _model(rows: Sequence[Row], args: argparse.Namespace) -> Scores:
    from mmu.errors import ConfigError
    from mmu.moderation.learned.features import read
    from mmu.moderation.learned.metrics import score
    from mmu.moderation.learned.store import load
    from mmu.moderation.policy import load_policy

    trained = load(args.model)
    safe = trained.classifier.safe
    if args.safe_label not in (None, safe):
        raise ConfigError(f"the classifier's safe label is {safe!r}, not {args.safe_label!r}")
    policy = load_policy(args.policy)
    seen = read([row.words for row in rows], trained.likeness, encoder(args.threads), policy)
    found = trained.classifier.predict(seen)
    return score(
        [row.label for row in rows],
        [one.label for one in found],
        [one.violating > 0.5 for one in found],
        safe,
    )


def encoder(threads: int) -> Embed:
    """The text encoders, loaded now.

    Raises:
        ConfigError: no thread.
        ModelError: their weights are not in the store.
    """
    from mmu.errors import ConfigError
    from models.store import Store
    from models.text_embedding import TextEmbedder

    if threads < 1:
        raise ConfigError(f"--threads must be at least 1, not {threads}")
    return TextEmbedder(Store(), threads=threads).embed


def table(scores: Scores) -> str:
    """The scores for a terminal."""
    lines = [
        f"rows                    {scores.rows}",
        f"binary accuracy         {scores.binary_accuracy:.3f}   macro-F1 {scores.binary_macro_f1:.3f}",
        f"violations              precision {_number(scores.violation_precision)}   "
        f"recall {_number(scores.violation_recall)}",
        f"multi-class accuracy    {scores.multiclass_accuracy:.3f}   macro-F1 {scores.macro_f1:.3f}",
        "precision  recall   rows  label",
    ]
    lines += [
        f"{_number(one['precision']):>9}  {_number(one['recall']):>6}  {one['rows']:>5}  {label}"
        for label, one in scores.per_class.items()
    ]
    return "\n".join(lines)


def _number(value: float | int | None) -> str:
    return "–" if value is None else f"{value:.3f}"
