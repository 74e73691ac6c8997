"""Actions of drawn bodies that move as told, objects at a body, and the stages on a real photograph."""

import numpy as np
import pytest
from skimage import data

from mmu.media.clip import Clip
from mmu.perception.actions import Actions, contact_rules, instrument_rules, motions
from mmu.perception.body_shape import Motion, point, posture, turns
from mmu.perception.boxes_in_time import MovingBox
from mmu.perception.contacts import RELATIONS, closeness
from mmu.perception.movements import movements
from mmu.perception.pose import PoseStage
from mmu.signals import Box, Signal, SignalSet, Span
from models.store import Store

#: a person who stands, torso 100 pixels long
STANDING = {
    "nose": (300, 60), "mouth_left": (305, 75), "mouth_right": (295, 75), "left_ear": (315, 60),
    "right_ear": (285, 60), "left_shoulder": (335, 100), "right_shoulder": (265, 100),
    "left_elbow": (345, 150), "right_elbow": (255, 150), "left_wrist": (350, 195), "right_wrist": (250, 195),
    "left_index": (352, 215), "right_index": (248, 215), "left_hip": (320, 200), "right_hip": (280, 200),
    "left_knee": (320, 285), "right_knee": (280, 285), "left_ankle": (320, 370), "right_ankle": (280, 370),
    "left_foot_index": (330, 380), "right_foot_index": (270, 380),
}  # fmt: skip


def pose(**moved):
    """(33, 3) points of the standing person with some of them elsewhere."""
    points = np.zeros((33, 3))
    for name, place in {**STANDING, **moved}.items():
        points[point(name), :2] = place
    return points


def motion(frames, step=0.25):
    return Motion(np.arange(len(frames)) * step, np.stack(frames), np.ones((len(frames), 33)))


def names(found):
    return [one.action for one in found]


def test_turns_count_ups_and_downs():
    assert turns([0, 1, 0, 1, 0], 0.8) == 4
    assert turns([0, 0.3, 0, 0.3], 0.8) == 0
    assert turns([0, 0.5, 1.0, 1.5], 0.8) == 1
    assert turns([], 1.0) == 0


def test_posture():
    seen = np.ones(33, np.float32)
    assert posture(pose().astype(np.float32), seen) == "standing"
    seated = pose(left_knee=(360, 215), right_knee=(330, 215))
    assert posture(seated.astype(np.float32), seen) == "sitting"
    assert posture(pose()[:, [1, 0, 2]].astype(np.float32), seen) == "lying"
    assert posture(pose().astype(np.float32), np.zeros(33, np.float32)) is None


def test_a_still_person_does_nothing():
    assert movements(motion([pose()] * 12), music=1.0) == []


def test_a_raised_hand_that_swings_waves():
    up = [pose(left_elbow=(360, 90), left_wrist=(360 + dx, 40)) for dx in (-25, 25, -25, 25, -25, 25)]
    assert names(movements(motion(up))) == ["waving"]
    assert movements(motion([pose(left_elbow=(360, 90), left_wrist=(360, 40))] * 6)) == []


def test_hands_that_meet_again_and_again_clap():
    claps = [pose(left_wrist=(300 + d, 140), right_wrist=(300 - d, 140)) for d in (25, 8) * 4]
    assert "clapping" in names(movements(motion(claps)))
    folded = [pose(left_wrist=(310, 140), right_wrist=(290, 140))] * 8
    assert movements(motion(folded)) == []


def lowered(d):
    """The standing person with the knees bent, everything above them `d` pixels lower."""
    upper = {n: (x, y + d) for n, (x, y) in STANDING.items() if y <= 215}
    bent = 0.9 * d
    return pose(**upper, left_knee=(320 + bent, 300), right_knee=(280 + bent, 300))


def test_squats_are_an_exercise_and_sitting_down_is_none():
    assert "squat" in names(movements(motion([lowered(d) for d in (0, 40, 85, 40, 0, 45, 85, 40, 0)])))
    assert "squat" not in names(movements(motion([lowered(d) for d in (0, 20, 40, 60, 85, 85, 85, 85)])))


def test_jumping_jacks_move_arms_and_legs_together():
    wide = pose(
        left_wrist=(350, 10), right_wrist=(250, 10), left_elbow=(370, 60), right_elbow=(230, 60),
        left_ankle=(360, 370), right_ankle=(240, 370),
    )  # fmt: skip
    assert movements(motion([pose(), wide] * 4))[0].action == "jumping_jack"


