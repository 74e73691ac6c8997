"""SenseVoice (K. An et al. 2024): words, language, emotion and sound event of a piece in one pass.

The network is the ONNX file that sherpa-onnx's `scripts/sense-voice/export-onnx.py` writes, and runs on the
ONNX Runtime that is there already. Before the words its output has four places: language, emotion of the
voice, sound event, and whether numbers are written out. `SenseVoice` is the network; `SenseVoiceRecogniser`
and `SenseVoiceTagger` are what stages ask.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.ctc import best_path, log_softmax
from models.errors import ModelError
from models.filterbank import SAMPLE_RATE, filterbank
from models.onnx_place import CPU, OnnxPlace, placed
from models.onnx_session import open_session
from models.sensevoice_file import TOKENS, find_file, read_number, read_tokens, read_vector
from models.transcript import Piece, Transcript, by_language, by_sentence

FloatArray = NDArray[np.float32]

#: places of the output before the words
LANGUAGE: Final = 0
EMOTION: Final = 1
EVENT: Final = 2
_AHEAD = 4
#: ISO 639-1 code (`yue` is Cantonese, ISO 639-3) -> key of the file's metadata
LANGUAGES = {code: f"lang_{code}" for code in ("zh", "en", "yue", "ja", "ko")}
_AUTO, _NO_SPEECH = "lang_auto", "<|nospeech|>"
_INPUTS = ("x", "x_length", "language", "text_norm")
_NUMBERS = ("vocab_size", "lfr_window_size", "lfr_window_shift", "with_itn", "without_itn", _AUTO)
_VECTORS = ("neg_mean", "inv_stddev")
_HOP_SECONDS = 0.01
#: samples of a frame
_WINDOW = 400
#: it was trained on pieces up to this length, seconds
MAX_SECONDS = 30.0


class SenseVoice:
    """The network; several threads may ask it at once."""

    sample_rate = SAMPLE_RATE

    def __init__(
        self, folder: Path | str, *, model: str = "", threads: int = 1, place: OnnxPlace = CPU
    ) -> None:
        """Load a network.

        Args:
            folder: `tokens.txt`, and `model.int8.onnx` or `model.onnx`.
            model: its name; where both files are there, one that ends in `int8` means the quantised one.
            threads: CPU threads.
            place: where it runs.

        Raises:
            ModelError: a file is missing, or it is not SenseVoice as sherpa-onnx exports it.
        """
        folder = Path(folder)
        file = find_file(folder, model)
        with placed(place) as opened:
            self._session = open_session(file, threads=threads, arena=False, pattern=False)
        #: what a report says of where it runs
        self.notes = [] if place.kind == "cpu" else place.notes(opened)
        names = tuple(one.name for one in self._session.get_inputs())
        meta = dict(self._session.get_modelmeta().custom_metadata_map)
        lacking = sorted({*_NUMBERS, *_VECTORS, *LANGUAGES.values()} - meta.keys())
        if names != _INPUTS or lacking:
            lacks = f"its metadata lacks {', '.join(lacking[:3])}"
            what = lacks if names == _INPUTS else f"its inputs are {', '.join(names)}"
            raise ModelError(
                f"{file}: not SenseVoice as sherpa-onnx exports it: {what}; "
                "FunASR's own export is another format"
            )
        self._numbers = {key: read_number(file, key, meta[key]) for key in (*_NUMBERS, *LANGUAGES.values())}
        self._shift, self._scale = (read_vector(file, key, meta[key]) for key in _VECTORS)
        self._stack = self._numbers["lfr_window_size"]
        self._skip = self._numbers["lfr_window_shift"]
        if self._shift.size != self._scale.size or self._shift.size % max(1, self._stack):
            raise ModelError(
                f"{file}: its metadata states {self._shift.size} means for frames of {self._stack}"
            )
        self.tokens = read_tokens(folder / TOKENS, self._numbers["vocab_size"])
        self._ids = {token: index for index, token in enumerate(self.tokens)}

    @property
    def step(self) -> float:
        """Seconds from one output to the next."""
        return self._skip * _HOP_SECONDS

    def id(self, token: str) -> int | None:
        """Number of a token; None when the network has none of that name."""
        return self._ids.get(token)

    def features(self, samples: FloatArray) -> FloatArray:
        """(n, 560) float32 of (m,) float32 mono at 16 kHz: every 60 ms seven frames of 80 bands."""
        frames = filterbank(np.pad(samples, (0, max(0, _WINDOW - samples.size))), window="hamming")
        # As it was trained: the first frame stands before itself, the last one fills the last stack.
        count = -(-len(frames) // self._skip)
        before = (self._stack - 1) // 2
        after = max(0, (count - 1) * self._skip + self._stack - before - len(frames))
        frames = np.pad(frames, ((before, after), (0, 0)), mode="edge")
        view = np.lib.stride_tricks.sliding_window_view(frames, self._stack, axis=0)[:: self._skip][:count]
        stacked = np.ascontiguousarray(view.transpose(0, 2, 1)).reshape(count, -1)
        if stacked.shape[1] != self._shift.size:
            raise ModelError(f"the network hears {self._shift.size} numbers at once, not {stacked.shape[1]}")
        return np.asarray((stacked + self._shift) * self._scale, np.float32)

    def outputs(
        self, rows: Sequence[FloatArray], language: str = "", *, written: bool = True
    ) -> list[FloatArray]:
        """(4 + n, tokens) float32 logits of each row of `features`, all run at once.

        Args:
            rows: of any lengths.
            language: of all of them; empty: the network finds it out.
            written: punctuation and numbers as they are written.

        Raises:
            ModelError: a language that the network does not know.
        """
        if language and language not in LANGUAGES:
            raise ModelError(
                f"SenseVoice does not know the language {language!r}; languages: {', '.join(LANGUAGES)}"
            )
        lengths = np.asarray([len(row) for row in rows], np.int32)
        batch = np.zeros((len(rows), int(lengths.max()), rows[0].shape[1]), np.float32)
        for index, row in enumerate(rows):
            batch[index, : len(row)] = row
        number = self._numbers[LANGUAGES[language] if language else _AUTO]
        style = self._numbers["with_itn" if written else "without_itn"]
        inputs = {
            "x": batch,
            "x_length": lengths,
            "language": np.full(len(rows), number, np.int32),
            "text_norm": np.full(len(rows), style, np.int32),
        }
        (found,) = self._session.run(None, inputs)
        if found.ndim != 3 or found.shape[2] != len(self.tokens):
            raise ModelError(
                f"the network gives {found.shape[-1]} scores, its list has {len(self.tokens)} tokens"
            )
        return [
            np.asarray(logits[: _AHEAD + length], np.float32)
            for logits, length in zip(found, lengths, strict=True)
        ]


class _Asking:
    """Rows in batches that are halved, once and for all, when memory runs out."""

    def __init__(self, network: SenseVoice, batch: int) -> None:
        self.network = network
        self.batch = batch
        self._notes: list[str] = []

    def ask(
        self, rows: Sequence[FloatArray], language: str = "", *, written: bool = True
    ) -> list[FloatArray]:
        """See `SenseVoice.outputs`."""
        found: list[FloatArray] = []
        while len(found) < len(rows):
            some = rows[len(found) : len(found) + self.batch]
            try:
                found += self.network.outputs(some, language, written=written)
            except Exception as error:  # ONNX Runtime's errors have no public base class
                if not _is_full(error):
                    raise
                if len(some) == 1:
                    raise ModelError("SenseVoice: out of memory with one piece alone") from error
                self.batch = len(some) // 2
                self._notes.append(f"out of memory at a batch of {len(some)}, went on with {self.batch}")
        return found

    def notes(self) -> list[str]:
        """What there is to tell since it was asked last."""
        notes, self._notes = self._notes, []
        return notes


class SenseVoiceRecogniser(_Asking):
    """Language identification and transcription of pieces of up to 30 s: a `Recogniser`."""

    def __init__(
        self, network: SenseVoice, *, batch: int = 4, written: bool = True, source: str = ""
    ) -> None:
        """Ask a network.

        Args:
            network: may be shared.
            batch: pieces run at once.
            written: punctuation, and numbers as they are written, in place of bare words.
            source: what signals carry as their source.
        """
        super().__init__(network, batch)
        self.source = source
        self._written = written

    def languages(self, samples: FloatArray) -> dict[str, float]:
        """Probability of each of the five languages, which add up to 1.

        Args:
            samples: (n,) float32 mono at 16 kHz; what lies after 30 s is not looked at.
        """
        rows = [self.network.features(samples[: int(MAX_SECONDS * SAMPLE_RATE)])]
        (logits,) = self.ask(rows)
        chances = _shares(self.network, logits[LANGUAGE], [f"<|{code}|>" for code in LANGUAGES])
        return dict(zip(LANGUAGES, map(float, chances), strict=True))

    def transcribe_many(self, pieces: Sequence[Piece]) -> list[list[Transcript]]:
        """What is said in each of the pieces, in their order, by sentence, with word times.

        Raises:
            ModelError: an unknown language, or a piece of more than 30 s.
        """
        found: list[list[Transcript]] = [[] for _ in pieces]
        longest = max((len(samples) for samples, _ in pieces), default=0) / SAMPLE_RATE
        if longest > MAX_SECONDS:
            raise ModelError(f"a piece of {longest:.1f} s; SenseVoice was trained on up to {MAX_SECONDS:g} s")
        silent = self.network.id(_NO_SPEECH)
        for language, indices in by_language(pieces).items():
            rows = [self.network.features(pieces[index][0]) for index in indices]
            for index, logits in zip(indices, self.ask(rows, language, written=self._written), strict=True):
                ahead = log_softmax(logits[LANGUAGE])
                whole = best_path(
                    logits[_AHEAD:],
                    self.network.tokens,
                    step=self.network.step,
                    seconds=len(pieces[index][0]) / SAMPLE_RATE,
                    no_speech=0.0 if silent is None else float(np.exp(ahead[silent])),
                )
                found[index] = [] if whole is None else by_sentence(whole)
        return found


class SenseVoiceTagger(_Asking):
    """Probabilities of emotions or sound events: a `SoundTagger`."""

    def __init__(
        self, network: SenseVoice, place: int, labels: Mapping[str, str | None], *, batch: int = 8
    ) -> None:
        """Ask one place of a network's output.

        Args:
            network: may be shared.
            place: `EMOTION` or `EVENT`.
            labels: token without its marks (`HAPPY`) -> label; None for one that is no answer.
            batch: pieces run at once.

        Raises:
            ModelError: the network has none of these tokens.
        """
        super().__init__(network, batch)
        self._place = place
        self._tokens = [f"<|{name}|>" for name in labels]
        self._kept = [index for index, label in enumerate(labels.values()) if label is not None]
        self.labels = tuple(label for label in labels.values() if label is not None)
        self.sample_rate = network.sample_rate
        if all(network.id(token) is None for token in self._tokens):
            raise ModelError(f"SenseVoice: {TOKENS} has none of {', '.join(self._tokens)}")

    def probabilities(self, pieces: Sequence[FloatArray]) -> FloatArray:
        """(len(pieces), len(labels)) float32 of (n,) float32 mono pieces at 16 kHz.

        A row adds up to 1 with the tokens that are no answers, which are not in it.
        """
        out = np.zeros((len(pieces), len(self.labels)), np.float32)
        if pieces:
            rows = [self.network.features(piece) for piece in pieces]
            for index, logits in enumerate(self.ask(rows)):
                out[index] = _shares(self.network, logits[self._place], self._tokens)[self._kept]
        return out


def _shares(network: SenseVoice, logits: FloatArray, tokens: Sequence[str]) -> FloatArray:
    """Softmax over some tokens; one that the network has not gets 0."""
    ids = [network.id(token) for token in tokens]
    known = [index for index in ids if index is not None]
    shares = iter(np.exp(log_softmax(logits[known])))
    return np.asarray([0.0 if index is None else next(shares) for index in ids], np.float32)


def _is_full(error: Exception) -> bool:
    text = str(error).lower()
    return "out of memory" in text or "failed to allocate memory" in text or "bad_alloc" in text
