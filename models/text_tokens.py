"""SentencePiece unigram vocabularies as tokenizers, without the sentencepiece library.

Source of the method: Kudo, "Subword Regularization", ACL 2018; run by the `tokenizers` package.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import Any

from tokenizers import Regex, Tokenizer, normalizers, pre_tokenizers
from tokenizers.models import Unigram


def unigram(pieces: Sequence[tuple[str, float]], *, unknown: int, characters: bytes = b"") -> Tokenizer:
    """Build a tokenizer from (piece, log probability); `characters` is SentencePiece's compiled map."""
    tokenizer = Tokenizer(Unigram(list(pieces), unknown, False))
    steps: list[Any] = [normalizers.Precompiled(characters)] if characters else []
    tokenizer.normalizer = normalizers.Sequence(
        [*steps, normalizers.Replace(Regex(" {2,}"), " "), normalizers.Strip()]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always", split=False)
    return tokenizer


def read_sentencepiece(data: bytes) -> tuple[list[tuple[str, float]], bytes]:
    """Pieces with their scores, and the compiled character map, of a SentencePiece model file.

    Raises:
        ValueError: not such a file.
    """
    pieces: list[tuple[str, float]] = []
    characters = b""
    for field, value in _fields(data):
        if field == 1 and isinstance(value, bytes):
            parts = dict(_fields(value))
            score = parts.get(2, b"\0\0\0\0")
            if not isinstance(parts.get(1), bytes) or not isinstance(score, bytes):
                raise ValueError("not a SentencePiece model: a piece without a name")
            pieces.append((bytes(parts[1]).decode("utf-8"), struct.unpack("<f", score)[0]))
        elif field == 3 and isinstance(value, bytes):
            found = dict(_fields(value)).get(2, b"")
            characters = found if isinstance(found, bytes) else b""
    if not pieces:
        raise ValueError("not a SentencePiece model: no pieces")
    return pieces, characters


def _fields(data: bytes) -> Iterator[tuple[int, bytes | int]]:
    """Fields of one protobuf message: number and value (bytes for fixed-size ones too)."""
    position = 0
    while position < len(data):
        key, position = _number(data, position)
        wire = key & 7
        if wire == 0:
            number, position = _number(data, position)
            yield key >> 3, number
            continue
        if wire == 2:
            size, position = _number(data, position)
        elif wire in (1, 5):
            size = 8 if wire == 1 else 4
        else:
            raise ValueError(f"not a protobuf message: wire type {wire}")
        if position + size > len(data):
            raise ValueError("a protobuf message that is cut off")
        yield key >> 3, data[position : position + size]
        position += size


def _number(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if position >= len(data):
            raise ValueError("a protobuf message that is cut off")
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
