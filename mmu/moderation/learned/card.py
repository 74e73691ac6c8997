"""The model card written beside a trained classifier."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from mmu.moderation.learned.metrics import Scores


def write_card(
    name: str, labels: Sequence[str], safe: str, held_out: Scores | None, *, folds: int, seed: int
) -> str:
    """Markdown: what it is, what it learned from, what it is worth, what it must not be used for."""
    counts = Counter(labels).most_common()
    lines = [
        f"# {name}",
        "",
        "Tells violating short videos from compliant ones, and the kind of violation, from title, on-screen",
        "text and speech. Kernel ridge regression on character n-grams, sentence embeddings, nearness to",
        "described violations and the structure of the text, with the labels of the rows nearest in meaning,",
        "weighed by a logistic regression. The kind also from the words and contacts that the policy's rules",
        "find. The folder holds embeddings of the rows that it learned from, not their words.",
        "",
        "## Trained on",
        "",
        f"{len(labels)} labelled rows; `{safe}` is compliant.",
        "",
        "| label | rows |",
        "|---|---:|",
        *(f"| {label} | {count} |" for label, count in counts),
        "",
        *_worth(held_out, folds, seed),
        "",
        "## Limits",
        "",
        "It reads words and sees no picture. It repeats the judgement, and the prejudice, of those who",
        "labelled the rows. A label with fewer than about twenty rows is hardly learned. Use it to ask for",
        "a person's look, not to block on its own; train it again when the rules or the uploads change.",
        "",
    ]
    return "\n".join(lines)


def _worth(held_out: Scores | None, folds: int, seed: int) -> list[str]:
    if held_out is None:
        return ["## Worth", "", "Not measured when it was trained; see `mmu policy test`."]
    return [
        f"## Worth, on rows it had not seen ({folds}-fold cross-validation, seed {seed})",
        "",
        "| measure | value |",
        "|---|---:|",
        f"| violating or not: accuracy | {held_out.binary_accuracy:.3f} |",
        f"| violating or not: macro-F1 | {held_out.binary_macro_f1:.3f} |",
        f"| violations: precision | {_number(held_out.violation_precision)} |",
        f"| violations: recall | {_number(held_out.violation_recall)} |",
        f"| label: accuracy | {held_out.multiclass_accuracy:.3f} |",
        f"| label: macro-F1 | {held_out.macro_f1:.3f} |",
        "",
        "| label | precision | recall | rows |",
        "|---|---:|---:|---:|",
        *(
            f"| {label} | {_number(one['precision'])} | {_number(one['recall'])} | {one['rows']} |"
            for label, one in held_out.per_class.items()
        ),
    ]


def _number(value: float | int | None) -> str:
    return "–" if value is None else f"{value:.2f}"
