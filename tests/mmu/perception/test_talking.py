"""Who is talking: joining voices to faces by presence, mouth motion and gender."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest

from mmu.media.clip import Clip
from mmu.perception.talking import Talking, _join, _Look
from mmu.signals import Box, Signal, SignalSet, Span
from models.store import Store


def voice(name: str, *turns: tuple[float, float], **attributes: Any) -> Signal:
    known = {"turns": [list(turn) for turn in turns], "gender": "female", "gender_score": 0.95}
    span = Span(turns[0][0], turns[-1][1])
    return Signal("speech.speaker", name, 0.9, span, "test", attributes=known | attributes)


def looks(person: str, talking: tuple[float, float], *, until: float = 10.0) -> list[_Look]:
    """Twice a second; the mouth opens and closes while somebody talks."""
    times = np.arange(0, until, 0.5)
    return [
        _Look(t, person, 0.06 if talking[0] <= t < talking[1] and i % 2 else 0.01)
        for i, t in enumerate(times)
    ]


def test_the_mouth_that_moves_is_the_one_that_talks() -> None:
    both = looks("person-1", (0, 5)) + looks("person-2", (5, 10))
    first, second = voice("speaker_1", (0, 4.8)), voice("speaker_2", (5.1, 10))
    assert (_join(first, "person-1", both, None).score or 0) > 0.7
    assert (_join(first, "person-2", both, None).score or 0) < 0.35
    assert (_join(second, "person-2", both, None).score or 0) > 0.7


def test_a_voice_from_off_screen_has_no_face() -> None:
    still = looks("person-1", (20, 20))
    assert (_join(voice("speaker_1", (0, 10)), "person-1", still, None).score or 0) < 0.4
    assert _join(voice("speaker_1", (20, 30)), "person-1", still, None).score == 0


def test_gender_may_not_contradict() -> None:
    seen = looks("person-1", (0, 10))
    she = voice("speaker_1", (0, 10))
    agrees = _join(she, "person-1", seen, ("female", 0.95))
    contradicts = _join(she, "person-1", seen, ("male", 0.95))
    unsure = _join(she, "person-1", seen, ("male", 0.6))
    assert (contradicts.score or 0) < 0.4 < (agrees.score or 0)
    assert unsure.score == agrees.score
    assert contradicts.attributes["gender_agrees"] is False


@pytest.mark.weights
def test_a_face_that_never_moves_does_not_talk() -> None:
    store = Store()
    stage = Talking()
    stage.setup(store)
    image = cv2.imread(str(store.file("sample-media", "astronaut.png")))
    assert image is not None
    times = np.arange(10) * 0.5
    clip = Clip.from_arrays(frames=[(float(t), image) for t in times])
    boxes = [[float(t), 170.0, 70.0, 110.0, 130.0] for t in times]
    track = Signal(
        "face.track",
        None,
        0.9,
        Span(0, 5),
        "test",
        box=Box(170, 70, 110, 130),
        track="face-1",
        attributes={"person": "person-1", "boxes": boxes},
    )
    opening = stage._opening(image, Box(170, 70, 110, 130))
    assert opening is not None
    assert 0 < opening < 0.2
    assert stage.run(clip, SignalSet([track, voice("speaker_1", (0, 4))])) == []
    assert stage.run(clip, SignalSet([track])) == []