def test_dancing_needs_music():
    rng = np.random.default_rng(1)
    ends = ("left_wrist", "right_wrist", "left_ankle", "right_ankle")
    frames = [pose(**{n: np.array(STANDING[n]) + rng.uniform(-60, 60, 2) for n in ends}) for _ in range(12)]
    assert "dancing" in names(movements(motion(frames), music=1.0))
    assert "dancing" not in names(movements(motion(frames), music=0.0))


@pytest.mark.parametrize(
    ("relation", "box", "holds"),
    [
        ("in_hand", Box(345, 190, 30, 60), True),
        ("in_hand", Box(420, 20, 30, 60), False),
        ("in_hand", Box(0, 0, 600, 400), False),
        ("at_feet", Box(335, 360, 25, 25), True),
        ("at_feet", Box(300, 50, 25, 25), False),
        ("under_feet", Box(250, 375, 100, 15), True),
        ("under_feet", Box(500, 375, 100, 15), False),
        ("astride", Box(150, 180, 300, 220), True),
        ("astride", Box(150, 120, 300, 100), False),
        ("at_ear", Box(315, 50, 10, 20), False),
        ("at_mouth", Box(300, 70, 20, 40), False),
    ],
)
def test_where_an_object_is_on_a_body(relation, box, holds):
    found = closeness(relation, pose()[:, :2], np.ones(33), 100.0, box)
    assert (found > 0) is holds


def test_a_cup_in_the_hand_at_the_mouth_is_drunk_from():
    drinking = pose(left_wrist=(325, 95), left_index=(315, 85))[:, :2]
    assert closeness("at_mouth", drinking, np.ones(33), 100.0, Box(300, 70, 25, 35)) > 0.5


def test_boxes_between_two_sightings_lie_between_them():
    signal = Signal(
        "image.object", "cup", 0.9, None, "x", attributes={"boxes": [[0, 0, 0, 10, 10], [1, 10, 0, 10, 10]]}
    )
    assert MovingBox(signal).at(0.5) == Box(5, 0, 10, 10)
    assert MovingBox(signal).at(3.0) is None


def test_rules_name_known_relations_and_labels_of_the_graph():
    from kg import load

    graph = load()
    assert {rule.relation for rule in contact_rules()} == set(RELATIONS)
    for action in [*(rule.action for rule in contact_rules()), *instrument_rules()]:
        assert list(graph.label("action", action)), action


@pytest.mark.weights
def test_the_astronaut_has_a_pose_and_does_nothing():
    frame = np.ascontiguousarray(data.astronaut()[:, :, ::-1])
    clip = Clip.from_arrays(frames=[(t / 5, frame) for t in range(8)], fps=5)
    person = Signal("image.object", "person", 0.9, Span(0, 1.6), "x", box=Box(30, 0, 400, 512), id="p")
    stage = PoseStage(max_looks=6)
    stage.setup(Store())
    poses = stage.run(clip, SignalSet([person]))
    assert [one.kind for one in poses] == ["person.pose", "person.mask"]
    assert poses[0].attributes["frames"] <= 6
    assert len(poses[0].attributes["landmarks"]) == 33
    assert 0.2 < poses[1].attributes["share"] < 0.7
    assert motions(poses[0])[0].points.shape[1:] == (33, 3)
    assert Actions().run(clip, SignalSet([*poses, person])) == []
    assert stage.run(clip, SignalSet()) == []


def test_a_touch_in_one_frame_of_a_video_is_no_action():
    still = SignalSet([body(1)])
    moving = SignalSet([body(8)])
    cup = Signal("image.object", "cell phone", 0.9, None, "x", box=Box(345, 190, 30, 60), id="c")
    passing = Signal(
        "image.object", "cell phone", 0.9, None, "x", attributes={"boxes": [[0.0, 345, 190, 30, 60]]}, id="c"
    )
    picture = Clip.from_arrays(frames=[(0.0, np.zeros((400, 600, 3), np.uint8))])
    picture.facts.still = True
    still.add(cup)
    assert names_of(Actions().run(picture, still)) == ["texting"]
    moving.add(passing)
    picture.facts.still = False
    assert names_of(Actions().run(picture, moving)) == []


def body(frames):
    """A `person.pose` signal of somebody who stands still."""
    points = " ".join(f"{x:.0f} {y:.0f} 0 100" for x, y, _ in pose())
    motion = [f"{n / 5:.3f} 0 {points}" for n in range(frames)]
    return Signal("person.pose", None, 0.9, None, "x", track="body:0", attributes={"motion": motion})


def names_of(signals):
    return [one.value for one in signals]
