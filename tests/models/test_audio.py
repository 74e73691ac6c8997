"""Adapters of the audio networks on real speech, and their features against other implementations."""

from __future__ import annotations

import difflib
import time
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from models import musicnn
from models.errors import ModelError
from models.filterbank import filterbank
from models.ina_segmenter import InaSegmenter, log_mel
from models.musicnn import MusicNN
from models.omni_aed import OmniAED
from models.speaker import SpeakerEmbedder
from models.store import Store
from models.transcript import LOOPING, Transcript
from models.voice_activity import VoiceActivity
from models.whisper import Whisper, _circles

RATE = 16000


def voice(number: int = 1) -> NDArray[np.float32]:
    samples, rate = soundfile.read(Store().file("sample-media", f"speech_{number}.wav"), dtype="float32")
    assert rate == RATE
    return np.asarray(samples, np.float32)


def noise(seconds: float) -> NDArray[np.float32]:
    return np.random.default_rng(0).normal(0, 0.05, int(seconds * RATE)).astype(np.float32)


def test_missing_weights_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="mmu models pull"):
        Whisper(tmp_path)
    for build in (
        lambda: InaSegmenter(tmp_path / "none.onnx", "smn"),
        lambda: MusicNN(tmp_path / "none.onnx", "mtt"),
        lambda: SpeakerEmbedder(tmp_path / "none.onnx"),
    ):
        with pytest.raises(ModelError):
            build()


@pytest.mark.parametrize("window", ["povey", "hamming"])
def test_filterbank_is_kaldis(window: Literal["povey", "hamming"]) -> None:
    kaldi = pytest.importorskip("kaldi_native_fbank")
    samples = noise(1.0)
    options = kaldi.FbankOptions()
    options.frame_opts.dither = 0
    options.frame_opts.window_type = window
    options.mel_opts.num_bins = 80
    online = kaldi.OnlineFbank(options)
    online.accept_waveform(RATE, (samples * 32768).tolist())
    online.input_finished()
    wanted = np.stack([online.get_frame(i) for i in range(online.num_frames_ready)])
    assert filterbank(samples, window=window) == pytest.approx(wanted, abs=0.02)


def test_features_peak_where_the_tone_is() -> None:
    tone = np.sin(2 * np.pi * 1000 * np.arange(RATE) / RATE).astype(np.float32)
    assert log_mel(tone).shape == (98, 24)
    assert set(log_mel(tone).argmax(axis=1)) == {7}
    bands = musicnn.patches(np.tile(tone, 4))
    assert bands.shape == (1, 187, 96)
    assert set(bands[0, 1:-1].argmax(axis=1)) == {31}
    assert log_mel(np.zeros(10, np.float32)).shape == (0, 24)


