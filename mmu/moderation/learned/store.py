"""A trained classifier in a folder: numbers as npz, names as JSON, a model card; nothing is executed."""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mmu.errors import StoreError
from mmu.moderation.learned.classifier import Classifier, Linear
from mmu.moderation.learned.features import EMBEDDED, KIND, VIOLATION, Features, likeness_of
from mmu.moderation.learned.kinds import Prior
from mmu.moderation.learned.violating import Neighbours, Weighing
from mmu.moderation.likeness import Likeness
from mmu.moderation.texts import Words
from models.text_embedding import SOURCE

FORMAT = "mmu.moderation-model/4"
NUMBERS, NAMES, CARD = "numbers.npz", "model.json", "MODEL_CARD.md"


@dataclass(frozen=True, slots=True)
class Trained:
    """A classifier with the sentences that its likeness features compare with, and its digest.

    `seen` holds the keys of the rows that it learned from.
    """

    classifier: Classifier
    likeness: Likeness
    digest: str
    name: str
    seen: frozenset[str]


def row_key(words: Words) -> str:
    """The same for the same words, and nothing that could be read."""
    text = "\0".join((words.title, words.screen, words.speech))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def save(
    folder: Path,
    classifier: Classifier,
    sentences: Mapping[str, Sequence[str]],
    rows: Iterable[Words],
    *,
    name: str,
    card: str,
) -> None:
    """Write a trained classifier; a reader finds the one before or this one, never a mixture.

    Args:
        folder: where to; made if needed.
        classifier: what was trained.
        sentences: those of the policy's likeness rules.
        rows: what it learned from; of their words, only hashes and embeddings are kept.
        name: for people.
        card: the model card, Markdown.

    Raises:
        StoreError: the folder cannot be written.
    """
    arrays, values = classifier.features.to_data()
    for part, linear in (("violation", classifier.violation), ("kind", classifier.kind)):
        arrays[f"weights.{part}"], arrays[f"bias.{part}"] = linear.weights.astype(np.float16), linear.bias
    arrays["prior.frequency"], arrays["prior.weights"] = classifier.prior.frequency, classifier.prior.weights
    arrays["neighbours.meaning"], arrays["neighbours.bad"] = (
        classifier.neighbours.meaning,
        classifier.neighbours.bad,
    )
    data = {
        "format": FORMAT,
        "name": name,
        "encoder": SOURCE,
        "safe": classifier.safe,
        "kinds": classifier.kinds,
        "described": classifier.described,
        "weighing": [*classifier.weighing.weights, classifier.weighing.bias],
        "choice": classifier.choice,
        "blocks": {"violation": VIOLATION, "kind": KIND},
        "sentences": {key: list(lines) for key, lines in sentences.items()},
        "seen": sorted({row_key(words) for words in rows}),
        **values,
    }
    numbers = io.BytesIO()
    np.savez_compressed(numbers, allow_pickle=False, **arrays)
    data["numbers"] = hashlib.sha256(numbers.getvalue()).hexdigest()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for part, content in (
            (NUMBERS, numbers.getvalue()),
            (NAMES, json.dumps(data, ensure_ascii=False).encode()),
            (CARD, card.encode()),
        ):
            temporary = folder / f".{part}.{os.getpid()}"
            temporary.write_bytes(content)
            temporary.replace(folder / part)
    except OSError as error:
        raise StoreError(f"cannot write the classifier to {folder}: {error}") from error


def load(folder: Path) -> Trained:
    """Read a trained classifier.

    Raises:
        StoreError: it is missing, damaged, or made for another encoder or version.
    """
    try:
        raw = (folder / NAMES).read_bytes()
        numbers = (folder / NUMBERS).read_bytes()
        data: dict[str, Any] = json.loads(raw)
        with np.load(io.BytesIO(numbers), allow_pickle=False) as stored:
            arrays = {key: stored[key] for key in stored.files}
    except OSError as error:
        raise StoreError(
            f"no classifier in {folder}: {error.strerror}; train one with `mmu policy train`"
        ) from error
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        raise StoreError(f"the classifier in {folder} is damaged: {error}") from error
    kind = str(data.get("format", "")) if isinstance(data, dict) else ""
    if kind.partition("/")[0] != FORMAT.partition("/")[0]:
        raise StoreError(f"{folder / NAMES} is not a {FORMAT} file")
    if (
        kind != FORMAT
        or data.get("encoder") != SOURCE
        or data.get("blocks") != {"violation": VIOLATION, "kind": KIND}
    ):
        raise StoreError(f"the classifier in {folder} was made by another version: train it again")
    if data.get("numbers") != hashlib.sha256(numbers).hexdigest():
        raise StoreError(f"the classifier in {folder} is damaged: {NUMBERS} does not belong to {NAMES}")
    try:
        linear = [
            Linear(arrays[f"weights.{part}"].astype(np.float32), arrays[f"bias.{part}"])
            for part in ("violation", "kind")
        ]
        first, second, third, bias = map(float, data["weighing"])
        odds, share, added = data["choice"]
        classifier = Classifier(
            Features.load(arrays, data),
            linear[0],
            linear[1],
            tuple(data["kinds"]),
            tuple(data["described"]),
            Prior(arrays["prior.frequency"], arrays["prior.weights"]),
            str(data["safe"]),
            Neighbours(
                arrays["neighbours.meaning"].astype(np.float16), arrays["neighbours.bad"].astype(bool)
            ),
            Weighing((first, second, third), bias),
            (float(odds), float(share), float(added)),
        )
        sizes = {len(classifier.described), len(classifier.prior.frequency), linear[1].weights.shape[1]}
        sizes.add(linear[0].weights.shape[1] - 2)
        if sizes != {len(classifier.kinds)}:
            raise ValueError("as many columns of weights as kinds are needed")
        if classifier.neighbours.meaning.shape[:2] != (len(EMBEDDED), len(classifier.neighbours.bad)):
            raise ValueError("as many labels as neighbours are needed")
        sentences = {str(key): [str(line) for line in lines] for key, lines in data["sentences"].items()}
        seen = frozenset(map(str, data["seen"]))
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise StoreError(f"the classifier in {folder} is damaged: {error!r}") from error
    digest = hashlib.sha256(raw + numbers).hexdigest()
    return Trained(classifier, likeness_of(sentences), digest, str(data.get("name", folder.name)), seen)
