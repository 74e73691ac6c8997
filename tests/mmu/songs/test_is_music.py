"""What is no music is not stored in the song library unless that is asked for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from mmu.cli import main
from mmu.media.clip import Clip
from mmu.songs.fingerprint import RATE
from mmu.songs.is_music import MusicCheck
from models.store import Store

Tune = Callable[..., NDArray[np.float32]]


@pytest.fixture(scope="module")
def voice() -> NDArray[np.float32]:
    samples, rate = soundfile.read(Store().file("sample-media", "speech_1.wav"), dtype="float32")
    assert rate == RATE
    return np.asarray(np.tile(samples, 3)[: 9 * RATE], np.float32)


@pytest.mark.weights
def test_music_also_under_a_voice_and_what_else_is_heard(voice: NDArray[np.float32], tune: Tune) -> None:
    music = np.asarray(tune(3, 9.0) * 0.7, np.float32)
    noise = np.asarray(np.random.default_rng(0).normal(0, 0.1, voice.size), np.float32)
    sounds = {
        "music": music,
        "over music": np.asarray(0.4 * voice + music, np.float32),
        "speech": voice,
        "noise": noise,
        "silence": np.zeros(5 * RATE, np.float32),
        # only a part of a long file is music
        "concert": np.concatenate([np.tile(voice, 3), np.tile(music, 6)]),
    }
    check = MusicCheck(Store())
    found = {name: check.otherwise(Clip.from_arrays(audio=(one, RATE))) for name, one in sounds.items()}
    check.close()
    assert found == {
        "music": None,
        "over music": None,
        "speech": "speech",
        "noise": "noise",
        "silence": "silence",
        "concert": None,
    }


@pytest.mark.weights
def test_speech_is_refused_by_name_and_taken_when_asked(
    tmp_path: Path, voice: NDArray[np.float32], tune: Tune, capsys: pytest.CaptureFixture[str]
) -> None:
    soundfile.write(tmp_path / "talk.wav", voice, RATE)
    soundfile.write(tmp_path / "tune.wav", tune(1), RATE)
    command = ["songs", "add", "--library", str(tmp_path / "lib"), str(tmp_path)]
    assert main(command) == 1
    shown = capsys.readouterr()
    assert "1 tracks added" in shown.out
    assert "talk.wav: sounds like speech, not music; `--anything` takes it" in shown.err
    assert main([*command, "--anything"]) == 0
    shown = capsys.readouterr()
    assert "1 tracks added, 2 in" in shown.out
    assert "not music" not in shown.err
