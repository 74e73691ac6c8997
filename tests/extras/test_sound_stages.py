"""Stages of speech and sound run by full-size networks: chosen by a configuration, the same signals out."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs mmu-video[torch]")
pytest.importorskip("transformers", reason="needs mmu-video[torch]")
pytest.importorskip("whisper", reason="needs mmu-video[whisper]")

import kg
from mmu.errors import ConfigError, ModelError
from mmu.media.clip import Clip
from mmu.perception.catalog import build_stages
from mmu.signals import Signal, SignalSet, Span
from mmu.stage import Stage
from models.store import Store
from tests.extras.small_sound import audio_classifier, panns, sound, whisper_pt

EVENTS = ["Speech", "Dog", "Meow", "Siren", "Applause"]


def stage(name: str, tmp_path: Path, **choice: Any) -> Stage:
    """The one stage of a configuration, checked and set up."""
    config = {"device": "cpu", "stages": {name: choice}}
    built = next(one for one in build_stages(config=config, only=[name]) if one.name == name)
    store = Store()
    if missing := [model for model in built.models if not store.has(model)]:
        pytest.skip(f"weights missing: {', '.join(missing)}")
    built.check(store)
    built.setup(store)
    return built


@pytest.fixture(scope="module")
def clip() -> Iterator[Clip]:
    with Clip.from_arrays(
        audio=(np.concatenate([sound(9), np.zeros(16000 * 6, np.float32), sound(4)]), 16000)
    ) as made:
        yield made


def check_signals(found: list[Signal], built: Stage, clip: Clip, source: str) -> None:
    assert {one.kind for one in found} <= built.emits
    for one in found:
        assert one.span is None or 0 <= one.span.start <= one.span.end <= clip.duration + 0.1
    assert any(one.source.startswith(source) for one in found)


@pytest.mark.weights
@pytest.mark.parametrize("adapter", ["ast", "panns"])
def test_sound_events_come_beside_what_the_default_stage_says(
    tmp_path: Path, clip: Clip, adapter: str
) -> None:
    make = panns if adapter == "panns" else audio_classifier
    extra = {} if adapter == "panns" else {"kind": "ast"}
    weights = make(tmp_path / "weights", EVENTS, **extra)  # type: ignore[operator]
    built = stage("sound", tmp_path, adapter=adapter, model="small", weights=str(weights), threshold=0.3)
    found = built.run(clip, SignalSet())
    check_signals(found, built, clip, f"{adapter}:small@")
    tagged = [one for one in found if one.source.startswith(adapter)]
    assert {one.value for one in tagged} <= set(EVENTS)
    assert all(one.attributes["vocabulary"] == "audioset" for one in tagged)
    # a window that ends in the silence still hears the sound before it; one within it hears nothing
    assert {one.kind for one in found} >= {"audio.segment", "audio.event", "audio.loudness"}
    for label in EVENTS:
        assert list(kg.load().label("audioset", label)), label
    built.close()
    with pytest.raises(ConfigError, match="not set up"):
        built.run(clip, SignalSet())


@pytest.mark.weights
def test_speech_is_timed_in_the_clip_and_filtered(tmp_path: Path) -> None:
    import soundfile

    store = Store()
    if not store.has("sample-media"):
        pytest.skip("needs `mmu models pull --profile sample`")
    voice, rate = soundfile.read(store.file("sample-media", "speech_2.wav"), dtype="float32")
    silence = np.zeros(2 * rate, np.float32)
    weights = whisper_pt(tmp_path / "tiny.pt", layers=4, heads=6)
    built = stage("speech", tmp_path, adapter="openai-whisper", model="tiny", weights=str(weights), batch=4)
    with Clip.from_arrays(audio=(np.concatenate([silence, voice]), rate)) as spoken:
        found = built.run(spoken, SignalSet())
    activity = [one for one in found if one.kind == "speech.activity"]
    assert activity
    assert activity[0].span is not None
    assert 1.5 < activity[0].span.start < 2.6
    for one in found:
        if one.kind == "speech.segment":
            assert one.source.startswith("openai-whisper:tiny@")
            assert one.span is not None
            assert one.span.start > 1.0
    built.close()


def test_vocal_emotion_of_each_stretch(tmp_path: Path, clip: Clip) -> None:
    weights = audio_classifier(tmp_path / "weights", ["neu", "hap", "ang", "other"], kind="wav2vec2")
    built = stage(
        "vocal_emotion", tmp_path, adapter="transformers.emotion", model="small", weights=str(weights)
    )
    spoken = [
        Signal("speech.activity", None, 0.9, Span(start, end), "t@1")
        for start, end in ((0, 4), (5.5, 5.7), (15, 19))
    ]
    found = built.run(clip, SignalSet(spoken))
    check_signals(found, built, clip, "transformers.emotion:small@")
    assert [one.span for one in found] == [Span(0, 4), Span(15, 19)]
    for one in found:
        assert one.value in {"neutral", "happy", "angry"}
        assert sum(one.attributes["scores"].values()) == pytest.approx(1, abs=0.01)
        assert 0 <= one.attributes["arousal"] <= 1
        assert list(kg.load().label("vocal_emotion", str(one.value)))
    built.close()


def test_labels_that_are_no_emotions_are_refused(tmp_path: Path) -> None:
    weights = audio_classifier(tmp_path / "weights", ["neu", "Dog"], kind="wav2vec2")
    with pytest.raises(ModelError, match="labels dog are no emotions"):
        stage("vocal_emotion", tmp_path, adapter="transformers.emotion", model="small", weights=str(weights))


def test_weights_that_are_not_there_are_named_with_what_to_do(tmp_path: Path) -> None:
    config = {"device": "cpu", "stages": {"speech": {"adapter": "openai-whisper", "model": "turbo"}}}
    built = next(one for one in build_stages(config=config, only=["speech"]) if one.name == "speech")
    shutil.rmtree(tmp_path, ignore_errors=True)
    with pytest.raises(ModelError, match=r"openai-whisper-turbo are not there: run `mmu models pull"):
        built.check(Store(tmp_path))
