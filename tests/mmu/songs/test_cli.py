"""`mmu songs`, `mmu stems` and `mmu singing` as a user meets them, on real files."""

from __future__ import annotations

import json
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mmu.cli import main
from mmu.search.index import SearchIndex
from mmu.songs.fingerprint import RATE
from models.store import Store
from tests.mmu.reports import report
from tests.mmu.search.conftest import Hashed

Tune = Callable[..., NDArray[np.float32]]


def write(path: Path, samples: NDArray[np.float32], rate: int = RATE) -> Path:
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return path


def test_songs_from_adding_to_removing(
    tmp_path: Path, tune: Tune, capsys: pytest.CaptureFixture[str]
) -> None:
    music, library = tmp_path / "music", ["--library", str(tmp_path / "lib")]
    (music / "deep").mkdir(parents=True)
    for seed in range(3):
        write(music / "deep" / f"tune {seed}.wav", tune(seed))
    (music / "broken.wav").write_bytes(b"RIFF")
    (music / "notes.txt").write_text("no music")
    assert main(["songs", "add", *library, str(music)]) == 1
    shown = capsys.readouterr()
    assert "3 tracks added" in shown.out
    assert "broken.wav" in shown.err
    assert main(["songs", "add", *library, str(music / "deep")]) == 0
    assert "in the library already" in capsys.readouterr().err
    query = write(tmp_path / "query.wav", tune(1)[6 * RATE : 14 * RATE])
    assert main(["songs", "identify", *library, "--json", str(query)]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["track"] == "tune 1"
    assert row["offset"] == pytest.approx(6, abs=0.05)
    other = write(tmp_path / "other.wav", tune(77)[: 8 * RATE])
    searched = ["search", *library, "--index", str(tmp_path / "index")]
    assert main([*searched, "--song", str(query)]) == 2  # there is no index yet
    with SearchIndex(tmp_path / "index", embedder=Hashed()) as index:
        index.add([report("clip", {"dance": 0.9}, songs=[("tune 1", 3.0, 9.0)])])
    capsys.readouterr()
    assert main([*searched, "--song", str(query), "--json"]) == 0
    (hit,) = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert (hit["uri"], hit["moment"]) == ("/videos/clip.mp4", [3.0, 9.0])
    assert main([*searched, "--song", str(other)]) == 2
    assert "no track of the library" in capsys.readouterr().err
    assert main(["songs", "identify", *library, str(other)]) == 0
    assert capsys.readouterr().out.startswith("unknown")
    assert main(["songs", "remove", *library, "tune 1"]) == 0
    assert main(["songs", "identify", *library, str(query)]) == 0
    assert "unknown" in capsys.readouterr().out
    assert main(["songs", "remove", *library, "tune 1"]) == 2
    assert main(["songs", "add", *library, str(tmp_path / "nowhere")]) == 2
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.weights
def test_stems_are_written(tmp_path: Path, tune: Tune, capsys: pytest.CaptureFixture[str]) -> None:
    if not Store().has("spleeter-2stems"):
        pytest.skip("needs `mmu models pull --profile stems`")
    mix = write(tmp_path / "mix.wav", tune(1, 3.0))
    out = tmp_path / "stems"
    assert main(["stems", str(mix), "--out", str(out), "--quiet"]) == 0
    assert capsys.readouterr().out.split() == [str(out / "vocals.wav"), str(out / "accompaniment.wav")]
    levels = {}
    for name in ("vocals", "accompaniment"):
        with wave.open(str(out / f"{name}.wav")) as file:
            assert (file.getnchannels(), file.getframerate()) == (2, 44100)
            assert file.getnframes() == pytest.approx(3 * 44100, abs=2)
            samples = np.frombuffer(file.readframes(file.getnframes()), np.int16).astype(np.float64)
            levels[name] = np.square(samples).mean()
    assert levels["accompaniment"] > 4 * levels["vocals"]
    assert sorted(path.name for path in out.iterdir()) == ["accompaniment.wav", "vocals.wav"]


@pytest.mark.weights
def test_singing_is_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    time = np.arange(RATE) / RATE
    notes = [60, 64, 67, 72]
    tones = [
        sum(np.sin(2 * np.pi * n * 440 * 2 ** ((note - 69) / 12) * time) / n for n in range(1, 6))
        for note in notes
    ]
    sung = write(tmp_path / "sung.wav", np.asarray(0.2 * np.concatenate(tones), np.float32))
    assert main(["singing", str(sung), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [round(note["midi"]) for note in found["notes"]] == notes
    assert found["score"] > 95
    silent = write(tmp_path / "silent.wav", np.zeros(RATE * 3, np.float32))
    assert main(["singing", str(silent)]) == 1
    assert "no sung note" in capsys.readouterr().out
