"""SentencePiece vocabularies as tokenizers (Kudo, "Subword Regularization", ACL 2018)."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence

from sentencepiece import SentencePieceProcessor

from models.protobuf import FIXED32, data, integer, tag, text

_NORMAL, _UNKNOWN, _CONTROL = 1, 2, 3
_UNIGRAM = 1


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
    kinds = dict.fromkeys(controls, _CONTROL) | {unknown: _UNKNOWN}
    parts = []
    for number, (piece, score) in enumerate(pieces):
        name = piece.encode("utf-8")
        kind = kinds.get(number, _NORMAL)
        body = data(1, name) + tag(2, FIXED32) + struct.pack("<f", score) + integer(3, kind)
        parts.append(data(1, body))
    # the trainer's fields: 3 type of the model, 40 id of the unknown piece, 41 to 43 other special ids (none)
    trainer = integer(3, _UNIGRAM) + integer(40, unknown)
    trainer += b"".join(integer(field, -1) for field in (41, 42, 43))
    parts += [data(2, trainer), data(3, text(1, "identity"))]
    return b"".join(parts)
