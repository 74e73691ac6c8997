"""SenseVoice from a file of the published form: against sherpa-onnx, in batches, and with wrong files."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.errors import ModelError
from models.sensevoice import (
    EMOTION,
    EVENT,
    LANGUAGES,
    SenseVoice,
    SenseVoiceRecogniser,
    SenseVoiceTagger,
)
from models.shared import Shared
from tests.extras.small_sound import sound
from tests.small_sensevoice import EMOTIONS, EVENTS, export, metadata

LENGTHS = (0.31, 0.5, 1.0, 1.7, 2.33, 5.03)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export(tmp_path_factory.mktemp("sensevoice"), seed=3)


@pytest.fixture(scope="module")
def network(folder: Path) -> SenseVoice:
    return SenseVoice(folder)


#: run in a process of its own: sherpa-onnx brings another ONNX Runtime, and ends the process over a wrong file
REFERENCE = """
import json, sys, numpy, sherpa_onnx
folder, sounds = sys.argv[1], numpy.load(sys.argv[2])
found = {}
for language in ("zh", "en", "ko", ""):
    network = sherpa_onnx.OfflineRecognizer.from_sense_voice(
        model=f"{folder}/model.int8.onnx", tokens=f"{folder}/tokens.txt", language=language, use_itn=True
    )
    for name in sounds:
        stream = network.create_stream()
        stream.accept_waveform(16000, sounds[name])
        network.decode_stream(stream)
        said = stream.result
        found[f"{language} {name}"] = [
            said.tokens, said.timestamps, said.text, said.lang, said.emotion, said.event
        ]
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def reference(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Any]]:
    """What sherpa-onnx makes of the same file: language and seconds -> its result."""
    pytest.importorskip("sherpa_onnx")
    sounds = tmp_path_factory.mktemp("sounds") / "sounds.npz"
    np.savez(sounds, **{str(seconds): sound(seconds) for seconds in LENGTHS})
    command = [sys.executable, "-c", REFERENCE, str(folder), str(sounds)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, list[Any]] = json.loads(done.stdout)
    return found


def test_words_and_times_are_those_of_sherpa_onnx(
    network: SenseVoice, reference: dict[str, list[Any]]
) -> None:
    recogniser = SenseVoiceRecogniser(network)
    said = 0
    for language in ("zh", "en", "ko"):
        for seconds in LENGTHS:
            tokens, times, text, *_ = reference[f"{language} {seconds}"]
            (parts,) = recogniser.transcribe_many([(sound(seconds), language)])
            words = [word for part in parts for word in part.words]
            assert "".join(word.text for word in words).strip() == text.strip()
            # a token that is nothing but a space belongs to the word after it
            starts = {round(time, 2) for token, time in zip(tokens, times, strict=True) if token.strip()}
            assert {round(word.start, 2) for word in words} <= starts
            said += len(words)
    assert said > 50


def test_language_emotion_and_event_are_those_of_sherpa_onnx(
    network: SenseVoice, reference: dict[str, list[Any]]
) -> None:
    recogniser = SenseVoiceRecogniser(network)
    taggers = [
        SenseVoiceTagger(network, place, {name: name for name in names})
        for place, names in ((EMOTION, EMOTIONS), (EVENT, EVENTS))
    ]
    different = set()
    for seconds in LENGTHS:
        *_, language, emotion, event = reference[f" {seconds}"]
        chances = recogniser.languages(sound(seconds))
        if language != "<|nospeech|>":
            assert f"<|{max(chances, key=chances.__getitem__)}|>" == language
        for tagger, wanted in zip(taggers, (emotion, event), strict=True):
            (row,) = tagger.probabilities([sound(seconds)])
            assert f"<|{tagger.labels[int(row.argmax())]}|>" == wanted
            different.add(wanted)
    assert len(different) > 2, "a network that always says the same proves nothing"


