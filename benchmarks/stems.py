"""Separation: SI-SDR gain of voice and accompaniment on mixes of separate real recordings.

    python -m benchmarks.stems --corpus DIR [--json OUT]

Every singing recording of the corpus (audio_class `singing`) is mixed with every
recording that has no voice (`vocals`: false), at the same power.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from benchmarks.variations import FloatArray, decode
from models.separation import SAMPLE_RATE, Spleeter
from models.store import Store

#: shortest mix in seconds
_SHORTEST = 3.0


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; returns 0."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.stems", description=__doc__.splitlines()[0])
    corpus = os.environ.get("MMU_CORPUS")
    parser.add_argument("--corpus", type=Path, default=corpus and Path(corpus), help="folder ($MMU_CORPUS)")
    parser.add_argument("--decibels", type=float, default=0.0, help="level of the voice above the music")
    parser.add_argument("--json", type=Path, metavar="OUT", help="also write the rows as JSON")
    args = parser.parse_args(argv)
    if args.corpus is None:
        parser.error("--corpus or $MMU_CORPUS is needed")
    rows = list(measure(args.corpus, args.decibels))
    for name in ("vocals_gain", "accompaniment_gain"):
        values = [float(row[name]) for row in rows]
        print(
            f"{name}: mean {np.mean(values):.1f} dB, median {np.median(values):.1f}, least {min(values):.1f}"
        )
    print(f"seconds of computing a second of sound: {np.mean([float(row['rtf']) for row in rows]):.3f}")
    if args.json:
        args.json.write_text(json.dumps(rows, indent=2))
    return 0


def measure(corpus: Path, decibels: float) -> Iterator[dict[str, str | float]]:
    """Every mix."""
    separator = Spleeter(Store().file("spleeter-2stems"))
    truth = [json.loads(line) for line in (corpus / "truth.jsonl").read_text(encoding="utf-8").splitlines()]
    singing = [
        row["path"]
        for row in truth
        if row["task"] == "audio_class" and row["segments"] and row["segments"][0]["label"] == "singing"
    ]
    music = [row["path"] for row in truth if row["task"] == "vocals" and not row["has_vocals"]]
    for voice_path in singing:
        voice = decode(corpus / voice_path, SAMPLE_RATE, stereo=True)
        for music_path in music:
            other = decode(corpus / music_path, SAMPLE_RATE, stereo=True)
            count = min(len(voice), len(other))
            if count < _SHORTEST * SAMPLE_RATE:
                continue
            sung, played = voice[:count], other[:count]
            level = np.square(sung).mean() / np.square(played).mean() * 10 ** (-decibels / 10)
            played = played * np.float32(np.sqrt(level))
            started = time.perf_counter()
            stems = separator.separate(sung + played)
            row: dict[str, str | float] = {
                "voice": Path(voice_path).stem,
                "music": Path(music_path).stem,
                "vocals_gain": si_sdr(stems.vocals, sung) - si_sdr(sung + played, sung),
                "accompaniment_gain": si_sdr(stems.accompaniment, played) - si_sdr(sung + played, played),
                "rtf": (time.perf_counter() - started) * SAMPLE_RATE / count,
            }
            print(
                "  ".join(f"{k} {v:.2f}" if isinstance(v, float) else v for k, v in row.items()), flush=True
            )
            yield row


def si_sdr(estimate: FloatArray, truth: FloatArray) -> float:
    """Scale-invariant signal-to-distortion ratio in dB (Le Roux et al., ICASSP 2019)."""
    estimate, truth = estimate - estimate.mean(axis=0), truth - truth.mean(axis=0)
    target = truth * (np.vdot(estimate, truth) / np.vdot(truth, truth))
    return float(10 * np.log10(np.square(target).sum() / np.square(estimate - target).sum()))


if __name__ == "__main__":
    raise SystemExit(main())
