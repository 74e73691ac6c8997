"""openai-whisper: transcripts, word times and languages as the package gives them for the same checkpoint."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs mmu-video[torch]")
whisper = pytest.importorskip("whisper", reason="needs mmu-video[whisper]")

from models.errors import ModelError  # noqa: E402
from models.torch.runtime import Runtime, RuntimeOptions  # noqa: E402
from models.torch.whisper import TorchWhisper  # noqa: E402
from tests.extras.small_sound import sound, whisper_pt  # noqa: E402


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return whisper_pt(tmp_path_factory.mktemp("whisper") / "tiny.pt")


@pytest.fixture(autouse=True)
def _no_second_look(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A random network goes round in circles; only one test asks what is done about it."""
    if "circles" not in request.node.name:
        monkeypatch.setattr("models.torch.whisper.LOOPING", 1e9)


def load(path: Path, precision: str = "fp32", **options: object) -> TorchWhisper:
    runtime = Runtime(RuntimeOptions(device="cpu", precision=precision))
    return TorchWhisper(path, runtime, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(("seconds", "beam"), [(4.0, None), (11.5, None), (6.0, 3)])
def test_words_and_times_are_those_of_the_package(checkpoint: Path, seconds: float, beam: int | None) -> None:
    samples = sound(seconds, seed=3)
    ours = load(checkpoint, beam_size=beam).transcribe_many([(samples, "en")])[0]
    network = whisper.load_model(str(checkpoint), device="cpu")
    theirs = network.transcribe(
        samples,
        language="en",
        temperature=0.0,
        beam_size=beam,
        fp16=False,
        word_timestamps=True,
        without_timestamps=True,
        condition_on_previous_text=False,
        no_speech_threshold=None,
        compression_ratio_threshold=None,
        logprob_threshold=None,
    )["segments"][0]
    found = [(word.text, word.start, word.end) for part in ours for word in part.words]
    assert found == [(word["word"], word["start"], word["end"]) for word in theirs["words"]]
    assert ours[0].avg_logprob == pytest.approx(theirs["avg_logprob"], abs=1e-4)
    assert ours[0].no_speech_prob == pytest.approx(theirs["no_speech_prob"], abs=1e-5)


@pytest.mark.parametrize("beam", [None, 2])
def test_a_batch_of_two_languages_is_what_each_piece_is_by_itself(checkpoint: Path, beam: int | None) -> None:
    pieces = [(sound(3, seed=1), "zh"), (sound(8, seed=2) * 0.1, "en"), (sound(5, seed=3), "zh")]
    several = load(checkpoint, batch=3, beam_size=beam).transcribe_many(pieces)
    single = [load(checkpoint, batch=1, beam_size=beam).transcribe_many([piece])[0] for piece in pieces]
    assert [[part.text for part in one] for one in several] == [[part.text for part in one] for one in single]
    for parts, (samples, _) in zip(several, pieces, strict=True):
        times = [time for part in parts for word in part.words for time in (word.start, word.end)]
        assert all(0 <= time <= len(samples) / 16000 + 0.02 for time in times)


def test_languages_are_those_of_the_package(checkpoint: Path) -> None:
    samples = sound(6)
    found = load(checkpoint).languages(samples)
    network = whisper.load_model(str(checkpoint), device="cpu")
    mel = whisper.pad_or_trim(whisper.log_mel_spectrogram(samples, padding=whisper.audio.N_SAMPLES), 3000)
    _, expected = network.detect_language(mel)
    assert len(found) == 99
    assert sum(found.values()) == pytest.approx(1, abs=1e-3)
    np.testing.assert_allclose([found[key] for key in expected], list(expected.values()), atol=1e-5)


def test_128_mel_bands_and_the_heads_of_a_named_model(tmp_path: Path) -> None:
    path = whisper_pt(tmp_path / "v3.pt", mels=128, vocabulary=51866)
    network = load(path)
    assert len(network.languages(sound(2))) == 100
    assert network.transcribe_many([(sound(2), "yue")])
    with pytest.raises(ModelError, match="not a checkpoint"):
        load(path, model="large-v3")  # the heads of 32 layers


def test_a_text_that_goes_in_circles_is_drawn_again_the_same_way_each_time(checkpoint: Path) -> None:
    pieces = [(sound(4.0, seed=3), "en")]
    network = load(checkpoint)
    state = torch.random.get_rng_state()
    first, second = network.transcribe_many(pieces)[0], network.transcribe_many(pieces)[0]
    assert [part.text for part in first] == [part.text for part in second]
    assert [part.words for part in first] == [part.words for part in second]
    assert torch.equal(torch.random.get_rng_state(), state), "nobody else's dice are touched"


def test_half_precision_runs(checkpoint: Path) -> None:
    assert load(checkpoint, precision="fp16", beam_size=None).transcribe_many([(sound(2), "en")]) is not None


def test_memory_that_runs_out_halves_the_batch(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = load(checkpoint, batch=4, beam_size=None)
    pieces = [(sound(2, seed=seed), "en") for seed in range(4)]
    expected = network.transcribe_many(pieces)
    decode = network._whisper.decode

    def small(model: object, mel: torch.Tensor, options: object) -> object:
        if len(mel) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return decode(model, mel, options)

    monkeypatch.setattr(network._whisper, "decode", small)
    found = network.transcribe_many(pieces)
    assert [[part.text for part in one] for one in found] == [[part.text for part in one] for one in expected]
    assert network.runtime.notes() == ["cpu was out of memory at a batch of 4; going on with 2"]


def test_errors_say_what_is_wrong(checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such file"):
        load(tmp_path / "none.pt")
    broken = tmp_path / "broken.pt"
    broken.write_bytes(checkpoint.read_bytes()[:5000])
    with pytest.raises(ModelError, match=r"broken\.pt: not a checkpoint of openai-whisper"):
        load(broken)
    other = tmp_path / "other.pt"
    torch.save({"model": {}}, other)
    with pytest.raises(ModelError, match="dims"):
        load(other)
    with pytest.raises(ModelError, match="unknown Whisper model 'huge'; models: tiny.en"):
        load(checkpoint, model="huge")
    with pytest.raises(ModelError, match="language 'xx'"):
        load(checkpoint).transcribe_many([(sound(1), "xx")])
    with pytest.raises(ModelError, match=r"31\.0 s"):
        load(checkpoint).transcribe_many([(np.zeros(31 * 16000, np.float32), "en")])