def test_every_language_has_a_probability(network: SenseVoice) -> None:
    recogniser = SenseVoiceRecogniser(network, source="sensevoice:small@1")
    found = recogniser.languages(sound(3))
    assert list(found) == ["zh", "en", "yue", "ja", "ko"] == list(LANGUAGES)
    assert sum(found.values()) == pytest.approx(1, abs=1e-5)
    assert recogniser.languages(sound(40)) == recogniser.languages(sound(40)[: 30 * 16000])
    assert recogniser.source == "sensevoice:small@1"


def test_a_batch_reads_each_piece_as_alone(network: SenseVoice) -> None:
    pieces = [
        (sound(4, seed=1), "en"),
        (sound(0.01), "zh"),
        (sound(2, seed=2), "zh"),
        (sound(7, seed=3), "en"),
    ]
    together = SenseVoiceRecogniser(network, batch=4).transcribe_many(pieces)
    alone = [SenseVoiceRecogniser(network, batch=1).transcribe_many([piece])[0] for piece in pieces]
    assert [[part.text for part in one] for one in together] == [[part.text for part in one] for one in alone]
    for (samples, _), parts in zip(pieces, together, strict=True):
        for part in parts:
            assert 0 <= part.start <= part.end <= len(samples) / 16000 + 1e-9
            assert part.avg_logprob <= 0
            assert 0 <= part.no_speech_prob <= 1


def test_tokens_that_are_no_answer_take_their_share(network: SenseVoice) -> None:
    labels = {"HAPPY": "happy", "SAD": "sad", "EMO_UNKNOWN": None, "BORED": "bored"}
    whole = SenseVoiceTagger(network, EMOTION, {name: name for name in labels})
    asked = SenseVoiceTagger(network, EMOTION, labels)
    assert asked.labels == ("happy", "sad", "bored")
    pieces = [sound(2, seed=seed) for seed in range(4)]
    rows = asked.probabilities(pieces)
    assert rows == pytest.approx(whole.probabilities(pieces)[:, [0, 1, 3]], abs=1e-5)
    assert rows.sum(axis=1).max() < 1
    assert not rows[:, 2].any(), "the network has no token of that name"
    assert asked.probabilities([]).shape == (0, 3)
    with pytest.raises(ModelError, match=r"tokens.txt has none of <\|BORED\|>"):
        SenseVoiceTagger(network, EMOTION, {"BORED": "bored"})


def test_what_it_cannot_take_is_said(network: SenseVoice) -> None:
    recogniser = SenseVoiceRecogniser(network)
    with pytest.raises(ModelError, match="does not know the language 'fr'; languages: zh, en, yue, ja, ko"):
        recogniser.transcribe_many([(sound(1), "fr")])
    with pytest.raises(ModelError, match=r"a piece of 31.0 s; SenseVoice was trained on up to 30 s"):
        recogniser.transcribe_many([(sound(31), "zh")])
    assert recogniser.transcribe_many([]) == []


def test_a_batch_is_halved_when_memory_runs_out(network: SenseVoice, monkeypatch: pytest.MonkeyPatch) -> None:
    outputs = SenseVoice.outputs

    def tight(self: SenseVoice, rows: list[Any], *args: Any, **more: Any) -> Any:
        if len(rows) > 2:
            raise RuntimeError("Failed to allocate memory for requested buffer of size 4294967296")
        return outputs(self, rows, *args, **more)

    pieces = [(sound(1, seed=seed), "zh") for seed in range(6)]
    wanted = SenseVoiceRecogniser(network, batch=6).transcribe_many(pieces)
    monkeypatch.setattr(SenseVoice, "outputs", tight)
    recogniser = SenseVoiceRecogniser(network, batch=6)
    assert recogniser.transcribe_many(pieces) == wanted
    assert recogniser.notes() == [
        "out of memory at a batch of 6, went on with 3",
        "out of memory at a batch of 3, went on with 1",
    ]
    assert recogniser.notes() == []

    def full(*_: Any, **__: Any) -> Any:
        raise RuntimeError("CUDA failure 2: out of memory")

    monkeypatch.setattr(SenseVoice, "outputs", full)
    with pytest.raises(ModelError, match="out of memory with one piece alone"):
        SenseVoiceRecogniser(network, batch=2).transcribe_many(pieces)


