"""Music recognition: recall by condition, false accepts, offset error, and time at 10,000 tracks.

    python -m benchmarks.songs --corpus DIR [--tracks 120] [--scale 10000] [--json OUT]

The library is composed (`benchmarks.tunes`) plus the corpus' music; the corpus'
speech is what the queries are mixed with. Impostors are other compositions that
share progressions, tempi and instruments with the library, and speech.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from benchmarks.tunes import compose
from benchmarks.variations import FloatArray, at_speed, at_tempo, decode, encoded, in_noise, under_speech
from mmu.songs.fingerprint import HOP, RATE, SHIFT_BITS, Landmarks, landmarks
from mmu.songs.identify import SongMatch, identify_window
from mmu.songs.library import NewTrack, SongLibrary

#: seeds of compositions that are never in the library
IMPOSTORS, FILLERS = 100_000, 200_000
Row = dict[str, str | float]
Change = Callable[[FloatArray], FloatArray]


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; returns 0."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.songs", description=__doc__.splitlines()[0])
    corpus = os.environ.get("MMU_CORPUS")
    parser.add_argument("--corpus", type=Path, default=corpus and Path(corpus), help="folder ($MMU_CORPUS)")
    parser.add_argument("--tracks", type=int, default=120, help="composed tracks in the library")
    parser.add_argument("--seconds", type=float, nargs="+", default=[8.0, 5.0], help="lengths of the queries")
    parser.add_argument("--scale", type=int, default=0, metavar="N", help="also with N more tracks of 200 s")
    parser.add_argument("--separate", action="store_true", help="also take voices away before the search")
    parser.add_argument("--seed", type=int, default=7, help="of the queries")
    parser.add_argument("--json", type=Path, metavar="OUT", help="also write the rows as JSON")
    args = parser.parse_args(argv)
    if args.corpus is None:
        parser.error("--corpus or $MMU_CORPUS is needed, for speech and real music")
    with tempfile.TemporaryDirectory() as folder, SongLibrary(Path(folder)) as library:
        rows = list(measure(library, args))
    if args.json:
        args.json.write_text(json.dumps(rows, indent=2))
    return 0


def measure(library: SongLibrary, args: argparse.Namespace) -> Iterator[Row]:
    """Every row of the table, printed as it comes."""
    music = [path for path in sorted((args.corpus / "music").glob("*.*")) if path.suffix in _AUDIO]
    tracks = {f"tune {seed}": compose(seed) for seed in range(args.tracks)}
    tracks |= {path.stem: samples for path in music if (samples := decode(path)).size > 10 * RATE}
    speech_files = [path for path in sorted((args.corpus / "speech").glob("*.*")) if path.suffix in _AUDIO]
    speech = np.concatenate(
        [samples for path in speech_files[:60] if (samples := decode(path)).size > 3 * RATE]
    )
    library.add([_track(name, samples) for name, samples in tracks.items()])
    print(f"{len(tracks)} tracks, {library.entries():,} landmarks, {speech.size / RATE:.0f} s of speech")
    for length in args.seconds:
        yield from _table(library, tracks, speech, length, args)
    if args.scale:
        started = time.perf_counter()
        _fill(library, args.scale)
        size = library.entries() * 8 / 1e9
        print(f"+ {args.scale} tracks: {size:.2f} GB, added in {time.perf_counter() - started:.0f} s")
        yield from _table(library, tracks, speech, args.seconds[0], args, only=("speech at 0 dB",))


def _table(
    library: SongLibrary,
    tracks: dict[str, FloatArray],
    speech: FloatArray,
    length: float,
    args: argparse.Namespace,
    *,
    only: Sequence[str] = (),
) -> Iterator[Row]:
    draw = np.random.default_rng(args.seed)
    size = int(length * RATE)
    conditions: dict[str, Change] = {
        "as it is": lambda x: x,
        "speech at 0 dB": lambda x: under_speech(x, speech, 0, draw),
        "speech 6 dB louder": lambda x: under_speech(x, speech, -6, draw),
        "noise at 0 dB": lambda x: in_noise(x, 0, draw),
        "MP3 48 kbit/s": lambda x: encoded(x, "libmp3lame", 48_000),
        "AAC 48 kbit/s": lambda x: encoded(x, "aac", 48_000),
        "speed +3%, speech at 0 dB": lambda x: under_speech(at_speed(x, 1.03), speech, 0, draw),
        "speed -5%": lambda x: at_speed(x, 0.95),
        "speed +10%": lambda x: at_speed(x, 1.10),
        "tempo +5%": lambda x: at_tempo(x, 1.05),
    }
    if args.separate:
        clean = _separator()
        conditions["speech at 0 dB, separated"] = lambda x: clean(under_speech(x, speech, 0, draw))
        conditions["speech 6 dB louder, separated"] = lambda x: clean(under_speech(x, speech, -6, draw))
    for condition, change in conditions.items():
        if only and condition not in only:
            continue
        right = wrong = total = 0
        errors, times, cpu = [], [], []
        for name, samples in tracks.items():
            if samples.size <= int(size * 1.15):
                continue
            at = int(draw.integers(0, samples.size - int(size * 1.15)))
            query = change(samples[at : at + int(size * 1.15)])[:size]
            found, wall, busy = _timed(library, query)
            total += 1
            times.append(wall)
            cpu.append(busy)
            if found and found.track.name == name:
                right += 1
                errors.append(abs(found.offset - at / RATE))
            wrong += bool(found and found.track.name != name)
        row: Row = {"seconds": length, "condition": condition, "queries": total}
        row |= {"recall": right / total, "wrong": wrong / total}
        row |= {"offset_error_p95": _percentile(errors, 95), "time_p50": _percentile(times, 50)}
        row |= {"time_p95": _percentile(times, 95), "cpu_p50": _percentile(cpu, 50)}
        row |= {"cpu_p95": _percentile(cpu, 95)}
        yield _shown(row)
    yield from _impostors(library, speech, size, args)


def _impostors(
    library: SongLibrary, speech: FloatArray, size: int, args: argparse.Namespace
) -> Iterator[Row]:
    draw = np.random.default_rng(args.seed + 1)
    others = [
        compose(IMPOSTORS + seed, size / RATE + 6)[5 * RATE : 5 * RATE + size] for seed in range(args.tracks)
    ]
    sets = {
        "other music": others,
        "other music, speech at 0 dB": [under_speech(x, speech, 0, draw) for x in others],
        "other music, noise at 0 dB": [in_noise(x, 0, draw) for x in others],
        "speech": [speech[at : at + size] for at in range(0, speech.size - size, size)],
    }
    for condition, queries in sets.items():
        false = sum(identify_window(library, query) is not None for query in queries)
        yield _shown(
            {
                "seconds": size / RATE,
                "condition": condition,
                "queries": len(queries),
                "false_accept": false / len(queries),
            }
        )


def _fill(library: SongLibrary, count: int, seconds: float = 200.0, block: float = 4.0) -> None:
    """Add tracks made of shuffled, transposed blocks of compositions that no query is taken from."""
    draw = np.random.default_rng(3)
    blocks = []
    for seed in range(60):
        whole = landmarks(compose(FILLERS + seed, 60.0))
        edges = np.arange(0, 60 * RATE / HOP, block * RATE / HOP)
        order = np.argsort(whole.frame, kind="stable")
        key, frame = whole.key[order], whole.frame[order]
        bounds = np.searchsorted(frame, edges)
        for start, stop, edge in zip(bounds[:-1], bounds[1:], edges, strict=False):
            blocks.append((key[start:stop], frame[start:stop] - int(edge)))
    batch: list[NewTrack] = []
    for number in range(count):
        keys, frames = [], []
        for at in range(int(seconds / block)):
            key, frame = blocks[int(draw.integers(len(blocks)))]
            keys.append(
                (key.astype(np.int64) + (int(draw.integers(-30, 31)) << SHIFT_BITS)).clip(0, 2**25 - 1)
            )
            frames.append(frame + round(at * block * RATE / HOP))
        found = Landmarks(np.concatenate(keys).astype(np.uint32), np.concatenate(frames).astype(np.int32))
        batch.append(NewTrack(f"filler {number}", "", f"filler {number}", seconds, found))
        if len(batch) == 500 or number == count - 1:
            library.add(batch)
            batch = []


_AUDIO = {".flac", ".ogg", ".mp3", ".wav"}


def _separator() -> Change:
    from scipy import signal

    from mmu.songs.separated import without_voice
    from models.separation import Spleeter
    from models.store import Store

    separator = Spleeter(Store().file("spleeter-2stems"))

    def clean(mono: FloatArray) -> FloatArray:
        high = signal.resample_poly(mono, 441, 160).astype(np.float32)
        return without_voice(separator, np.stack([high, high], axis=1))

    return clean


def _track(name: str, samples: FloatArray) -> NewTrack:
    return NewTrack(name, "", name, samples.size / RATE, landmarks(samples))


def _timed(library: SongLibrary, query: FloatArray) -> tuple[SongMatch | None, float, float]:
    """The answer, and its wall and CPU time in seconds."""
    started, busy = time.perf_counter(), time.process_time()
    found = identify_window(library, query)
    return found, time.perf_counter() - started, time.process_time() - busy


def _percentile(values: list[float], share: float) -> float:
    return float(np.percentile(values, share)) if values else float("nan")


def _shown(row: Row) -> Row:
    parts = [f"{value:.3f}" if isinstance(value, float) else str(value) for value in row.values()]
    print("  ".join(f"{key} {part}" for key, part in zip(row, parts, strict=True)), flush=True)
    return row


if __name__ == "__main__":
    raise SystemExit(main())
