"""OpenAI's Whisper (Radford et al. 2022) by the `openai-whisper` package, from a checkpoint on disk."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from models.errors import ModelError
from models.torch.runtime import Runtime
from models.transcript import LOOPING, Piece, Transcript, Word, by_language, by_sentence

if TYPE_CHECKING:
    import torch

SAMPLE_RATE = 16000
#: seconds that the network sees at once
_WINDOW = 30


class TorchWhisper:
    """Language identification and transcription of pieces of up to 30 s, several at once."""

    def __init__(
        self,
        checkpoint: Path | str,
        runtime: Runtime,
        *,
        model: str = "",
        batch: int = 8,
        beam_size: int | None = None,
        source: str = "",
    ) -> None:
        """Load a checkpoint.

        Args:
            checkpoint: a `.pt` file as OpenAI publishes it: dimensions and weights.
            runtime: device and number format; fp16 where it says fp16 or bf16, the package knows no other.
            model: its name (`large-v3`, `turbo`, ...). It says which attention heads follow the words in
                time; without it those of the upper half of the decoder are taken, as the package does.
            batch: pieces decoded at once.
            beam_size: hypotheses kept while decoding; None is greedy. With a beam only the encoder takes
                several pieces at once: the package's beam search takes one.
            source: what signals carry as their source.

        Raises:
            ModelError: the package or the file is missing, or it is not such a checkpoint.
        """
        try:
            import whisper
        except ImportError as error:
            raise ModelError(
                f"openai-whisper cannot be imported ({error}); pip install 'mmu-video[whisper]'"
            ) from error
        checkpoint = Path(checkpoint)
        # With anything but a file the package would look for it on the network.
        if not checkpoint.is_file():
            raise ModelError(f"{checkpoint}: no such file; it is a checkpoint of openai-whisper, NAME.pt")
        heads = whisper._ALIGNMENT_HEADS
        if model and model not in heads:
            raise ModelError(f"unknown Whisper model {model!r}; models: {', '.join(heads)}")
        try:
            self._model = whisper.load_model(str(checkpoint), device="cpu")
            if model:
                self._model.set_alignment_heads(heads[model])
        except Exception as error:  # unpickling and load_state_dict raise whatever a wrong file leads to
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise ModelError(f"{checkpoint}: not a checkpoint of openai-whisper: {reason}") from error
        self._model = runtime.place(self._model)
        self.runtime, self._whisper = runtime, whisper
        self._half = runtime.dtype.itemsize == 2
        self._beam_size = beam_size
        self.batch = batch
        self.source = source or f"openai-whisper-{model or checkpoint.stem}@{whisper.__version__}"

    def languages(self, samples: NDArray[np.float32]) -> dict[str, float]:
        """Probability of every language, ISO 639-1 code -> [0, 1].

        Args:
            samples: (n,) float32 mono at 16 kHz; what lies after 30 s is not looked at.
        """
        if not self._model.is_multilingual:
            return {"en": 1.0}
        (found,) = self.runtime.map(self._detect, [self._mel(samples[: _WINDOW * SAMPLE_RATE])], batch=1)
        return {str(code): float(probability) for code, probability in found.items()}

    def transcribe_many(self, pieces: Sequence[Piece]) -> list[list[Transcript]]:
        """What is said in each of the pieces, in their order, with word times from the piece's start.

        Raises:
            ModelError: a language that the network does not know, or a piece of more than 30 s.
        """
        found: list[list[Transcript]] = [[] for _ in pieces]
        for language, indices in by_language(pieces).items():
            self._check(language, [pieces[index][0] for index in indices])
            rows = [self._mel(pieces[index][0], quiet=False) for index in indices]
            results = self.runtime.map(partial(self._decode, language), rows, batch=self.batch)
            for index, (mel, result) in zip(indices, results, strict=True):
                found[index] = self._timed(mel, result, len(pieces[index][0]), language)
        return found

    def _check(self, language: str, several: Sequence[NDArray[np.float32]]) -> None:
        known = self._whisper.tokenizer.LANGUAGES if self._model.is_multilingual else {"en": "english"}
        if language not in known:
            raise ModelError(f"Whisper does not know the language {language!r}")
        longest = max(len(one) for one in several) / SAMPLE_RATE
        if longest > _WINDOW:
            raise ModelError(f"a piece of {longest:.1f} s; Whisper sees {_WINDOW} s at once")

    def _mel(self, samples: NDArray[np.float32], *, quiet: bool = True) -> NDArray[np.float32]:
        """(mel bands, 3000) float32; filled up with silence or, as the package's transcripts, zeros."""
        audio = self._whisper.audio
        # A batch would be measured by its loudest piece: each is taken by itself.
        mel = audio.log_mel_spectrogram(
            np.ascontiguousarray(samples, np.float32), self._model.dims.n_mels, padding=audio.N_SAMPLES
        )
        if not quiet:
            mel = mel[:, : len(samples) // audio.HOP_LENGTH]
        return np.asarray(audio.pad_or_trim(mel, audio.N_FRAMES).numpy(), np.float32)

    def _cast(self, mel: torch.Tensor) -> torch.Tensor:
        return mel.half() if self._half else mel

    def _plain(self) -> AbstractContextManager[Any]:
        """The package casts by itself."""
        import torch

        plain: AbstractContextManager[Any] = torch.autocast(self.runtime.device.type, enabled=False)
        return plain

    def _detect(self, mel: torch.Tensor) -> Sequence[dict[str, float]]:
        with self._plain():
            return list(self._model.detect_language(self._cast(mel))[1])

    def _decode(self, language: str, mel: torch.Tensor) -> Sequence[tuple[torch.Tensor, Any]]:
        with self._plain():
            mel = self._cast(mel)
            options = self._options(language, beam_size=self._beam_size)
            heard = self._model.encoder(mel)
            if self._beam_size is None:
                results = self._whisper.decode(self._model, heard, options)
            else:
                results = [self._whisper.decode(self._model, one, options) for one in heard]
        return list(zip(mel, results, strict=True))

    def _options(self, language: str, **more: Any) -> Any:
        return self._whisper.DecodingOptions(
            language=language, without_timestamps=True, fp16=self._half, **more
        )

    def _timed(self, mel: torch.Tensor, result: Any, samples: int, language: str) -> list[Transcript]:
        """One decoded piece with its words' times, cut into sentences."""
        if result.compression_ratio > LOOPING:
            # Round in circles: the package's own way out is to draw at rising temperatures.
            result = self._again(mel, result, language)
        seconds = samples / SAMPLE_RATE
        segment = {"seek": 0, "start": 0.0, "end": seconds, "tokens": result.tokens, "words": []}
        tokenizer = self._whisper.tokenizer.get_tokenizer(
            self._model.is_multilingual,
            num_languages=self._model.num_languages,
            language=language,
            task="transcribe",
        )
        self._whisper.timing.add_word_timestamps(
            segments=[segment],
            model=self._model,
            tokenizer=tokenizer,
            mel=mel,
            num_frames=min(samples // self._whisper.audio.HOP_LENGTH, self._whisper.audio.N_FRAMES),
            last_speech_timestamp=0.0,
        )
        words = tuple(
            Word(float(one["start"]), float(one["end"]), str(one["word"]), float(one["probability"]))
            for one in segment["words"]
        )
        if not words:
            return []
        return by_sentence(
            Transcript(
                words[0].start,
                words[-1].end,
                str(result.text),
                words,
                float(result.avg_logprob),
                float(result.no_speech_prob),
                float(result.compression_ratio),
            )
        )

    def _again(self, mel: torch.Tensor, first: Any, language: str) -> Any:
        """The least repetitive of a few draws; seeded, so that the same piece gives the same text."""
        import torch

        best = first
        devices = [self.runtime.device] if self.runtime.device.type == "cuda" else []
        with torch.random.fork_rng(devices=devices):
            torch.manual_seed(0)
            for temperature in (0.2, 0.4, 0.6, 0.8):
                options = self._options(language, temperature=temperature)
                drawn = self._whisper.decode(self._model, mel, options)
                best = min(best, drawn, key=lambda one: float(one.compression_ratio))
                if best.compression_ratio <= LOOPING:
                    break
        return best
