"""torchvision's video networks: clips prepared and read as torchvision does it, and as stage `actions`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
torchvision = pytest.importorskip("torchvision")

from mmu.perception.catalog import build_stages  # noqa: E402
from mmu.signals import Box, Signal, SignalSet, Span  # noqa: E402
from models.store import Store  # noqa: E402
from models.torch.labels import shipped_labels  # noqa: E402
from models.torch.runtime import Runtime, RuntimeOptions  # noqa: E402
from models.torch.video import TEMPI, ActionNet  # noqa: E402
from tests.extras.small import checkpoint, moving_clip, picture  # noqa: E402

CPU = RuntimeOptions(device="cpu")


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return checkpoint(tmp_path_factory.mktemp("v"), "mc3_18")


@pytest.mark.parametrize(
    "model", ["mvit_v2_s", pytest.param("swin3d_t", marks=pytest.mark.slow), "r2plus1d_18"]
)
def test_probabilities_are_those_of_torchvision(tmp_path: Path, model: str) -> None:
    path = checkpoint(tmp_path, model)
    frames = [picture(200, 150, seed) for seed in range(TEMPI[model].frames)]
    network = torchvision.models.get_model(model, weights=None)
    network.load_state_dict(torch.load(path, weights_only=True))
    prepare = torchvision.models.get_model_weights(model).DEFAULT.transforms()
    with torch.inference_mode():
        video = torch.from_numpy(np.stack([frame[:, :, ::-1].transpose(2, 0, 1) for frame in frames]))
        expected = network.eval()(prepare(video)[None]).softmax(1)[0].numpy()
    found = ActionNet(path, model, runtime=Runtime(CPU)).classify([frames])[0]
    np.testing.assert_allclose(found, expected, rtol=1e-3)
    assert found.argmax() == expected.argmax()


def test_tempi_are_those_that_torchvision_states() -> None:
    for model, tempo in TEMPI.items():
        described = str(torchvision.models.get_model_weights(model).DEFAULT.meta["_docs"])
        assert f"frame_rate={tempo.rate:g}" in described, model
        assert f"clip_len={tempo.frames}" in described, model


def test_the_classes_are_torchvisions() -> None:
    weights = torchvision.models.get_model_weights("mvit_v2_s").DEFAULT
    assert list(shipped_labels("kinetics400")) == weights.meta["categories"]


def test_batches_agree(small: Path) -> None:
    clips = [[picture(seed=16 * n + m) for m in range(16)] for n in range(2)]
    one = ActionNet(small, "mc3_18", runtime=Runtime(CPU), batch=1).classify(clips)
    more = ActionNet(small, "mc3_18", runtime=Runtime(CPU), batch=2).classify(clips)
    np.testing.assert_allclose(one, more, rtol=1e-3)
    assert one.shape == (2, 400)


def person(box: Box | None, span: Span) -> Signal:
    return Signal("image.object", "person", 0.9, span, "test", box=box, attributes={"boxes": []})


def stage_of(small: Path, folder: Path, **more: object):
    choice = {
        "adapter": "torchvision.video",
        "model": "mc3_18",
        "weights": str(small),
        "min_score": 0,
        "max_clips": 2,
        **more,
    }
    stage = build_stages(config={"device": "cpu", "stages": {"actions": choice}}, only=["actions"])[-1]
    store = Store(folder / "home")
    stage.check(store)
    stage.setup(store)
    return stage


def test_the_stage_emits_actions_where_people_are(small: Path, tmp_path: Path) -> None:
    clip = moving_clip(seconds=4)
    stage = stage_of(small, tmp_path, people_only=False, max_actions=3)
    found = stage.run(clip, SignalSet())
    assert len(found) == 3
    for one in found:
        assert one.kind == "person.action"
        assert one.value in shipped_labels("kinetics400")
        assert one.attributes["vocabulary"] == "kinetics400"
        assert one.source.startswith("torchvision.video:mc3_18@")
        assert 0 <= one.span.start < one.span.end <= clip.duration
    stage.close()


def test_nobody_seen_nothing_asked(small: Path, tmp_path: Path) -> None:
    stage = stage_of(small, tmp_path)
    clip = moving_clip(seconds=4)
    car = Signal("image.object", "car", 0.9, Span(0, 4), "test", box=Box(0, 0, 50, 50))
    assert stage.run(clip, SignalSet([car])) == []
    times = [[t / 2, 10.0, 10.0, 80.0, 200.0] for t in range(9)]
    somebody = Signal(
        "image.object",
        "person",
        0.9,
        Span(0, 4),
        "test",
        box=Box(10, 10, 80, 200),
        attributes={"boxes": times},
    )
    assert stage.run(clip, SignalSet([car, somebody]))
    stage.close()


def test_clips_keep_the_tempo_and_stay_in_their_shot(small: Path, tmp_path: Path) -> None:
    stage = stage_of(small, tmp_path, people_only=False, clips_per_shot=2)
    clip = moving_clip(seconds=6)
    windows = stage._windows(clip, SignalSet())
    assert [len(one.indices) for one in windows] == [16, 16]
    for one in windows:
        seconds = clip.times[one.indices]
        # 16 frames at 15 a second: about one second of a clip sampled five times a second
        assert seconds.max() - seconds.min() == pytest.approx(1.0, abs=0.25)
        assert (np.diff(seconds) >= 0).all()
    stage.close()


def test_a_still_picture_has_no_actions(small: Path, tmp_path: Path) -> None:
    from mmu.media.clip import Clip

    stage = stage_of(small, tmp_path, people_only=False)
    assert stage.run(Clip.from_arrays(frames=[(0.0, picture())]), SignalSet()) == []
    stage.close()
