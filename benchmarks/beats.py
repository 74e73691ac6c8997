"""Tempo and beats of composed music whose beats are known: by the onsets alone, and with the network.

    python -m benchmarks.beats [--tracks N]

The tracks are those of `benchmarks/tunes.py`, a third of them each played slower, as they are, and faster.
"""

from __future__ import annotations

import argparse

import numpy as np
from numpy.typing import NDArray
from scipy.signal import resample_poly

from benchmarks.tunes import TEMPI, compose
from mmu.perception.beats import refined
from mmu.perception.tempo import Tempo, find_tempo
from models.beatnet import FRAMES_PER_SECOND, BeatNet
from models.store import Store

SECONDS, SPEEDS = 25.0, (0.8, 1.0, 1.25)
#: a beat is found within this of its place, seconds; a tempo within this share
NEAR, ALIKE = 0.07, 0.04


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--tracks", type=int, default=30)
    args = parser.parse_args()
    network = BeatNet(Store().file("beatnet"))
    scores: dict[str, list[tuple[float, float, float]]] = {"onsets alone": [], "with the network": []}
    for number in range(args.tracks):
        samples, beats = track(1000 + number, SPEEDS[number % len(SPEEDS)])
        pulse = find_tempo(samples)
        likely = network.probabilities(samples)
        scores["onsets alone"].append(score(pulse, beats))
        scores["with the network"].append(
            score(None if pulse is None else refined(pulse, likely, FRAMES_PER_SECOND), beats)
        )
    print(f"| {args.tracks} tracks | tempo | or an octave | beats F |\n|---|---:|---:|---:|")
    for name, rows in scores.items():
        print(f"| {name} | " + " | ".join(f"{value:.2f}" for value in np.mean(rows, axis=0)) + " |")


def track(seed: int, speed: float) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """A composed track (n,) float32 at 22.05 kHz, and its beats in seconds."""
    beat = 60.0 / float(np.random.default_rng(seed).choice(TEMPI))
    samples = resample_poly(compose(seed, SECONDS), 441, 320)
    at = np.arange(int(len(samples) / speed)) * speed
    played = np.interp(at, np.arange(len(samples)), samples).astype(np.float32)
    return played, np.arange(0, SECONDS, beat) / speed


def score(found: Tempo | None, beats: NDArray[np.float64]) -> tuple[float, float, float]:
    """Tempo right, right but for an octave or third, F of the beats."""
    if found is None or not len(found.beats):
        return 0.0, 0.0, 0.0
    bpm = 60 / float(np.diff(beats).mean())
    exact, lenient = (
        any(abs(found.bpm - bpm * factor) <= ALIKE * bpm * factor for factor in factors)
        for factors in ((1,), (1, 2, 3, 1 / 2, 1 / 3))
    )
    apart = np.abs(found.beats[:, None] - beats[None, :])
    precision, recall = (apart.min(axis=1) <= NEAR).mean(), (apart.min(axis=0) <= NEAR).mean()
    both = precision + recall
    return float(exact), float(lenient), float(2 * precision * recall / both) if both else 0.0


if __name__ == "__main__":
    main()