def test_which_of_two_files_is_meant(folder: Path, tmp_path: Path) -> None:
    both = export(export(tmp_path / "both", file="model.onnx", seed=1), seed=3)
    piece = [(sound(3), "zh")]

    def read(place: Path, model: str) -> Any:
        return SenseVoiceRecogniser(SenseVoice(place, model=model)).transcribe_many(piece)

    assert read(both, "small-int8") == read(folder, "") != read(both, "small")
    (both / "model.int8.onnx").unlink()
    assert read(both, "small-int8") == read(both, "small")


def test_threads_change_nothing(folder: Path) -> None:
    piece = [(sound(3), "zh")]
    one, two = (
        SenseVoiceRecogniser(SenseVoice(folder, threads=count)).transcribe_many(piece) for count in (1, 2)
    )
    assert [part.text for part in one[0]] == [part.text for part in two[0]]


def without(key: str) -> dict[str, str]:
    return {name: value for name, value in metadata().items() if name != key}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"meta": without("lang_yue")},
            "not SenseVoice as sherpa-onnx exports it: its metadata lacks lang_yue",
        ),
        ({"meta": {}}, r"its metadata lacks inv_stddev, lang_auto, lang_en; FunASR's own"),
        (
            {"inputs": ("speech", "speech_lengths", "language", "textnorm")},
            "its inputs are speech, speech_lengths, language, textnorm; FunASR's own export is another format",
        ),
        ({"inputs": ("a", "b", "c", "d"), "meta": {}}, "its inputs are a, b, c, d; FunASR's own"),
        ({"meta": {**metadata(), "vocab_size": "9"}}, r"tokens.txt: lists \d+ tokens, the network has 9"),
        ({"meta": {**metadata(), "with_itn": "many"}}, "with_itn of its metadata is 'many', no number"),
        ({"meta": {**metadata(), "neg_mean": "1,x"}}, "neg_mean of its metadata is no list of numbers"),
        ({"meta": {**metadata(), "neg_mean": "1,2,3"}}, "its metadata states 3 means for frames of 7"),
    ],
)
def test_another_network_is_refused(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=message) as error:
        SenseVoice(export(tmp_path / "other", **change))
    assert "\n" not in str(error.value)


def test_missing_and_damaged_files(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"model.onnx or model.int8.onnx and tokens.txt missing"):
        SenseVoice(tmp_path)
    with pytest.raises(ModelError, match="is a file: name its folder, with model.onnx or"):
        SenseVoice(folder / "model.int8.onnx")
    made = export(tmp_path / "made")
    (made / "tokens.txt").write_text("▁hello one\n", encoding="utf-8")
    with pytest.raises(ModelError, match=r"tokens.txt: not a list of tokens and their numbers"):
        SenseVoice(made)
    (made / "tokens.txt").unlink()
    with pytest.raises(ModelError, match=r"made: tokens.txt missing"):
        SenseVoice(made)
    (made / "model.int8.onnx").write_bytes(bytes(64))
    (made / "tokens.txt").write_bytes((folder / "tokens.txt").read_bytes())
    with pytest.raises(ModelError, match="not a network that ONNX Runtime can run"):
        SenseVoice(made)


def test_what_is_shared_is_loaded_once_and_freed_by_the_last() -> None:
    shared, loads = Shared(), []

    def load() -> object:
        loads.append(object())
        return loads[-1]

    first, second = shared.get(("a",), load), shared.get(("a",), load)
    assert first is second
    assert shared.get(("b",), load) is not first
    assert [shared.release(("a",)) for _ in range(3)] == [False, True, False]
    assert shared.get(("a",), load) is not first
    assert len(loads) == 3
