"""Whisper (Radford et al. 2022) through CTranslate2 and faster-whisper, from a local folder only."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import numpy as np
from faster_whisper import BatchedInferencePipeline, WhisperModel
from faster_whisper.transcribe import Segment
from numpy.typing import NDArray

from models.errors import ModelError
from models.transcript import LOOPING, Piece, Transcript, Word, by_language, by_sentence

#: name and version that signals carry as their source
SOURCE = "whisper-base@ct2-int8"
SAMPLE_RATE = 16000
#: the network sees this many seconds at once
MAX_SECONDS = 30.0
_FILES = ("model.bin", "config.json", "tokenizer.json", "vocabulary.json")
#: silence that follows a piece when its language is asked for
_TAIL_SECONDS = 1.0
_FRAMES_PER_SECOND = 100
_FRAME = SAMPLE_RATE // _FRAMES_PER_SECOND
_FRAMES_AT_LEAST = 500
#: mean log-probability of a token below which a short look is not trusted
_DOUBTFUL = -0.55
#: more tokens than the fastest speech has; a decoder that still goes on is going round in circles
_TOKENS_PER_SECOND = 20
_TOKENS_AT_LEAST = 32
_TOKENS_AT_MOST = 400
#: more letters in a second than anybody says, in an alphabet and in Chinese characters
_FASTEST, _FASTEST_HAN = 28.0, 12.0
#: mean log-probability of a token from which a repetition at the pace of speech counts as heard
_HEARD = -0.3


class _Filters(np.ndarray[Any, Any]):
    """Mel filters whose product does not depend on the threads of BLAS: last bits decide doubtful words."""

    def __matmul__(self, power: Any) -> Any:
        return np.einsum("mf,ft->mt", np.asarray(self), power)


class _Network(WhisperModel):  # type: ignore[misc]  # faster-whisper has no type stubs
    """Sees a window once, however often it is decoded, and with a `tail` less of the padding after it."""

    tail: float | None = None
    _seen: tuple[NDArray[np.float32], Any] | None = None

    def encode(self, features: NDArray[np.float32]) -> Any:
        shown = features
        if self.tail is not None and features.ndim == 2:
            heard = int(np.flatnonzero(features.any(axis=0)).max(initial=0)) + 1
            frames = max(_FRAMES_AT_LEAST, heard + int(self.tail * _FRAMES_PER_SECOND))
            shown = np.ascontiguousarray(features[:, :frames])
        if self._seen is None or not np.array_equal(self._seen[0], shown):
            self._seen = shown, super().encode(shown)
        return self._seen[1]


class Whisper:
    """Language identification and transcription of pieces of up to 30 s, by a Whisper of any size."""

    def __init__(
        self,
        folder: Path | str,
        *,
        threads: int = 1,
        beam_size: int = 5,
        device: Literal["cpu", "cuda"] = "cpu",
        device_index: int = 0,
        compute_type: str = "int8",
        batch: int = 1,
        tail: float | None = None,
        source: str = SOURCE,
    ) -> None:
        """Load the network.

        Args:
            folder: has `model.bin`, `config.json`, `tokenizer.json` and `vocabulary.json`; a network of
                128 mel bands (large-v3, turbo) also its `preprocessor_config.json`.
            threads: threads of CTranslate2.
            beam_size: hypotheses kept while decoding; 5 costs a third more than 1, as most of the
                work is in the encoder.
            device: where CTranslate2 works.
            device_index: which of several GPUs.
            compute_type: CTranslate2's number format: int8, int8_float16, float16, bfloat16, float32.
            batch: pieces decoded at once by `transcribe_many`; above 1 without timestamp tokens.
            tail: seconds of padding after a piece; None pads to 30 s, as Whisper was trained. With a little
                `base` reads a short piece in a quarter of the time; what is doubtful then is read again with
                all of the padding, and the surer text counts.
            source: what signals carry as their source.

        Raises:
            ModelError: a file is missing, or CTranslate2 refuses it.
        """
        folder = Path(folder)
        # With a file missing faster-whisper would look for it on the network.
        missing = [name for name in _FILES if not (folder / name).is_file()]
        if missing:
            raise ModelError(
                f"{folder}: {', '.join(missing)} missing; run `mmu models pull whisper-base`, or convert a "
                "network of your own with ct2-transformers-converter --copy_files tokenizer.json "
                "preprocessor_config.json"
            )
        try:
            self._model = _Network(
                str(folder),
                device=device,
                device_index=device_index,
                compute_type=compute_type,
                cpu_threads=threads,
                local_files_only=True,
            )
        except (RuntimeError, ValueError, OSError) as error:
            raise ModelError(f"{folder}: not a Whisper network that CTranslate2 can run: {error}") from error
        features = self._model.feature_extractor
        features.mel_filters = features.mel_filters.view(_Filters)
        self._tail = tail
        self._beam_size = beam_size
        self.batch = batch
        self.source = source

    def languages(self, samples: NDArray[np.float32]) -> dict[str, float]:
        """Probability of every language, ISO 639-1 code -> [0, 1].

        The piece is followed by a second of silence in place of the padding to 30 s: the answer
        is as right, at less than a seventh of the work.

        Args:
            samples: (n,) float32 mono at 16 kHz; what lies after 28 s is not looked at.
        """
        if not self._model.model.is_multilingual:
            return {"en": 1.0}
        features = self._model.feature_extractor(np.ascontiguousarray(samples))
        tail = int(_TAIL_SECONDS * _FRAMES_PER_SECOND)
        features = features[:, : int(MAX_SECONDS * _FRAMES_PER_SECOND) - tail]
        features = np.pad(features, ((0, 0), (0, tail)), constant_values=float(features.min()))
        found = self._model.model.detect_language(self._model.encode(features))[0]
        return {token[2:-2]: float(probability) for token, probability in found}

    def transcribe_many(self, pieces: Sequence[Piece]) -> list[list[Transcript]]:
        """What is said in each of the pieces, in their order; `batch` of one language are decoded at once.

        Raises:
            ModelError: an unknown language, or a device that runs out of memory.
        """
        if self.batch == 1:
            return [self.transcribe(samples, language) for samples, language in pieces]
        found: list[list[Transcript]] = [[] for _ in pieces]
        for language, indices in by_language(pieces).items():
            self._check(language)
            several = [pieces[index][0] for index in indices]
            for index, one in zip(indices, self._decode_many(several, language), strict=True):
                # The decoder went round in circles: apart from the others it may not.
                if one is not None and _circles(one):
                    found[index] = self.transcribe(*pieces[index])
                elif one is not None:
                    found[index] = by_sentence(one)
        return found

    def transcribe(self, samples: NDArray[np.float32], language: str) -> list[Transcript]:
        """Text with word times. Deterministic: no sampling at any step.

        Args:
            samples: (n,) float32 mono at 16 kHz, up to 30 s.
            language: ISO 639-1 code that the network knows.

        Raises:
            ModelError: an unknown language.
        """
        self._check(language)
        self._model.tail = self._tail
        found = self._read(samples, language)
        if self._tail is not None and _sureness(found) < _DOUBTFUL:
            self._model.tail = None
            found = max(found, self._read(samples, language), key=_sureness)
        return found

    def _read(self, samples: NDArray[np.float32], language: str) -> list[Transcript]:
        found = self._decode(samples, language)
        if any(_circles(segment) for segment in found):
            # Forbid it to say four tokens twice.
            return self._decode(samples, language, no_repeat_ngram_size=4, repetition_penalty=1.1)
        return found

    def _check(self, language: str) -> None:
        if language not in self._model.supported_languages:
            raise ModelError(f"Whisper does not know the language {language!r}")

    def _decode_many(self, several: Sequence[NDArray[np.float32]], language: str) -> list[Transcript | None]:
        """One transcript a piece, None where nothing is said; times from the piece's own start."""
        starts = np.cumsum([0, *(len(one) for one in several)])
        clips = [
            {"start": first / SAMPLE_RATE, "end": last / SAMPLE_RATE} for first, last in pairwise(starts)
        ]
        try:
            segments, _ = BatchedInferencePipeline(self._model).transcribe(
                np.concatenate(several),
                language=language,
                beam_size=self._beam_size,
                temperature=0.0,
                word_timestamps=True,
                clip_timestamps=clips,
                batch_size=self.batch,
            )
            decoded = list(segments)
        except RuntimeError as error:
            if "out of memory" not in str(error):
                raise
            raise ModelError(
                f"{self.source}: out of memory with {self.batch} pieces at once; make the batch smaller"
            ) from error
        found: list[Transcript | None] = [None] * len(several)
        for segment in decoded:
            index = int(np.searchsorted(starts, (segment.seek + 1) * _FRAME, side="right")) - 1
            if segment.words:
                found[index] = _transcript(segment, offset=float(starts[index]) / SAMPLE_RATE)
        return found

    def _decode(self, samples: NDArray[np.float32], language: str, **options: Any) -> list[Transcript]:
        tokens = _TOKENS_AT_LEAST + int(_TOKENS_PER_SECOND * len(samples) / SAMPLE_RATE)
        segments, _ = self._model.transcribe(
            np.ascontiguousarray(samples),
            language=language,
            beam_size=self._beam_size,
            temperature=0.0,
            word_timestamps=True,
            condition_on_previous_text=False,
            max_new_tokens=tokens if tokens < _TOKENS_AT_MOST else None,
            # Doubtful segments are left in: the caller judges them with more at hand.
            no_speech_threshold=None,
            **options,
        )
        return [_transcript(segment) for segment in segments]


def _circles(found: Transcript) -> bool:
    """Whether the decoder went round in circles; a slogan or a refrain may well be said again."""
    if found.compression_ratio <= LOOPING:
        return False
    han = 2 * sum("\u3400" <= letter <= "\u9fff" for letter in found.text) > len(found.text)
    pace = len(found.text) / max(found.end - found.start, 0.1)
    return pace > (_FASTEST_HAN if han else _FASTEST) or found.avg_logprob < _HEARD


def _sureness(found: Sequence[Transcript]) -> float:
    """Mean log-probability of a token; silence is sure."""
    letters = sum(len(one.text) for one in found)
    return sum(one.avg_logprob * len(one.text) for one in found) / max(1, letters)


def _transcript(segment: Segment, *, offset: float = 0.0) -> Transcript:
    return Transcript(
        float(segment.start) - offset,
        float(segment.end) - offset,
        str(segment.text).strip(),
        tuple(
            Word(
                float(word.start) - offset, float(word.end) - offset, str(word.word), float(word.probability)
            )
            for word in segment.words or ()
        ),
        float(segment.avg_logprob),
        float(segment.no_speech_prob),
        float(segment.compression_ratio),
    )
