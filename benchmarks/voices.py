"""Known voices and age groups on the speech of a corpus, as it is, shortened, and with music under it.

    python -m benchmarks.voices --corpus DIR [--only known|ages] [--json OUT]

Speakers are told apart by the corpus' `speaker_pair` entries and by `speaker=ID` or `speaker id=ID` in its
MANIFEST.tsv; recordings that neither joins count as different people. Children are simulated: adults' speech
played faster, which shortens the vocal tract and raises the pitch by the same ratio.
"""

from __future__ import annotations

import argparse
import json
import os
import re
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.signal import resample_poly

from benchmarks.truth import Corpus, read_corpus
from benchmarks.variations import decode
from mmu.gallery.voices import VOICE_COSINE
from mmu.media.clip import Clip
from mmu.perception.speakers import RATE, Speakers
from mmu.perception.speech_spans import speech_spans
from mmu.signals import Signal, SignalSet
from models import voice_activity
from models.store import Store
from models.voice_activity import VoiceActivity

FloatArray = NDArray[np.float32]
#: so much of a recording is heard, seconds
_LONGEST = 40
#: cosines whose false accepts and recall are shown, and ratios by which tracts are shortened
_COSINES = (0.62, 0.55, VOICE_COSINE, 0.45)
_RATIOS = (1.0, 1.087, 1.17, 1.25)
_MUSIC_DB = (10.0, 5.0, 0.0)
Row = dict[str, str | float | int]


class Ear:
    """Voice activity and the stage `speakers`: the voice heard longest."""

    def __init__(self) -> None:
        self._activity, self._stage = VoiceActivity(), Speakers()
        self._stage.setup(Store())

    def voice(self, samples: FloatArray) -> Signal | None:
        """The `speech.speaker` signal with most speech."""
        heard = speech_spans(self._activity.probabilities(samples), voice_activity.HOP / RATE)
        spoken = [Signal("speech.activity", None, None, span, voice_activity.SOURCE) for span in heard]
        found = self._stage.run(Clip.from_arrays(audio=(samples, RATE)), SignalSet(spoken))
        return max(found, key=lambda one: float(one.attributes["seconds"]), default=None)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; returns 0."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.voices", description=__doc__.splitlines()[0])
    place = os.environ.get("MMU_CORPUS")
    parser.add_argument("--corpus", type=Path, default=place and Path(place), help="folder ($MMU_CORPUS)")
    parser.add_argument("--only", choices=("known", "ages"), help="one of the two tables (default: both)")
    parser.add_argument("--json", type=Path, metavar="OUT", help="also write the rows as JSON")
    args = parser.parse_args(argv)
    if args.corpus is None:
        parser.error("--corpus or $MMU_CORPUS is needed")
    corpus = read_corpus(args.corpus)
    ear = Ear()
    recordings = {path: decode(corpus.path(path))[: _LONGEST * RATE] for path in _speech(corpus)}
    rows: list[Row] = []
    if args.only != "ages":
        rows += _shown(_known(corpus, recordings, ear))
    if args.only != "known":
        rows += _shown(_ages(recordings, ear))
    if args.json:
        args.json.write_text(json.dumps(rows, indent=2))
    return 0


def _shown(rows: Iterator[Row]) -> Iterator[Row]:
    for row in rows:
        print("  ".join(f"{name} {value}" for name, value in row.items()), flush=True)
        yield row


def _speech(corpus: Corpus) -> list[str]:
    """Recordings of one voice."""
    paths = {entry["path"] for task in ("asr", "language", "speaker_gender") for entry in corpus.of(task)}
    paths |= {entry[side] for entry in corpus.of("speaker_pair") for side in ("a", "b")}
    several = {entry["path"] for entry in corpus.of("diarization")}
    several |= {entry["path"] for entry in corpus.of("speaker_gender") if "span" in entry}
    return sorted(path for path in paths - several if path.startswith("speech/"))


def _speakers(corpus: Corpus, paths: Sequence[str]) -> dict[str, str]:
    """Recording -> who speaks."""
    who = {path: path for path in paths}
    manifest = corpus.root / "MANIFEST.tsv"
    if manifest.is_file():
        for line in manifest.read_text(encoding="utf-8").splitlines():
            found = re.search(r"speaker(?: id)?=(\w+)", line)
            path = line.split("\t")[0]
            if found and path in who:
                who[path] = f"{path.split('_')[0]} {found.group(1)}"
    for entry in corpus.of("speaker_pair"):
        if entry["same"]:
            old, new = who[entry["b"]], who[entry["a"]]
            who = {path: new if name == old else name for path, name in who.items()}
    return who


