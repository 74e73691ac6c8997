"""SentencePiece vocabularies as tokenizers (Kudo, "Subword Regularization", ACL 2018)."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from functools import cache

from sentencepiece import SentencePieceProcessor

from models.protobuf import FIXED32, LENGTH, data, integer, number, tag, text

_NORMAL, _UNKNOWN, _CONTROL = 1, 2, 3
_UNIGRAM = 1
_FLOAT = struct.Struct("<f")


class Tokenizer:
    """Texts to the ids of their pieces, without start and end. Safe to share between threads."""

    def __init__(self, model: bytes) -> None:
        """Take a SentencePiece model file.

        Raises:
            RuntimeError: not such a file.
        """
        self._processor = SentencePieceProcessor(model_proto=model)

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Ids of each text; a run of unknown characters is one unknown piece."""
        found: list[list[int]] = self._processor.encode(list(texts), num_threads=1)
        return found


def sentencepiece_model(
    pieces: Iterable[tuple[str, float]], *, unknown: int, controls: Iterable[int] = ()
) -> bytes:
    """A SentencePiece unigram model file of (piece, log probability); it normalises only spaces.

    Args:
        pieces: in the order of their ids.
        unknown: id of the piece that stands for what no other piece matches.
        controls: ids of pieces that no text contains, like start and end.
    """
    kinds = {place: integer(3, _CONTROL) for place in controls} | {unknown: integer(3, _UNKNOWN)}
    # There are hundreds of thousands of pieces: what they have in common is written once.
    normal, named, scored = integer(3, _NORMAL), tag(1, LENGTH), tag(2, FIXED32)
    length = cache(number)
    parts: list[bytes] = []
    for place, (piece, score) in enumerate(pieces):
        name = piece.encode("utf-8")
        body = b"".join(
            (named, length(len(name)), name, scored, _FLOAT.pack(score), kinds.get(place, normal))
        )
        parts += (named, length(len(body)), body)
    # the trainer's fields: 3 type of the model, 40 id of the unknown piece, 41 to 43 other special ids (none)
    trainer = integer(3, _UNIGRAM) + integer(40, unknown)
    trainer += b"".join(integer(field, -1) for field in (41, 42, 43))
    parts += [data(2, trainer), data(3, text(1, "identity"))]
    return b"".join(parts)
