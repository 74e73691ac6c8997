"""Stage `faces` on clips made of a real photograph, and the parts of it that need no weights."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage import data

from mmu.media.clip import Clip
from mmu.perception.face_analysis import FaceBox, turn_back
from mmu.perception.face_clusters import TrackIdentity, cluster_tracks
from mmu.perception.face_expression import LABELS, clarity, fuse
from mmu.perception.face_signals import expression_runs
from mmu.perception.face_tracker import FaceTracker, Look
from mmu.perception.faces import SAME_PERSON_COSINE, Faces, describe_image
from mmu.signals import Box, SignalSet, Span
from models.face_landmarks import BLENDSHAPES
from models.store import Store


@pytest.fixture(scope="module")
def stage():
    stage = Faces()
    stage.setup(Store(), threads=1)
    yield stage
    stage.close()


@pytest.fixture(scope="module")
def photo():
    return cv2.cvtColor(data.astronaut(), cv2.COLOR_RGB2BGR)


def scene(photo, shift):
    """The astronaut in a wide picture, `shift` pixels from the left."""
    canvas = np.full((512, 900, 3), 90, np.uint8)
    canvas[:, shift : shift + 512] = photo
    return canvas


def run(stage, frames):
    signals = stage.run(
        Clip.from_arrays(frames=frames, audio=(np.zeros(160, np.float32), 16000), fps=2.0), SignalSet()
    )
    assert {signal.kind for signal in signals} <= stage.emits
    return SignalSet(signals)


@pytest.mark.weights
def test_a_moving_face_is_one_track_of_one_person(stage, photo):
    frames = [(i * 0.5, scene(photo, 20 * i)) for i in range(8)]
    found = run(stage, frames)
    (track,) = found.of("face.track")
    (person,) = found.of("face.person")
    assert track.attributes["person"] == person.value
    assert person.attributes["tracks"] == [track.track]
    assert track.attributes["frames"] == 8
    assert track.span.start == 0.0
    assert track.span.end == pytest.approx(4.0, abs=0.6)
    xs = [box[1] for box in track.attributes["boxes"]]
    assert xs[-1] - xs[0] == pytest.approx(140, abs=15)
    assert track.embedding.dtype == np.float16
    assert np.linalg.norm(track.embedding.astype(float)) == pytest.approx(1.0, abs=0.01)
    assert found.of("face.gender")[0].value == "female"
    assert 20 <= found.of("face.age")[0].value <= 50
    assert {signal.value for signal in found.of("face.expression")} == {"happy"}


@pytest.mark.weights
def test_a_person_seen_again_after_a_cut_is_the_same_person(stage, photo):
    other = cv2.resize(cv2.cvtColor(data.coffee(), cv2.COLOR_RGB2BGR), (900, 512))
    near = np.full((512, 900, 3), 200, np.uint8)
    near[:, 100:612] = photo[:, ::-1]
    pictures = [scene(photo, 300)] * 4 + [other] * 4 + [near] * 4
    found = run(stage, [(i * 0.5, picture) for i, picture in enumerate(pictures)])
    assert len(found.of("face.track")) == 2
    assert len(found.of("face.person")) == 1
    first, second = sorted(found.of("face.track"), key=lambda track: track.span)
    assert first.span.end <= 2.0 + 1e-6
    assert second.span.start == pytest.approx(4.0)


@pytest.mark.weights
def test_pictures_without_faces_give_no_signals(stage):
    cup = cv2.cvtColor(data.coffee(), cv2.COLOR_RGB2BGR)
    cat = cv2.resize(cv2.cvtColor(data.chelsea(), cv2.COLOR_RGB2BGR), cup.shape[1::-1])
    assert len(run(stage, [(0.0, cup), (0.5, cat), (1.0, cup)])) == 0
    assert len(run(stage, [(0.0, np.zeros((90, 160, 3), np.uint8))])) == 0


@pytest.mark.weights
def test_a_squashed_video_still_shows_its_face(stage, photo):
    flat = cv2.resize(photo[:360, 60:420], (340, 190))
    found = run(stage, [(i * 0.5, np.roll(flat, 3 * i, axis=1)) for i in range(6)])
    (person,) = found.of("face.person")
    assert person.value == "person-1"
    box = found.of("face.track")[0].box
    assert box.y + box.h <= 190


@pytest.mark.weights
@pytest.mark.parametrize(("code", "turned"), [(cv2.ROTATE_90_CLOCKWISE, 270), (cv2.ROTATE_180, 180)])
def test_a_turned_still_is_read_as_if_upright(stage, photo, code, turned):
    upright = describe_image(photo, stage.analyzer)[0]
    faces = describe_image(cv2.rotate(photo, code), stage.analyzer)
    assert [face.turned for face in faces] == [turned]
    assert faces[0].embedding @ upright.embedding > 0.95
    assert faces[0].gender == "female"
    assert faces[0].expression == "happy"
    x, y, w, h = upright.box
    there = Box(512 - y - h, x, h, w) if turned == 270 else Box(512 - x - w, 512 - y - h, w, h)
    assert there.iou(faces[0].box) > 0.8


@given(
    st.tuples(st.floats(0, 90), st.floats(0, 50), st.floats(1, 60), st.floats(1, 40)),
    st.sampled_from([0, 90, 180, 270]),
)
def test_turning_back_undoes_turning(values, degrees):
    width, height = 160, 100
    box = Box(*values)
    corners = np.array([[box.x, box.y], [box.x + box.w, box.y + box.h]])
    spun, (w, h) = corners, (width, height)
    for _ in range(degrees // 90):  # a point (x, y) of a picture turned clockwise goes to (h - y, x)
        spun, (w, h) = np.stack([h - spun[:, 1], spun[:, 0]], axis=1), (h, w)
    low, high = spun.min(axis=0), spun.max(axis=0)
    assert turn_back(Box(*low, *(high - low)), degrees, width, height) == pytest.approx(box)


def look(x, y=50.0, side=40.0, score=0.9):
    return Look(
        FaceBox(Box(x, y, side, side), np.zeros((5, 2), np.float32), score),
        0.5,
        np.zeros((112, 112, 3), np.uint8),
    )


def always(_):
    return True


def test_tracker_follows_by_place_and_ends_at_cuts_and_gaps():
    tracker = FaceTracker(lambda old, new: False)
    first = tracker.update(0.0, 0.5, [look(10), look(200)], steady=True, starts=always)
    assert tracker.advance(0.5, cut=False) == []
    second = tracker.update(0.5, 1.0, [look(205), look(14)], steady=True, starts=always)
    assert second == [first[1], first[0]]
    assert tracker.advance(9.0, cut=False) == first
    third = tracker.update(9.0, 9.5, [look(205)], steady=True, starts=always)
    assert third[0] not in first
    assert tracker.advance(9.5, cut=True) == third
    assert tracker.close() == []


def test_tracker_asks_for_identity_when_place_is_unsure():
    for same in (True, False):
        tracker = FaceTracker(lambda old, new, same=same: same)
        (first,) = tracker.update(0.0, 0.5, [look(10)], steady=True, starts=always)
        (near,) = tracker.update(0.5, 1.0, [look(45)], steady=True, starts=always)
        assert (near is first) is same
        (shaken,) = tracker.update(1.0, 1.5, [look(45)], steady=False, starts=always)
        assert (shaken is near) is same


def test_weak_detections_continue_tracks_but_start_none():
    tracker = FaceTracker(lambda old, new: False)

    def strong(one):
        return one.face.score > 0.8

    assert tracker.update(0.0, 0.5, [look(10, score=0.6)], steady=True, starts=strong) == [None]
    (track,) = tracker.update(0.5, 1.0, [look(10)], steady=True, starts=strong)
    assert tracker.update(1.0, 1.5, [look(12, score=0.6)], steady=True, starts=strong) == [track]
    assert len(track.looks) == 2


def unit(*values):
    vector = np.zeros(128, np.float32)
    vector[: len(values)] = values
    return vector / np.linalg.norm(vector)


def test_clusters_join_the_alike_but_never_the_simultaneous():
    def identity(vector, start, end, quality=0.5):
        return TrackIdentity(vector, quality, 0.9, Span(start, end))

    anna, anna_again, ben = unit(1, 0.1), unit(1, 0.3), unit(0, 0.1, 1)
    tracks = [identity(anna, 0, 4), identity(ben, 0, 4), identity(anna_again, 5, 7)]
    assert cluster_tracks(tracks, threshold=SAME_PERSON_COSINE) == [[0, 2], [1]]
    twins = [identity(anna, 0, 4), identity(anna_again, 2, 6)]
    assert sorted(cluster_tracks(twins, threshold=SAME_PERSON_COSINE)) == [[0], [1]]
    poor = [identity(anna, 0, 4), identity(ben, 5.0, 5.5, quality=0.02)]
    assert cluster_tracks(poor, threshold=SAME_PERSON_COSINE) == [[0]]
    assert cluster_tracks(poor[1:], threshold=SAME_PERSON_COSINE) == [[0]]
    assert cluster_tracks([], threshold=SAME_PERSON_COSINE) == []


def shapes(**values):
    out = np.zeros(len(BLENDSHAPES), np.float32)
    for name, value in values.items():
        for side in ("Left", "Right"):
            out[BLENDSHAPES.index(name + side)] = value
    return out


def shares(**values):
    return np.array([values.get(label, 0.01) for label in LABELS], np.float32)


def named(probabilities):
    assert probabilities.sum() == pytest.approx(1.0, abs=1e-5)
    return LABELS[int(probabilities.argmax())]


def test_a_smile_outweighs_the_network_and_its_absence_too():
    grim = shares(angry=0.6, happy=0.25)
    assert named(fuse(grim, None)) == "angry"
    assert named(fuse(grim, shapes(mouthSmile=0.9))) == "happy"
    assert named(fuse(shares(happy=0.5, neutral=0.4), shapes(mouthSmile=0.0))) == "neutral"
    assert named(fuse(shares(sad=0.8, neutral=0.1), shapes(mouthSmile=0.0))) == "sad"


def test_a_face_that_can_hardly_be_read_is_called_neutral():
    assert named(fuse(shares(sad=0.6, neutral=0.2), None, clarity=0.1)) == "neutral"
    assert clarity(120, 0, 0) == 1.0
    assert clarity(120, 50, 0) < clarity(120, 30, 0) < 1.0
    assert clarity(30, 0, 0) < 0.5


def test_expression_runs_cover_the_track_and_drop_flickers():
    happy, sad = shares(happy=0.9), shares(sad=0.9)
    readings = [(float(i), happy) for i in range(6)] + [(float(i), sad) for i in range(6, 12)]
    runs = expression_runs(readings, Span(0.0, 12.0))
    assert [named(part.mean(axis=0) / part.mean(axis=0).sum()) for _, part in runs] == ["happy", "sad"]
    assert runs[0][0].start == 0.0
    assert runs[-1][0].end == 12.0
    flicker = [(float(i), sad if i == 3 else happy) for i in range(7)]
    assert len(expression_runs(flicker, Span(0.0, 7.0))) == 1
    assert expression_runs([], Span(0.0, 1.0)) == []
