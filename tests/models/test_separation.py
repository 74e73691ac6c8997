"""Spleeter: the conversion, the streaming STFT around the networks, and what it separates."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from models.convert.spleeter import read_arrays
from models.errors import ModelError
from models.separation import SAMPLE_RATE, Spleeter
from models.store import Store

FloatArray = NDArray[np.float32]


@pytest.fixture(scope="module")
def spleeter() -> Spleeter:
    store = Store()
    if not store.has("spleeter-2stems"):
        pytest.skip("needs `mmu models pull --profile stems`")
    return Spleeter(store.file("spleeter-2stems"))


def sung(seconds: float) -> FloatArray:
    """A harmonic voice with vibrato, formants and pauses."""
    time = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    f0 = 220 * 2 ** (np.floor(time * 2) % 5 / 6) * (1 + 0.012 * np.sin(2 * np.pi * 5.5 * time))
    phase = 2 * np.pi * np.cumsum(f0) / SAMPLE_RATE
    formant = sum(np.sin(n * phase) * np.exp(-(((n * 260 - 700) / 600) ** 2)) for n in range(1, 20))
    return np.asarray(0.2 * formant * (np.sin(np.pi * time * 2) ** 2), np.float32)


def drummed(seconds: float) -> FloatArray:
    """Kicks and hi-hats."""
    draw = np.random.default_rng(0)
    out = np.zeros(int(seconds * SAMPLE_RATE), np.float32)
    time = np.arange(5000) / SAMPLE_RATE
    for number, at in enumerate(range(0, out.size - 5000, SAMPLE_RATE // 4)):
        hit = np.sin(2 * np.pi * 60 * time) if number % 2 else 0.4 * draw.standard_normal(5000)
        out[at : at + 5000] += 0.5 * hit * np.exp(-40 * time)
    return out


def si_sdr(estimate: FloatArray, truth: FloatArray) -> float:
    scaled = truth * float((estimate * truth).sum() / np.square(truth).sum())
    return float(10 * np.log10(np.square(scaled).sum() / np.square(estimate - scaled).sum()))


@pytest.mark.weights
def test_voice_and_drums_come_apart(spleeter: Spleeter) -> None:
    voice, drums = sung(6), drummed(6)
    drums *= np.sqrt(np.square(voice).mean() / np.square(drums).mean())
    stems = spleeter.separate(np.stack([voice + drums] * 2, axis=1))
    mixture = si_sdr(voice + drums, voice)
    assert si_sdr(stems.vocals.mean(axis=1), voice) > mixture + 5
    assert si_sdr(stems.accompaniment.mean(axis=1), drums) > mixture + 5


@pytest.mark.weights
def test_blocks_of_any_size_give_what_the_whole_gives(spleeter: Spleeter) -> None:
    draw = np.random.default_rng(1)
    # More than one patch of the networks (12 s), so that the seam is in it.
    samples = (0.1 * draw.standard_normal((13 * SAMPLE_RATE, 2))).astype(np.float32)
    whole = spleeter.separate(samples)
    parts = list(spleeter.stream([samples[:1], samples[1:70_000], samples[70_000:70_000], samples[70_000:]]))
    assert whole.vocals.shape == samples.shape
    np.testing.assert_allclose(whole.vocals + whole.accompaniment, samples, atol=1e-5)
    np.testing.assert_allclose(np.concatenate([part.vocals for part in parts]), whole.vocals, atol=1e-5)


@pytest.mark.weights
@pytest.mark.parametrize("count", [0, 1, 3072, 5000])
def test_short_pieces_keep_their_length(spleeter: Spleeter, count: int) -> None:
    stems = spleeter.separate(np.zeros((count, 2), np.float32))
    assert stems.vocals.shape == stems.accompaniment.shape == (count, 2)


def test_a_file_that_is_no_network(tmp_path: Path) -> None:
    (tmp_path / "x.onnx").write_bytes(b"nothing")
    with pytest.raises(ModelError, match="not a network"):
        Spleeter(tmp_path / "x.onnx")


def checkpoint(path: Path, content: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x/data.pkl", content)
    return path


def test_arrays_are_read_without_running_the_pickle(tmp_path: Path) -> None:
    arrays = {
        "c": np.arange(6, dtype=np.float32).reshape(2, 3),
        "f": np.asfortranarray(np.eye(3, dtype=np.float32)),
    }
    content = pickle.dumps(arrays, protocol=2).replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
    found = read_arrays(checkpoint(tmp_path / "good.ckpt", content))
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)


def test_other_pickles_are_refused(tmp_path: Path) -> None:
    hostile = b"cos\nsystem\n(S'touch ran'\ntR."
    with pytest.raises(ValueError, match=r"wants os.system"):
        read_arrays(checkpoint(tmp_path / "hostile.ckpt", hostile))
    doubles = pickle.dumps({"x": np.zeros(3)}, protocol=2)
    with pytest.raises(ValueError, match="f8, expected <f4"):
        read_arrays(checkpoint(tmp_path / "f8.ckpt", doubles.replace(b"numpy._core", b"numpy.core")))
    (tmp_path / "text.ckpt").write_text("no zip")
    with pytest.raises(ValueError, match="not a readable checkpoint"):
        read_arrays(tmp_path / "text.ckpt")
