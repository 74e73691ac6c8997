"""HT-Demucs: the voice that the package's own `apply_model` finds, from memory and from a stream."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

torch = pytest.importorskip("torch", reason="needs mmu-video[torch]")
pytest.importorskip("demucs", reason="needs mmu-video[torch]")

from demucs.apply import BagOfModels, apply_model  # noqa: E402
from demucs.states import load_model  # noqa: E402

from mmu.cli import main  # noqa: E402
from models.errors import ModelError  # noqa: E402
from models.torch.demucs import Demucs  # noqa: E402
from models.torch.runtime import Runtime, RuntimeOptions  # noqa: E402
from tests.extras.small_sound import htdemucs, sound  # noqa: E402

RATE = 44100


def stereo(seconds: float) -> np.ndarray:
    return np.stack([sound(seconds, RATE, 1), sound(seconds, RATE, 2)], axis=1)


def load(path: Path, batch: int = 1) -> Demucs:
    return Demucs(path, Runtime(RuntimeOptions(device="cpu")), batch=batch)


def reference(network: object, samples: np.ndarray) -> np.ndarray:
    mixture = torch.from_numpy(samples.T.copy())[None]
    with torch.inference_mode():
        out = apply_model(network, mixture, shifts=0, split=True, overlap=0.25)
    return out[0, -1].T.numpy()  # vocals are the last source


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return htdemucs(tmp_path_factory.mktemp("demucs") / "955717e8-0123abcd.th")


@pytest.mark.parametrize("seconds", [0.5, 1.95, 5.2])
def test_the_voice_is_that_of_the_package(checkpoint: Path, seconds: float) -> None:
    samples = stereo(seconds)
    stems = load(checkpoint).separate(samples)
    expected = reference(load_model(checkpoint), samples)
    np.testing.assert_allclose(stems.vocals, expected, atol=2e-4)
    np.testing.assert_allclose(stems.vocals + stems.accompaniment, samples, atol=1e-5)


def test_a_stream_in_odd_blocks_and_a_batch_give_the_same(checkpoint: Path) -> None:
    samples = stereo(5.2)
    whole = load(checkpoint).separate(samples)
    blocks = np.split(samples, [11, 40000, 40001, 200000])
    parts = list(load(checkpoint, batch=2).stream(blocks))
    assert len(parts) > 1
    np.testing.assert_allclose(np.concatenate([one.vocals for one in parts]), whole.vocals, atol=1e-4)
    assert sum(len(one.accompaniment) for one in parts) == len(samples)


def test_a_bag_is_weighed_as_its_file_says(tmp_path: Path) -> None:
    paths = [htdemucs(tmp_path / f"{name}.th", seed=seed) for seed, name in enumerate(("a1", "b2"))]
    shares = [[1.0, 1.0, 1.0, 0.25], [1.0, 1.0, 1.0, 0.75]]
    (tmp_path / "bag.yaml").write_text(f"models: [a1, b2]\nweights: {shares}\n")
    samples = stereo(2.5)
    found = load(tmp_path).separate(samples).vocals
    expected = reference(BagOfModels([load_model(path) for path in paths], shares), samples)
    np.testing.assert_allclose(found, expected, atol=2e-4)


def test_nothing_in_gives_nothing_out(checkpoint: Path) -> None:
    stems = load(checkpoint).separate(np.zeros((0, 2), np.float32))
    assert stems.vocals.shape == stems.accompaniment.shape == (0, 2)


def test_errors_say_what_is_wrong(checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such file or folder"):
        load(tmp_path / "none.th")
    with pytest.raises(ModelError, match="found 0 and 0"):
        load(tmp_path)
    instrumental = htdemucs(tmp_path / "two.th", sources=("drums", "bass"))
    with pytest.raises(ModelError, match="needs a source 'vocals'"):
        load(instrumental)
    other = tmp_path / "other.th"
    torch.save({"klass": dict, "args": (), "kwargs": {}, "state": {}}, other)
    with pytest.raises(ModelError, match="not a network of HT-Demucs"):
        load(other)  # a class that is not Demucs' own is never called
    bag = tmp_path / "bag"
    bag.mkdir()
    (bag / "c3.th").write_bytes(checkpoint.read_bytes())
    (bag / "bag.yaml").write_text("models: [d4]\n")
    with pytest.raises(ModelError, match=r"names d4, and there is no d4\.th"):
        load(bag)


def test_stems_of_a_file_from_the_command_line(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    soundfile.write(tmp_path / "song.wav", stereo(3.0), RATE)
    arguments = ["stems", str(tmp_path / "song.wav"), "--out", str(tmp_path / "out"), "--quiet"]
    assert main([*arguments, "--demucs", str(checkpoint), "--device", "cpu"]) == 0
    voice, rate = soundfile.read(tmp_path / "out" / "vocals.wav")
    rest, _ = soundfile.read(tmp_path / "out" / "accompaniment.wav")
    assert rate == RATE
    assert voice.shape == rest.shape == (3 * RATE, 2)
    assert main([*arguments, "--demucs", str(tmp_path / "none.th")]) == 2
    assert main([*arguments, "--demucs", str(checkpoint), "--device", "tpu"]) == 2
    assert "choose auto" in capsys.readouterr().err
