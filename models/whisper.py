"""Whisper (Radford et al. 2022) through CTranslate2 and faster-whisper, from a local folder only."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from faster_whisper import WhisperModel
from numpy.typing import NDArray

from models.errors import ModelError

#: name and version that signals carry as their source
SOURCE = "whisper-base@ct2-int8"
SAMPLE_RATE = 16000
#: the network sees this many seconds at once
MAX_SECONDS = 30.0
_FILES = ("model.bin", "config.json", "tokenizer.json", "vocabulary.json")
#: silence that follows a piece when its language is asked for
_TAIL_SECONDS = 2.0
_FRAMES_PER_SECOND = 100
_LOOPING = 2.4
#: more tokens than the fastest speech has; a decoder that still goes on is going round in circles
_TOKENS_PER_SECOND = 20
_TOKENS_AT_LEAST = 32
_TOKENS_AT_MOST = 400


@dataclass(frozen=True, slots=True)
class Word:
    """One word with its times in seconds from the start of the samples, and its probability."""

    start: float
    end: float
    text: str
    probability: float


@dataclass(frozen=True, slots=True)
class Transcript:
    """One segment as Whisper decoded it, with the measures by which it can be doubted."""

    start: float
    end: float
    text: str
    words: tuple[Word, ...]
    avg_logprob: float
    no_speech_prob: float
    compression_ratio: float


class Whisper:
    """Language identification and transcription of pieces of up to 30 s."""

    def __init__(self, folder: Path | str, *, threads: int = 1, beam_size: int = 5) -> None:
        """Load the network in int8.

        Args:
            folder: has `model.bin`, `config.json`, `tokenizer.json` and `vocabulary.json`.
            threads: threads of CTranslate2.
            beam_size: hypotheses kept while decoding; 5 costs little more than 1, as most of the
                work is in the encoder.

        Raises:
            ModelError: a file is missing, or CTranslate2 refuses it.
        """
        folder = Path(folder)
        # With a file missing faster-whisper would look for it on the network.
        missing = [name for name in _FILES if not (folder / name).is_file()]
        if missing:
            raise ModelError(f"{folder}: {', '.join(missing)} missing; run `mmu models pull whisper-base`")
        try:
            self._model = WhisperModel(
                str(folder), device="cpu", compute_type="int8", cpu_threads=threads, local_files_only=True
            )
        except (RuntimeError, ValueError, OSError) as error:
            raise ModelError(f"{folder}: not a Whisper network that CTranslate2 can run: {error}") from error
        self._beam_size = beam_size

    def languages(self, samples: NDArray[np.float32]) -> dict[str, float]:
        """Probability of every language, ISO 639-1 code -> [0, 1].

        The piece is followed by two seconds of silence in place of the padding to 30 s: the answer
        is as right, at a seventh of the work.

        Args:
            samples: (n,) float32 mono at 16 kHz; what lies after 28 s is not looked at.
        """
        features = self._model.feature_extractor(np.ascontiguousarray(samples))
        tail = int(_TAIL_SECONDS * _FRAMES_PER_SECOND)
        features = features[:, : int(MAX_SECONDS * _FRAMES_PER_SECOND) - tail]
        features = np.pad(features, ((0, 0), (0, tail)), constant_values=float(features.min()))
        found = self._model.model.detect_language(self._model.encode(features))[0]
        return {token[2:-2]: float(probability) for token, probability in found}

    def transcribe(self, samples: NDArray[np.float32], language: str) -> list[Transcript]:
        """Text with word times. Deterministic: no sampling at any step.

        Args:
            samples: (n,) float32 mono at 16 kHz, up to 30 s.
            language: ISO 639-1 code that the network knows.

        Raises:
            ModelError: an unknown language.
        """
        if language not in self._model.supported_languages:
            raise ModelError(f"Whisper does not know the language {language!r}")
        found = self._decode(samples, language)
        if any(segment.compression_ratio > _LOOPING for segment in found):
            # The decoder went round in circles: forbid it to say four tokens twice.
            return self._decode(samples, language, no_repeat_ngram_size=4, repetition_penalty=1.1)
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
        return [
            Transcript(
                float(segment.start),
                float(segment.end),
                str(segment.text).strip(),
                tuple(
                    Word(float(word.start), float(word.end), str(word.word), float(word.probability))
                    for word in segment.words or ()
                ),
                float(segment.avg_logprob),
                float(segment.no_speech_prob),
                float(segment.compression_ratio),
            )
            for segment in segments
        ]