def _known(corpus: Corpus, recordings: dict[str, FloatArray], ear: Ear) -> Iterator[Row]:
    """Every recording against the whole of every other one, by length and by music under it."""
    who = _speakers(corpus, list(recordings))
    music = [
        decode(corpus.path(entry["path"]))[: _LONGEST * RATE]
        for entry in corpus.of("vocals")
        if not entry["has_vocals"]
    ]
    enrolled = {path: voice for path, samples in recordings.items() if (voice := ear.voice(samples))}
    yield _several(who, enrolled)
    draw = np.random.default_rng(0)
    for seconds in (1.5, 3.0, _LONGEST):
        for level in (None, *_MUSIC_DB):
            if level is not None and (seconds < _LONGEST or not music):
                continue
            same: list[float] = []
            other: list[float] = []
            for path, samples in recordings.items():
                if seconds < _LONGEST and samples.size < seconds * RATE:
                    continue
                piece = samples[: int(seconds * RATE)]
                if level is not None:
                    piece = _over(piece, music[draw.integers(len(music))], level)
                voice = ear.voice(piece)
                for name, known in enrolled.items():
                    if name != path:
                        # a voice that is not heard is not found
                        cosine = -1.0 if voice is None else _cosine(voice, known)
                        (same if who[name] == who[path] else other).append(cosine)
            yield _pairs("all" if seconds == _LONGEST else f"{seconds:g} s", level, same, other)


def _several(who: dict[str, str], enrolled: dict[str, Signal]) -> Row:
    """Every recording against all others of a speaker who has three or more, as a gallery compares them."""
    same: list[float] = []
    other: list[float] = []
    for speaker in sorted(set(who.values())):
        own = [path for path in enrolled if who[path] == speaker]
        if len(own) < 3:
            continue
        for path, voice in enrolled.items():
            vectors = [_vector(enrolled[name]) for name in own if name != path]
            vectors.append(np.mean(vectors, axis=0) / np.linalg.norm(np.mean(vectors, axis=0)))
            cosine = max(float(_vector(voice) @ vector) for vector in vectors)
            (same if who[path] == speaker else other).append(cosine)
    return {"enrolled": "two recordings or more"} | _pairs("all", None, same, other)


def _pairs(seconds: str, level: float | None, same: Sequence[float], other: Sequence[float]) -> Row:
    row: Row = {"speech": seconds, "music": "none" if level is None else f"-{level:g} dB"}
    for cosine in _COSINES:
        row[f"found@{cosine:g}"] = round(float(np.mean(np.array(same) >= cosine)), 3) if same else "none"
        row[f"false@{cosine:g}"] = round(float(np.mean(np.array(other) >= cosine)), 5) if other else "none"
    return row | {"same": len(same), "other": len(other)}


def _ages(recordings: dict[str, FloatArray], ear: Ear) -> Iterator[Row]:
    """Age groups of the voices as they are, and of the women's with shorter tracts; lengths of the tracts."""
    groups: dict[float, list[str]] = {ratio: [] for ratio in _RATIOS}
    measured: dict[float, list[float]] = {ratio: [] for ratio in _RATIOS[1:]}
    tracts: dict[str, list[float]] = {"female": [], "male": []}
    for samples in recordings.values():
        voice = _judged(ear.voice(samples))
        if voice is None:
            continue
        groups[1.0].append(str(voice["age_group"]))
        tracts[voice["gender"]].append(voice["tract_cm"])
        if voice["gender"] == "female":
            for ratio in _RATIOS[1:]:
                part = Fraction(1 / ratio).limit_denominator(100)
                faster = resample_poly(samples, part.numerator, part.denominator)
                short = _judged(ear.voice(np.asarray(faster, np.float32)))
                if short is not None:
                    groups[ratio].append(str(short["age_group"]))
                    measured[ratio].append(voice["tract_cm"] / short["tract_cm"])
    for ratio, found in groups.items():
        row: Row = {"shorter": ratio, "voices": len(found)}
        row |= {name: round(found.count(name) / max(len(found), 1), 3) for name in ("child", "None", "adult")}
        if measured.get(ratio):
            row |= {"measured": round(float(np.median(measured[ratio])), 3)}
            row |= {"deviation": round(float(np.std(np.log(measured[ratio]))), 3)}
        yield row
    yield {f"{name} tract cm": round(float(np.mean(found)), 2) for name, found in tracts.items() if found}


def _judged(voice: Signal | None) -> dict[str, Any] | None:
    """Attributes of a voice that was long enough to be judged."""
    return voice.attributes if voice is not None and voice.attributes["age_group_score"] is not None else None


def _over(samples: FloatArray, music: FloatArray, level: float) -> FloatArray:
    """The speech with music `level` dB below it."""
    under = np.resize(music, samples.size)
    power = np.mean(samples**2) / max(float(np.mean(under**2)), 1e-12)
    mixed = samples + under * np.sqrt(power * 10 ** (-level / 10))
    return np.asarray(mixed / max(1.0, float(np.abs(mixed).max())), np.float32)


def _cosine(one: Signal, other: Signal) -> float:
    return float(_vector(one) @ _vector(other))


def _vector(voice: Signal) -> FloatArray:
    assert voice.embedding is not None
    return voice.embedding.astype(np.float32)


if __name__ == "__main__":
    raise SystemExit(main())
