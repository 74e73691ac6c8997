"""The text stage on clips with known text."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from mmu.media import Clip, open_clip
from mmu.perception.text import TextStage
from mmu.signals import Signal, SignalSet
from models.errors import ModelError
from models.store import Store

pytestmark = pytest.mark.weights


@pytest.fixture(scope="module")
def stage() -> Iterator[TextStage]:
    stage = TextStage()
    stage.setup(Store(), threads=1)
    yield stage
    stage.close()


def scene(step: int) -> np.ndarray:
    """A background that moves."""
    y, x = np.mgrid[0:360, 0:640]
    grey = 90 + 40 * np.sin((x + 9 * step) / 60.0) + 30 * np.cos((y - 5 * step) / 45.0)
    return np.repeat(grey.astype(np.uint8)[:, :, None], 3, axis=2)


def write(image: np.ndarray, text: str, at: tuple[int, int], scale: float) -> np.ndarray:
    cv2.putText(image, text, at, cv2.FONT_HERSHEY_SIMPLEX, scale, (0, 0, 0), 6, cv2.LINE_AA)
    cv2.putText(image, text, at, cv2.FONT_HERSHEY_SIMPLEX, scale, (255, 255, 255), 2, cv2.LINE_AA)
    return image


def film() -> Clip:
    """12 s: a watermark throughout, a title to 3 s, three subtitles of 3 s from 3 s on."""
    subtitles = ["where are you going", "I am going home", "see you tomorrow then"]
    frames = []
    for step in range(24):
        time = step / 2
        image = write(scene(step), "MYTUBE", (520, 30), 0.7)
        if time < 3:
            write(image, "A QUIET DAY", (90, 180), 2.2)
        else:
            text = subtitles[int(time // 3) - 1]
            width = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 0.9, 2)[0][0]
            write(image, text, ((640 - width) // 2, 330), 0.9)
        frames.append((time, image))
    return Clip.from_arrays(frames=frames, fps=2)


def by_text(signals: list[Signal]) -> dict[str, Signal]:
    return {str(signal.value): signal for signal in signals}


def test_lines_spans_and_roles(stage: TextStage) -> None:
    with film() as clip:
        signals = stage.run(clip, SignalSet())
    lines = by_text(signals)
    assert set(lines) == {
        "MYTUBE",
        "A QUIET DAY",
        "where are you going",
        "I am going home",
        "see you tomorrow then",
    }
    assert len(signals) == len(lines), "a line that stands is one signal"
    assert {signal.kind for signal in signals} <= stage.emits
    assert lines["MYTUBE"].attributes["role"] == "watermark"
    assert lines["A QUIET DAY"].attributes["role"] == "title"
    for number, text in enumerate(["where are you going", "I am going home", "see you tomorrow then"]):
        signal = lines[text]
        assert signal.attributes["role"] == "subtitle"
        assert signal.attributes["language"] == "en"
        assert signal.span is not None
        assert abs(signal.span.start - 3 * (number + 1)) <= 0.51
        assert abs(signal.span.end - 3 * (number + 2)) <= 0.51
    watermark = lines["MYTUBE"]
    assert watermark.span is not None
    assert watermark.span.start == 0
    assert watermark.span.end >= 11.5
    assert watermark.box is not None
    assert abs(watermark.box.x - 520) < 12


def test_standing_lines_are_recognised_few_times(stage: TextStage, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = stage._video
    assert reader is not None
    read: list[int] = []
    original = reader._recognizer.read
    monkeypatch.setattr(
        reader._recognizer,
        "read",
        lambda lines, **options: read.append(len(lines)) or original(lines, **options),
    )
    with film() as clip:
        stage.run(clip, SignalSet())
    assert sum(read) <= 15, "5 lines over 24 frames"


def test_nothing_in_pictures_without_text(stage: TextStage) -> None:
    clip = Clip.from_arrays(frames=[(step / 2, scene(step)) for step in range(6)], fps=2)
    with clip:
        assert stage.run(clip, SignalSet()) == []


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_turned_stills_are_read(stage: TextStage, tmp_path: Path, turn: int) -> None:
    image = np.full((300, 700, 3), 240, np.uint8)
    cv2.putText(
        image, "Keep this side up", (50, 150), cv2.FONT_HERSHEY_SIMPLEX, 1.8, (0, 0, 0), 4, cv2.LINE_AA
    )
    path = tmp_path / "sign.png"
    cv2.imwrite(str(path), np.rot90(image, -turn // 90))
    with open_clip(path) as clip:
        signals = stage.run(clip, SignalSet())
    assert [signal.value for signal in signals] == ["Keep this side up"]
    assert signals[0].attributes["orientation"] == turn


def test_tiny_still_is_enlarged(stage: TextStage, tmp_path: Path) -> None:
    image = np.full((60, 200, 3), 250, np.uint8)
    cv2.putText(image, "small", (20, 40), cv2.FONT_HERSHEY_SIMPLEX, 1.2, (0, 0, 0), 2, cv2.LINE_AA)
    path = tmp_path / "small.png"
    cv2.imwrite(str(path), cv2.resize(image, (60, 18), interpolation=cv2.INTER_AREA))
    with open_clip(path) as clip:
        assert [signal.value for signal in stage.run(clip, SignalSet())] == ["small"]


def test_boxes_are_in_source_pixels(stage: TextStage) -> None:
    clip = Clip.from_arrays(frames=[(0.0, write(scene(0), "PLACE", (300, 200), 1.5))], fps=1)
    with clip:
        clip.scale = 2.0
        box = stage.run(clip, SignalSet())[0].box
    assert box is not None
    assert abs(box.x - 600) < 30


def test_run_before_setup() -> None:
    clip = Clip.from_arrays(frames=[(0.0, scene(0))], fps=1)
    with clip, pytest.raises(ModelError, match="not set up"):
        TextStage().run(clip, SignalSet())