def test_voice_activity_tells_speech_from_noise() -> None:
    network = VoiceActivity()
    assert network.probabilities(np.empty(0, np.float32)).shape == (0,)
    found = network.probabilities(np.concatenate([noise(2.0), np.zeros(512, np.float32)]))
    assert found.shape == (-(-(2 * RATE + 512) // 512),)
    assert found.max() < 0.5


@pytest.mark.weights
def test_networks_hear_speech() -> None:
    samples = voice()
    assert np.median(VoiceActivity().probabilities(samples)) > 0.9
    assert OmniAED().probabilities(samples).mean(axis=0).argmax() == 0
    broad = InaSegmenter(Store().file("ina-smn"), "smn").probabilities(log_mel(samples))
    assert broad.shape == (40, 3)
    assert broad.mean(axis=0).argmax() == 0
    assert broad.sum(axis=1) == pytest.approx(np.ones(40), abs=1e-3)


@pytest.mark.weights
def test_digital_silence_is_undecided() -> None:
    network = InaSegmenter(Store().file("ina-smn"), "smn")
    assert network.probabilities(log_mel(np.zeros(RATE, np.float32))) == pytest.approx(1 / 3)
    assert network.probabilities(np.empty((0, 24), np.float32)).shape == (0, 3)


@pytest.mark.weights
def test_voice_gender() -> None:
    network = InaSegmenter(Store().file("ina-gender"), "gender")
    answers = [
        network.classes[network.probabilities(log_mel(voice(n))).mean(axis=0).argmax()] for n in (1, 2)
    ]
    assert answers == ["male", "female"]


@pytest.mark.weights
def test_embeddings_of_one_voice_are_near() -> None:
    network = SpeakerEmbedder(Store().file("campplus"))
    half = voice(1).size // 2
    one, again, other = (network.embed(s) for s in (voice(1)[:half], voice(1)[half:], voice(2)))
    assert one is not None
    assert again is not None
    assert other is not None
    assert one @ again > one @ other + 0.2
    assert network.embed(voice(1)[:1000]) is None


@pytest.mark.weights
@pytest.mark.parametrize("dataset", ["mtt", "msd"])
def test_music_tags_are_probabilities(dataset: musicnn.Dataset) -> None:
    network = MusicNN(Store().file(f"musicnn-{dataset}"), dataset)
    found = network.probabilities(musicnn.patches(noise(6.5)))
    assert found.shape == (2, 50)
    assert ((found >= 0) & (found <= 1)).all()
    assert len(network.tags) == len(set(network.tags)) == 50


@pytest.mark.weights
def test_whisper_language_and_words() -> None:
    network = Whisper(Store().folder("whisper-base"))
    languages = network.languages(voice(2))
    assert max(languages, key=lambda lang: languages[lang]) == "en"
    found = network.transcribe(voice(2), "en")
    assert "across the table" in found[0].text
    assert found == network.transcribe(voice(2), "en")
    with pytest.raises(ModelError, match="xx"):
        network.transcribe(voice(2), "xx")


@pytest.mark.weights
def test_whisper_reads_several_pieces_at_once_as_it_reads_them_one_by_one() -> None:
    folder = Store().folder("whisper-base")
    pieces = [(voice(1), "en"), (voice(2), "en")]
    single = Whisper(folder).transcribe_many(pieces)
    several = Whisper(folder, batch=2, source="mine").transcribe_many(pieces)
    for one, other, (samples, _) in zip(single, several, pieces, strict=True):
        said = [word.text.strip(" ,.").lower() for part in one for word in part.words]
        again = [word.text.strip(" ,.").lower() for part in other for word in part.words]
        assert difflib.SequenceMatcher(None, said, again).ratio() > 0.75 or not said
        times = [time for part in other for word in part.words for time in (word.start, word.end)]
        assert all(0 <= time <= len(samples) / RATE + 0.1 for time in times)
        assert times == sorted(times)


@pytest.mark.weights
def test_whisper_works_as_long_as_there_is_speech() -> None:
    network = Whisper(Store().folder("whisper-base"), tail=2.0)
    short = voice(2)[: 2 * RATE]
    network.transcribe(short, "en")  # warm
    started = time.process_time()
    network.transcribe(short, "en")
    short_time = time.process_time() - started
    full = np.tile(voice(2), 1 + 28 * RATE // len(voice(2)))[: 28 * RATE]
    started = time.process_time()
    network.transcribe(full, "en")
    assert short_time < 0.5 * (time.process_time() - started)


@pytest.mark.weights
def test_whisper_lets_people_repeat_themselves() -> None:
    network = Whisper(Store().folder("whisper-base"), tail=2.0)
    found = network.transcribe(np.tile(np.pad(voice(2), (0, RATE)), 4), "en")
    assert max(one.compression_ratio for one in found) > LOOPING
    assert " ".join(one.text for one in found).lower().count("across the table") == 4


@pytest.mark.parametrize(
    ("text", "seconds", "sureness", "ratio", "circles"),
    [
        ("No way. " * 8, 12.0, -0.1, 3.0, False),
        ("No way. " * 8, 12.0, -0.6, 3.0, True),
        ("No way. " * 8, 1.0, -0.1, 3.0, True),
        ("买它" * 12, 4.0, -0.1, 3.0, False),
        ("买它" * 12, 1.0, -0.1, 3.0, True),
        ("So many words in so little time, and no two alike.", 0.5, -0.9, 1.1, False),
    ],
)
def test_a_decoder_in_circles_is_too_fast_or_unsure(
    text: str, seconds: float, sureness: float, ratio: float, circles: bool
) -> None:
    assert _circles(Transcript(0.0, seconds, text, (), sureness, 0.01, ratio)) is circles


@pytest.mark.weights
def test_whisper_reads_a_doubtful_piece_as_surely_as_with_all_of_the_padding() -> None:
    folder = Store().folder("whisper-base")
    cut = voice(2)[int(0.9 * RATE) : int(1.6 * RATE)]  # words cut at both ends
    short, whole = (Whisper(folder, tail=tail).transcribe(cut, "en") for tail in (2.0, None))
    assert short
    assert whole
    assert short[0].avg_logprob >= min(-0.55, whole[0].avg_logprob)
