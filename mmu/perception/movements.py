"""Actions that show in how a body moves, without any object: waving, clapping, exercises, dancing.

Each rule looks at one person's poses in one shot and gives a score in [0, 1], modest by design:
frames are two to five a second, so a movement is judged by where the limbs come to be and how often
they return, never by its exact rhythm.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mmu.perception.body_shape import Motion, turns

#: frames that a movement needs
MIN_FRAMES = 5
_MOST = 0.75


class Movement(NamedTuple):
    """One action with its score and the figures that it was judged by."""

    action: str
    score: float
    figures: dict[str, float]


def movements(motion: Motion, *, music: float = 0.0) -> list[Movement]:
    """Movements of one person in one shot, surest first; none for fewer than five frames.

    Args:
        motion: poses in order of time.
        music: share of the shot in which music plays, for dancing.
    """
    if len(motion.times) < MIN_FRAMES:
        return []
    found = [rule(motion) for rule in _RULES]
    found.append(_dancing(motion, music))
    named = [one for one in found if one is not None]
    exercise = max((one.score for one in named if one.action in EXERCISES), default=0.0)
    # a body that exercises moves its limbs much, and does not dance
    kept = [one for one in named if one.action != "dancing" or one.score > exercise]
    return sorted(kept, key=lambda one: -one.score)


#: movements that are an exercise
EXERCISES = frozenset({"squat", "push_up", "sit_up", "jumping_jack", "pull_up"})


def _waving(motion: Motion) -> Movement | None:
    best: Movement | None = None
    for side in ("left", "right"):
        wrist, elbow, shoulder = (f"{side}_{part}" for part in ("wrist", "elbow", "shoulder"))
        if motion.seen(wrist, elbow, shoulder) < 0.8:
            continue
        unit = motion.unit
        raised = float((motion.at(wrist)[:, 1] < motion.at(shoulder)[:, 1]).mean())
        swing = (motion.at(wrist) - motion.at(elbow))[:, 0] / unit
        arm = (motion.at(elbow) - motion.at(shoulder))[:, 0] / unit
        back_and_forth = turns(swing, 0.2)
        if raised < 0.7 or back_and_forth < 3 or float(np.ptp(arm)) > 0.6:
            continue
        score = _limit(0.4 + 0.08 * back_and_forth)
        if best is None or score > best.score:
            best = Movement("waving", score, {"raised": raised, "turns": float(back_and_forth)})
    return best


def _clapping(motion: Motion) -> Movement | None:
    if motion.seen("left_wrist", "right_wrist", "left_shoulder", "right_shoulder") < 0.8:
        return None
    unit, shoulders = motion.unit, motion.middle("shoulder")
    left, right = motion.at("left_wrist"), motion.at("right_wrist")
    apart = np.linalg.norm(left - right, axis=1) / unit
    height = (motion.middle("wrist") - shoulders)[:, 1] / unit
    aside = np.abs((motion.middle("wrist") - shoulders)[:, 0]) / unit
    level = np.abs((left - right)[:, 1]) / unit
    meets = turns(apart, 0.18)
    if float(apart.min()) > 0.3 or float(np.median(apart)) > 0.75 or meets < 4:
        return None
    if float(((height > -0.4) & (height < 0.9) & (aside < 0.5) & (level < 0.4)).mean()) < 0.8:
        return None
    return Movement(
        "clapping", _limit(0.3 + 0.05 * meets), {"turns": float(meets), "closest": float(apart.min())}
    )


def _squat(motion: Motion) -> Movement | None:
    legs = [f"{side}_{part}" for side in ("left", "right") for part in ("hip", "knee", "ankle")]
    if motion.seen(*legs) < 0.8:
        return None
    # both knees bend: one alone is a kick or a step
    left, right = (motion.angle(f"{side}_hip", f"{side}_knee", f"{side}_ankle") for side in ("left", "right"))
    knee = np.maximum(left, right)
    feet = np.stack([motion.at("left_ankle")[:, 1], motion.at("right_ankle")[:, 1]])
    drop = (feet.max(axis=0) - motion.middle("hip")[:, 1]) / motion.unit
    times = turns(drop, 0.4)
    if times < 2 or float(knee.min()) > 120 or float(knee.max()) < 150:
        return None
    if float(np.ptp(feet, axis=1).max()) > 0.5 * motion.unit:
        return None
    return Movement("squat", _limit(0.4 + 0.08 * times), {"turns": float(times), "knee": float(knee.min())})


def _push_up(motion: Motion) -> Movement | None:
    if motion.seen("left_shoulder", "left_hip", "left_elbow", "left_wrist") < 0.6 and (
        motion.seen("right_shoulder", "right_hip", "right_elbow", "right_wrist") < 0.6
    ):
        return None
    tilt, elbow = _tilt(motion), _both(motion, "shoulder", "elbow", "wrist")
    below = (motion.middle("wrist") - motion.middle("shoulder"))[:, 1] / motion.unit
    times = turns(elbow, 40)
    if float(np.percentile(tilt, 80)) > 40 or times < 2 or float((below > 0.05).mean()) < 0.8:
        return None
    return Movement("push_up", _limit(0.4 + 0.08 * times), {"turns": float(times), "tilt": float(tilt.max())})


def _sit_up(motion: Motion) -> Movement | None:
    if motion.seen("left_shoulder", "left_hip", "left_knee") < 0.6:
        return None
    tilt, times = _tilt(motion), turns(_tilt(motion), 30)
    still = float(np.ptp(motion.middle("hip")[:, 0])) / motion.unit
    if times < 2 or float(tilt.min()) > 30 or still > 0.6:
        return None
    return Movement("sit_up", _limit(0.35 + 0.08 * times), {"turns": float(times), "tilt": float(tilt.min())})


def _jumping_jack(motion: Motion) -> Movement | None:
    ends = ["left_wrist", "right_wrist", "left_ankle", "right_ankle"]
    if motion.seen(*ends) < 0.7:
        return None
    unit = motion.unit
    legs = np.abs((motion.at("left_ankle") - motion.at("right_ankle"))[:, 0]) / unit
    arms = (motion.middle("shoulder") - motion.middle("wrist"))[:, 1] / unit
    times = min(turns(legs, 0.35), turns(arms, 0.8))
    if times < 2 or _together(legs, arms) < 0.5:
        return None
    return Movement("jumping_jack", _limit(0.4 + 0.08 * times), {"turns": float(times)})


def _jumping(motion: Motion) -> Movement | None:
    if motion.seen("left_ankle", "right_ankle", "left_hip", "right_hip") < 0.8:
        return None
    hip, ankle = (motion.middle(part)[:, 1] / motion.unit for part in ("hip", "ankle"))
    knee = _both(motion, "hip", "knee", "ankle")
    times = min(turns(hip, 0.3), turns(ankle, 0.3))
    sideways = float(np.ptp(motion.middle("hip")[:, 0])) / motion.unit
    if times < 2 or _together(hip, ankle) < 0.8 or float(np.median(knee)) < 130 or sideways > 3:
        return None
    return Movement("jumping", _limit(0.3 + 0.07 * times), {"turns": float(times)})


def _pull_up(motion: Motion) -> Movement | None:
    if motion.seen("left_wrist", "right_wrist", "left_shoulder", "right_shoulder") < 0.8:
        return None
    unit = motion.unit
    hang = (motion.middle("shoulder") - motion.middle("wrist"))[:, 1] / unit
    grip = float(np.ptp(motion.middle("wrist")[:, 1])) / unit
    times = turns(hang, 0.4)
    if times < 2 or float((hang > 0).mean()) < 0.8 or float(hang.max()) < 0.8 or grip > 0.3:
        return None
    return Movement("pull_up", _limit(0.35 + 0.08 * times), {"turns": float(times), "grip": grip})


def _dancing(motion: Motion, music: float) -> Movement | None:
    """Lasting, large movement of arms and legs to music."""
    ends = ("left_wrist", "right_wrist", "left_ankle", "right_ankle")
    if music < 0.3 or len(motion.times) < 8 or motion.seen(*ends) < 0.6:
        return None
    arms, legs = motion.speed(*ends[:2]), motion.speed(*ends[2:])
    if float(np.median(arms)) < 0.6 or float(np.median(legs)) < 0.35:
        return None
    level = min(1.0, float(np.median(arms)) / 1.6)
    figures = {"arms": float(np.median(arms)), "legs": float(np.median(legs)), "music": music}
    return Movement("dancing", _limit((0.25 + 0.3 * level) * (0.6 + 0.4 * music)), figures)


_RULES: tuple[Callable[[Motion], Movement | None], ...] = (
    _waving,
    _clapping,
    _squat,
    _push_up,
    _sit_up,
    _jumping_jack,
    _jumping,
    _pull_up,
)


def _tilt(motion: Motion) -> NDArray[np.float64]:
    """(n,) degrees of the torso from the horizontal."""
    torso = motion.middle("shoulder") - motion.middle("hip")
    return np.asarray(np.degrees(np.arctan2(np.abs(torso[:, 1]), np.abs(torso[:, 0]) + 1e-6)), np.float64)


def _both(motion: Motion, a: str, b: str, c: str) -> NDArray[np.float64]:
    """(n,) mean angle of both sides."""
    left, right = (motion.angle(f"{s}_{a}", f"{s}_{b}", f"{s}_{c}") for s in ("left", "right"))
    return (left + right) / 2


def _together(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Correlation; 0 when one of them does not move."""
    if float(one.std()) < 1e-6 or float(other.std()) < 1e-6:
        return 0.0
    return float(np.corrcoef(one, other)[0, 1])


def _limit(score: float) -> float:
    return float(min(_MOST, score))
