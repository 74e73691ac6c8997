"""Labels, objects, scene, style, explicit content and shots on clips made of real photos."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from skimage import data

from mmu.media.clip import Clip
from mmu.perception.bars import picture_area
from mmu.perception.camera import classify
from mmu.perception.colours import colour_shares
from mmu.perception.explicit import Explicit
from mmu.perception.labels import Labels
from mmu.perception.merge import choose_looks
from mmu.perception.objects import Objects
from mmu.perception.scene import Scene, priors
from mmu.perception.shots import Shots
from mmu.perception.style import Style
from mmu.perception.tracks import Sighting, link
from mmu.signals import Box, Signal, SignalSet, Span
from mmu.stage import Stage
from models.store import Store

Picture = NDArray[np.uint8]
SIZE = (480, 360)


def photo(name: str) -> Picture:
    return np.asarray(cv2.resize(getattr(data, name)()[:, :, ::-1], SIZE), dtype=np.uint8)


def film(*names: str, seconds: float = 2.0, fps: float = 5.0) -> list[tuple[float, Picture]]:
    each = int(seconds * fps)
    return [((n * each + i) / fps, photo(name)) for n, name in enumerate(names) for i in range(each)]


def run(stage: Stage, clip: Clip, signals: SignalSet | None = None) -> list[Signal]:
    stage.setup(Store())
    try:
        found = stage.run(clip, signals or SignalSet())
    finally:
        stage.close()
    assert {signal.kind for signal in found} <= stage.emits
    return found


@pytest.mark.weights
def test_labels_stand_in_the_shot_that_shows_them() -> None:
    with Clip.from_arrays(frames=film("chelsea", "coffee"), fps=5) as clip:
        found = run(Labels(), clip)
    labels = {str(s.value): s for s in found if s.kind == "image.label"}
    cat = max(
        (labels[n] for n in ("tabby", "Egyptian cat", "tiger cat") if n in labels), key=lambda s: s.score or 0
    )
    assert cat.span == pytest.approx(Span(0.0, 2.0), abs=0.3)
    assert labels["espresso"].span == pytest.approx(Span(2.0, 4.0), abs=0.3)
    assert cat.attributes["vocabulary"] == "imagenet1k"
    embeddings = [s.embedding for s in found if s.kind == "image.embedding"]
    assert len(embeddings) == 2
    assert all(e is not None and e.shape == (1280,) and e.dtype == np.float16 for e in embeddings)


@pytest.mark.weights
def test_an_object_that_moves_is_one_track_in_source_pixels() -> None:
    wide = cv2.resize(photo("astronaut"), (600, 360))
    frames = [(i * 0.5, np.ascontiguousarray(wide[:, i * 12 : i * 12 + 480])) for i in range(8)]
    with Clip.from_arrays(frames=frames, fps=2) as clip:
        found = run(Objects(), clip)
    people = [s for s in found if s.value == "person"]
    assert len([s for s in people if s.attributes["frames"] >= 6]) == 1
    assert people[0].attributes["most_at_once"] >= 1
    assert people[0].track is not None
    assert people[0].box is not None
    assert people[0].box.x + people[0].box.w <= 481


@pytest.mark.weights
def test_harmless_film_is_not_explicit() -> None:
    with Clip.from_arrays(frames=film("astronaut", "coffee"), fps=5) as clip:
        (worst,) = run(Explicit(), clip)
    assert (worst.score or 0) < 0.2


def test_tracks_join_by_overlap_and_end_at_a_cut() -> None:
    def at(look: int, x: float, shot: int = 0) -> Sighting:
        return Sighting(look, look * 0.5, shot, "dog", 0.6, Box(x, 0, 50, 50))

    joined = link([[at(0, 0), at(0, 200)], [at(1, 10), at(1, 205)], [], [at(3, 25)], [at(4, 25, shot=1)]])
    assert sorted(len(track.sightings) for track in joined) == [1, 2, 3]


def test_scene_follows_labels_and_says_nothing_without_evidence() -> None:
    def label(value: str, vocabulary: str, score: float) -> Signal:
        kind = "image.label" if vocabulary == "imagenet1k" else "image.object"
        return Signal(kind, value, score, Span(0, 1), "test", attributes={"vocabulary": vocabulary})

    grey = np.full((120, 160, 3), 110, np.uint8)
    grey[40:80, 40:90] = 60
    with Clip.from_arrays(frames=[(0.0, grey)], fps=1) as clip:
        assert run(Scene(), clip) == []
        kitchen = run(
            Scene(), clip, SignalSet([label("microwave", "coco", 0.7), label("stove", "imagenet1k", 0.5)])
        )
        coast = run(Scene(), clip, SignalSet([label("seashore", "imagenet1k", 0.8)]))
    assert {"kitchen", "indoor"} <= {s.value for s in kitchen}
    assert "outdoor" not in {s.value for s in kitchen}
    assert {"beach", "sea", "outdoor"} <= {s.value for s in coast}
    assert all(s.score is not None and s.score <= 0.95 for s in kitchen + coast)


def test_scene_priors_are_probabilities_of_known_labels() -> None:
    table = priors()
    assert set(table) == {"imagenet1k", "coco"}
    assert len(table["imagenet1k"]) > 600
    assert all(0 < w <= 1 for labels in table.values() for scenes in labels.values() for w in scenes.values())


def styles(frames: list[tuple[float, Picture]], signals: SignalSet | None = None) -> dict[str, float]:
    with Clip.from_arrays(frames=frames, fps=2) as clip:
        return {str(s.value): s.score or 0.0 for s in run(Style(), clip, signals) if s.kind == "image.style"}


def test_styles_of_made_pictures() -> None:
    coffee = photo("coffee")
    grey = cv2.cvtColor(cv2.cvtColor(coffee, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    assert styles([(0.0, grey)])["black_and_white"] > 0.8
    assert "black_and_white" not in styles([(0.0, coffee)])
    assert styles([(0.0, (coffee * 0.2).astype(np.uint8))])["dark"] > 0.5
    assert "vertical_video" in styles([(0.0, np.ascontiguousarray(np.rot90(coffee)))])
    slide = np.full((360, 480, 3), 255, np.uint8)
    for row in range(8):
        cv2.putText(
            slide, "plain words on a page", (20, 40 + 40 * row), cv2.FONT_HERSHEY_SIMPLEX, 1, (0, 0, 0), 2
        )
    assert styles([(0.0, slide)])["text_slide"] > 0.4


def test_colours_have_names_and_shares() -> None:
    picture = np.zeros((100, 100, 3), np.uint8)
    picture[:, :60] = (200, 30, 20)
    picture[:, 60:90] = (20, 20, 220)
    shares = {c.name: c for c in colour_shares([picture])}
    assert shares["blue"].share == pytest.approx(0.6, abs=0.01)
    assert shares["red"].share == pytest.approx(0.3, abs=0.01)
    assert shares["black"].share == pytest.approx(0.1, abs=0.01)
    assert shares["red"].rgb == (220, 20, 20)


def test_shots_black_frozen_and_bars() -> None:
    black = np.zeros((360, 480, 3), np.uint8)
    bars = black.copy()
    bars[60:300] = cv2.resize(photo("coffee"), (480, 240))
    noise = np.random.default_rng(1).normal(0, 6, (40, 360, 480, 3))
    moving = [np.clip(photo("rocket") + n, 0, 255).astype(np.uint8) for n in noise[:20]]
    pictures = [*moving, *[black] * 10, *[photo("chelsea")] * 20]
    with Clip.from_arrays(frames=[(i / 10, p) for i, p in enumerate(pictures)], fps=10) as clip:
        found = run(Shots(), clip)
    spans = {kind: [s.span for s in found if s.kind == kind] for kind in Shots.emits}
    assert spans["media.black"] == [pytest.approx(Span(2.0, 3.0), abs=0.11)]
    assert spans["media.frozen"] == [pytest.approx(Span(3.0, 5.0), abs=0.21)]
    assert spans["media.letterbox"] == []
    shots = [span for span in spans["media.shot"] if span]
    assert shots[0].start == 0
    assert shots[-1].end == pytest.approx(5.0, abs=0.11)
    with Clip.from_arrays(frames=[(i / 10, bars) for i in range(10)], fps=10) as clip:
        (letterbox,) = [s for s in run(Shots(), clip) if s.kind == "media.letterbox"]
    assert letterbox.box == pytest.approx(Box(0, 60, 480, 240), abs=2)


def test_picture_area_keeps_a_dark_picture_whole() -> None:
    assert picture_area(np.zeros((90, 160, 3), np.uint8)) == (0, 0, 160, 90)


def test_camera_motion_from_shifts() -> None:
    n = 50
    times = np.arange(n) / 25
    rng = np.random.default_rng(0)
    sure, none = np.full(n, 0.8, np.float32), np.zeros(n, np.float32)
    steady = np.full(n, 0.01, np.float32)
    shaky = rng.normal(0, 0.01, n).astype(np.float32)
    assert classify(times, none, none, sure).kind == "static"
    assert classify(times, steady, none, sure).kind == "pan"
    assert classify(times, steady, none, sure).magnitude == pytest.approx(0.25, rel=0.1)
    assert classify(times, none, steady, sure).kind == "tilt"
    assert classify(times, shaky, shaky[::-1], sure).kind == "shake"
    assert classify(times, none, none, sure, zoom=0.2).kind == "zoom"


def test_looks_skip_frames_that_do_not_change_and_keep_each_shot() -> None:
    with Clip.from_arrays(frames=film("coffee", "rocket", seconds=4), fps=5) as clip:
        looks = choose_looks(clip, limit=60)
        assert [round(t, 1) for t in looks.times] == [0.0, 4.0]
        assert looks.seconds == pytest.approx([4.0, 4.0], abs=0.3)
        assert len(choose_looks(clip, limit=1).indices) == 1
