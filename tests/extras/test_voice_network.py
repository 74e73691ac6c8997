"""Age and gender of a voice by wav2vec 2.0: a small checkpoint with the published parameter names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs mmu-video[torch]")
pytest.importorskip("transformers", reason="needs mmu-video[torch]")

from mmu.media.clip import Clip
from mmu.perception.catalog import build_stages
from mmu.signals import Signal, SignalSet, Span
from models.errors import ModelError
from models.store import Store
from models.torch.runtime import Runtime, RuntimeOptions
from models.torch.voice_age import VoiceAge
from tests.extras.small_sound import audio_classifier, sound, voice_age


def runtime() -> Runtime:
    return Runtime(RuntimeOptions("cpu"))


def test_it_computes_what_the_paper_says(tmp_path: Path) -> None:
    """The encoder of transformers and plain products of the file's own matrices give the same."""
    import torch
    import transformers
    from safetensors.torch import load_file

    folder = voice_age(tmp_path / "weights")
    pieces = [sound(2), sound(3, seed=1), sound(2, seed=2)]
    found = VoiceAge(folder, runtime(), batch=2).read(pieces)
    assert found.shape == (3, 4)
    assert found[:, 1:].sum(axis=1) == pytest.approx(1, abs=1e-5)
    state = load_file(folder / "model.safetensors")
    assert {name for name in state if not name.startswith("wav2vec2.")} == {
        f"{head}.{part}.{kind}"
        for head in ("age", "gender")
        for part in ("dense", "out_proj")
        for kind in ("weight", "bias")
    }
    encoder = transformers.Wav2Vec2Model.from_pretrained(folder).eval()
    extract = transformers.Wav2Vec2FeatureExtractor.from_pretrained(folder)
    for piece, row in zip(pieces, found, strict=True):
        inputs = extract(piece, sampling_rate=16000, return_tensors="pt")["input_values"]
        with torch.no_grad():
            pooled = encoder(inputs).last_hidden_state.mean(dim=1)[0]
        outputs = []
        for head in ("age", "gender"):
            hidden = torch.tanh(state[f"{head}.dense.weight"] @ pooled + state[f"{head}.dense.bias"])
            outputs.append(state[f"{head}.out_proj.weight"] @ hidden + state[f"{head}.out_proj.bias"])
        assert row[0] == pytest.approx(100 * float(outputs[0]), abs=0.01)
        assert row[1:] == pytest.approx(outputs[1].softmax(dim=0).numpy(), abs=1e-4)


def test_another_kind_of_network_is_refused(tmp_path: Path) -> None:
    folder = audio_classifier(tmp_path / "emotion", ["neu", "hap"], kind="wav2vec2")
    with pytest.raises(ModelError, match="weights lack age"):
        VoiceAge(folder, runtime())
    with pytest.raises(ModelError, match=r"config\.json, preprocessor_config\.json missing"):
        VoiceAge(tmp_path, runtime())


@pytest.mark.weights
def test_the_stage_says_group_years_and_gender(tmp_path: Path) -> None:
    import soundfile

    store = Store()
    folder = voice_age(tmp_path / "weights")
    config = {
        "device": "cpu",
        "stages": {
            "speakers": {"adapter": "transformers.voice_age", "model": "small", "weights": str(folder)}
        },
    }
    stage = next(one for one in build_stages(config=config, only=["speakers"]) if one.name == "speakers")
    if missing := [model for model in (*stage.models, "sample-media") if not store.has(model)]:
        pytest.skip(f"weights missing: {', '.join(missing)}")
    stage.check(store)
    stage.setup(store)
    samples, rate = soundfile.read(store.file("sample-media", "speech_1.wav"), dtype="float32")
    spoken = Signal("speech.activity", None, 0.9, Span(0, samples.size / rate), "t@1")
    with Clip.from_arrays(audio=(np.asarray(samples, np.float32), rate)) as clip:
        (voice,) = stage.run(clip, SignalSet([spoken]))
    stage.close()
    assert voice.attributes["gender"] in {"female", "male"}
    assert voice.attributes["age_group"] in {"child", "adult", None}
    assert 0.5 <= voice.attributes["age_group_score"] <= 1
    assert isinstance(voice.attributes["years"], float)
    assert "+transformers.voice_age:small@" in voice.source
