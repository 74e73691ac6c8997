"""The three stages that SenseVoice can run: the same signals as their default stages give."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import kg
from mmu.errors import ConfigError, ModelError
from mmu.media.clip import Clip
from mmu.perception.adapted import sensevoice
from mmu.perception.catalog import build_stages
from mmu.signals import Signal, SignalSet, Span
from mmu.stage import Stage
from models.store import Store
from tests.small_sensevoice import EMOTIONS, EVENTS, TOKENS, export

RATE = 16000
ADAPTERS = {"speech": "sensevoice", "vocal_emotion": "sensevoice.emotion", "sound": "sensevoice.events"}


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export(tmp_path_factory.mktemp("weights"), seed=3)


def stage(name: str, weights: Path, **choice: Any) -> Stage:
    """The stage of a configuration, checked and set up."""
    one = {"adapter": ADAPTERS[name], "model": "small-int8", "weights": str(weights), **choice}
    config = {"device": "cpu", "stages": {name: one}}
    built = next(made for made in build_stages(config=config, only=[name]) if made.name == name)
    store = Store()
    if missing := [model for model in built.models if not store.has(model)]:
        pytest.skip(f"weights missing: {', '.join(missing)}")
    built.check(store)
    built.setup(store)
    return built


@pytest.fixture(scope="module")
def spoken() -> Iterator[Clip]:
    """One sentence of three seconds eight times, two seconds of silence before each."""
    store = Store()
    if not store.has("sample-media"):
        pytest.skip("needs `mmu models pull --profile sample`")
    voice, rate = soundfile.read(store.file("sample-media", "speech_2.wav"), dtype="float32")
    assert rate == RATE
    with Clip.from_arrays(audio=(np.tile(np.concatenate([np.zeros(2 * RATE), voice]), 8), RATE)) as made:
        yield made


def check_signals(found: list[Signal], built: Stage, clip: Clip, source: str) -> None:
    assert found
    assert {one.kind for one in found} <= built.emits
    for one in found:
        assert one.span is None or 0 <= one.span.start <= one.span.end <= clip.duration + 0.1
        assert one.score is None or 0 <= one.score <= 1
    assert any(one.source.startswith(source) for one in found)


@pytest.mark.weights
def test_speech_is_cut_by_voice_activity_and_timed_in_the_clip(spoken: Clip, weights: Path) -> None:
    built = stage("speech", weights)
    found = built.run(spoken, SignalSet())
    check_signals(found, built, spoken, "sensevoice:small-int8@")
    activity = [one.span for one in found if one.kind == "speech.activity" and one.span]
    said = [one for one in found if one.kind == "speech.segment"]
    assert len(activity) >= 8
    assert said
    for one in said:
        assert one.attributes["language"] in {"zh", "en", "yue", "ja", "ko"}
        assert one.span is not None
        words = one.attributes["words"]
        assert [start for start, _, _ in words] == sorted(start for start, _, _ in words)
        assert one.span.start <= words[0][0] <= words[-1][1] <= one.span.end + 0.02
        # what is said is said where somebody speaks
        assert sum(one.span.overlap(span) for span in activity) > 0
    assert max(one.span.end for one in said if one.span) > 28, "more than one piece was read"
    (language,) = [one for one in found if one.kind == "speech.language"]
    assert sum(language.attributes["shares"].values()) == pytest.approx(1, abs=0.01)
    assert list(kg.load().label("language", str(language.value)))
    assert built.notes() == []
    built.close()
    with pytest.raises(ConfigError, match="not set up"):
        built.run(spoken, SignalSet())


def test_vocal_emotion_of_each_stretch(spoken: Clip, weights: Path) -> None:
    built = stage("vocal_emotion", weights)
    spans = [Span(5.1 * n + 2, 5.1 * n + 5) for n in range(6)]
    heard = built.run(spoken, SignalSet(Signal("speech.activity", None, 0.9, span, "t@1") for span in spans))
    check_signals(heard, built, spoken, "sensevoice.emotion:small-int8@")
    assert {one.span for one in heard} <= set(spans)
    names = {name for name in sensevoice.labels("emotion").values() if name}
    for one in heard:
        assert one.value in names
        assert one.attributes["vocabulary"] == "vocal_emotion"
        assert set(one.attributes["scores"]) == names
        assert sum(one.attributes["scores"].values()) == pytest.approx(1, abs=0.01)
        assert 0 <= one.attributes["arousal"] <= 1
    built.close()


def test_an_emotion_that_the_network_calls_unknown_is_none(
    spoken: Clip, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sensevoice.SenseVoiceEmotion, "least_known", 1.0)
    built = stage("vocal_emotion", weights)
    activity = Signal("speech.activity", None, 0.9, Span(2, 5), "t@1")
    assert built.run(spoken, SignalSet([activity])) == []
    built.close()


@pytest.mark.weights
def test_events_come_beside_what_the_default_stage_says(spoken: Clip, weights: Path) -> None:
    built = stage("sound", weights, threshold=0.01)
    found = built.run(spoken, SignalSet())
    check_signals(found, built, spoken, "sensevoice.events:small-int8@")
    tagged = [one for one in found if one.source.startswith("sensevoice")]
    assert {one.kind for one in tagged} == {"audio.event"}
    assert {one.kind for one in found} >= {"audio.segment", "audio.event", "audio.loudness"}
    for one in tagged:
        assert one.attributes["vocabulary"] == "audioset"
        assert list(kg.load().label("audioset", str(one.value)))
    assert "Speech" not in {one.value for one in tagged}, "the default networks say that"
    built.close()


def test_labels_are_those_of_the_maps() -> None:
    graph = kg.load()
    for of, vocabulary, names in (("emotion", "vocal_emotion", EMOTIONS), ("event", "audioset", EVENTS)):
        found = sensevoice.labels(of)  # type: ignore[arg-type]
        assert set(names) <= set(found)
        for label in found.values():
            assert label is None or list(graph.label(vocabulary, label)), label


def test_the_three_stages_share_one_network(tmp_path: Path) -> None:
    weights = export(tmp_path / "own", seed=5)  # which no other test holds
    first, second = stage("speech", weights), stage("vocal_emotion", weights)
    network = first._asking.network  # type: ignore[attr-defined]
    assert second._asking.network is network  # type: ignore[attr-defined]
    first.close()
    third = stage("vocal_emotion", weights)
    assert third._asking.network is network  # type: ignore[attr-defined]
    second.close()
    third.close()
    last = stage("speech", weights)
    assert last._asking.network is not network  # type: ignore[attr-defined]
    last.close()


def test_wrong_choices_are_said_before_anything_runs(weights: Path, tmp_path: Path) -> None:
    def check(name: str = "speech", *, device: str = "cpu", **choice: Any) -> None:
        one = {"adapter": ADAPTERS[name], "model": "small", **choice}
        config = {"device": device, "stages": {name: one}}
        next(made for made in build_stages(config=config, only=[name]) if made.name == name).check(
            Store(tmp_path)
        )

    for name in ADAPTERS:
        with pytest.raises(
            ModelError, match="weights of sensevoice-small are not there: run `mmu models pull"
        ):
            check(name)
    with pytest.raises(ModelError, match="have SHA-256 .*, the configuration asks for 00000000"):
        check(weights=str(weights), sha256="00000000")
    with pytest.raises(
        ModelError, match="'mps': SenseVoice works on cpu and cuda; say `device: cpu` for stage sp"
    ):
        check(weights=str(weights), device="mps")
    with pytest.raises(ModelError, match="onnx: cuda:7: "):
        check(weights=str(weights), device="cuda:7")
    with pytest.raises(ConfigError, match="stages.speech.batch: "):
        check(batch=0)


def test_another_network_is_an_error_of_its_stage(tmp_path: Path) -> None:
    wrong = export(tmp_path / "wrong", meta={})
    with pytest.raises(ModelError, match="not SenseVoice as sherpa-onnx exports it"):
        stage("speech", wrong)
    assert len(set(TOKENS)) == len(TOKENS)
