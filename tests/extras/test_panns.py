"""PANNs: tags of a narrow Cnn14 and Cnn10 in the published format, against what their paper says of each part."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs mmu-video[torch]")
librosa = pytest.importorskip("librosa", reason="needs mmu-video[dev]")

from models.errors import ModelError  # noqa: E402
from models.torch.panns import Panns  # noqa: E402
from models.torch.runtime import Runtime, RuntimeOptions  # noqa: E402
from tests.extras.small_sound import panns, sound  # noqa: E402

LABELS = ["Speech", "Dog", "Siren", "Male speech, man speaking"]


def load(folder: Path, batch: int = 2, precision: str = "fp32") -> Panns:
    return Panns(folder, Runtime(RuntimeOptions(device="cpu", precision=precision)), batch=batch)


def reference(folder: Path, samples: np.ndarray, rate: int, size: int) -> np.ndarray:
    """The same tags in numpy and plain torch functions, from librosa's spectrogram."""
    state = torch.load(folder / "Cnn14_mAP=0.431.pth", weights_only=True)["model"]
    hop = rate // 100
    power = np.abs(librosa.stft(samples, n_fft=size, hop_length=hop, pad_mode="reflect")) ** 2
    mel = librosa.filters.mel(sr=rate, n_fft=size, n_mels=64, fmin=50, fmax=rate * 7 // 16)
    x = torch.tensor(10 * np.log10(np.maximum(mel @ power, 1e-10)).T)[None, None].float()

    def norm(x: torch.Tensor, name: str) -> torch.Tensor:
        keys = ("running_mean", "running_var", "weight", "bias")
        return torch.nn.functional.batch_norm(x, *(state[f"{name}.{key}"] for key in keys))

    x = norm(x.transpose(1, 3), "bn0").transpose(1, 3)
    blocks = sum(key.endswith("conv1.weight") for key in state)
    for block in range(1, blocks + 1):
        for part in "12":
            x = torch.nn.functional.conv2d(x, state[f"conv_block{block}.conv{part}.weight"], padding=1)
            x = torch.relu(norm(x, f"conv_block{block}.bn{part}"))
        if not (blocks == 6 and block == 6):
            x = torch.nn.functional.avg_pool2d(x, 2)
    x = x.mean(3)
    x = x.max(2).values + x.mean(2)
    x = torch.relu(x @ state["fc1.weight"].T + state["fc1.bias"])
    return torch.sigmoid(x @ state["fc_audioset.weight"].T + state["fc_audioset.bias"])[0].numpy()


@pytest.mark.parametrize(("blocks", "size", "rate"), [(6, 1024, 32000), (4, 1024, 32000), (6, 512, 16000)])
def test_tags_are_those_of_the_published_network(tmp_path: Path, blocks: int, size: int, rate: int) -> None:
    folder = panns(tmp_path, LABELS, blocks=blocks, size=size)
    network = load(folder)
    assert network.sample_rate == rate
    assert network.labels == tuple(LABELS)
    pieces = [sound(2.0, rate, 1), sound(1.2, rate, 2), sound(2.0, rate, 3)]
    found = network.probabilities(pieces)
    expected = np.stack([reference(folder, piece, rate, size) for piece in pieces])
    np.testing.assert_allclose(found, expected, atol=2e-4)
    assert np.ptp(found) > 0.01, "the network says something"


def test_the_packages_own_network_agrees(tmp_path: Path) -> None:
    """torchlibrosa computes the spectrogram of the published code; a dependency of the tests only."""
    torchlibrosa = pytest.importorskip("torchlibrosa", reason="torchlibrosa is not installed")
    folder = panns(tmp_path, LABELS)
    state = torch.load(folder / "Cnn14_mAP=0.431.pth", weights_only=True)["model"]
    stft = torchlibrosa.stft.Spectrogram(n_fft=1024, hop_length=320, win_length=1024, freeze_parameters=True)
    bank = torchlibrosa.stft.LogmelFilterBank(
        sr=32000, n_fft=1024, n_mels=64, fmin=50, fmax=14000, ref=1.0, amin=1e-10, top_db=None
    )
    stft.load_state_dict(
        {k.removeprefix("spectrogram_extractor."): v for k, v in state.items() if "stft" in k}
    )
    bank.load_state_dict({"melW": state["logmel_extractor.melW"]})
    network = load(folder)._network
    samples = torch.tensor(sound(1.0, 32000))[None]
    ours = network.logmel_extractor(network.spectrogram_extractor.stft(samples))
    np.testing.assert_allclose(ours, bank(stft(samples))[:, 0].detach(), atol=1e-3)


def test_short_pieces_and_half_precision(tmp_path: Path) -> None:
    folder = panns(tmp_path, LABELS)
    piece = [sound(0.1, 32000)]
    whole = load(folder).probabilities(piece)
    assert whole.shape == (1, 4)
    np.testing.assert_allclose(load(folder, precision="bf16").probabilities(piece), whole, atol=0.05)
    assert load(folder).probabilities([]).shape == (0, 4)


def test_errors_say_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such file"):
        load(tmp_path / "none.pth")
    with pytest.raises(ModelError, match=r"needs one \.pth checkpoint, has 0"):
        load(tmp_path)
    folder = panns(tmp_path / "good", LABELS)
    (folder / "class_labels_indices.csv").write_text("index,mid,display_name\n0,/m/1,Speech\n")
    with pytest.raises(ModelError, match="4 outputs, and class_labels_indices.csv has 1 labels"):
        load(folder)
    (folder / "class_labels_indices.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ModelError, match="expected the columns"):
        load(folder)
    (folder / "class_labels_indices.csv").unlink()
    with pytest.raises(ModelError, match="put AudioSet's class_labels_indices.csv beside"):
        load(folder)
    panns(folder, LABELS)
    torch.save({"model": {"fc1.weight": torch.zeros(2, 2)}}, folder / "Cnn14_mAP=0.431.pth")
    with pytest.raises(ModelError, match="not a checkpoint of PANNs"):
        load(folder)
