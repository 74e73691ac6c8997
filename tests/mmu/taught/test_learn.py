"""Prototypes from a few examples: what separates is used, what does not is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmu.errors import ConfigError
from mmu.signals import Signal, SignalSet, Span
from mmu.taught.learn import UNRELATED, learn, probability
from mmu.taught.spaces import Example, Space, label_vector, signal_example

RNG = np.random.default_rng(7)


def cloud(
    centre: np.ndarray, count: int, noise: float, space: Space = "face", rows: int = 1
) -> list[Example]:
    """Examples around a direction, each with further rows that point anywhere."""
    out = []
    for _ in range(count):
        example = Example()
        own = centre + noise * RNG.normal(size=centre.size) / centre.size**0.5
        other = [RNG.normal(size=centre.size) for _ in range(rows - 1)]
        example.put(space, [own, *other], [None] * rows)
        out.append(example)
    return out


def direction(size: int = 128) -> np.ndarray:
    vector = RNG.normal(size=size)
    return np.asarray(vector / np.linalg.norm(vector))


def test_what_examples_share_is_recognised_and_nothing_else() -> None:
    centre, other = direction(), direction()
    learned = learn(cloud(centre, 5, 0.5))
    assert learned.trial is not None
    assert learned.trial.found == 1
    assert all(probability(learned.prototypes, one) > 0.5 for one in cloud(centre, 10, 0.5))
    assert all(probability(learned.prototypes, one) < 0.1 for one in cloud(other, 10, 0.5))


def test_the_face_that_all_clips_share_is_meant() -> None:
    centre = direction()
    clips = cloud(centre, 4, 0.4, rows=4)
    learned = learn(clips)
    assert float(learned.prototypes["face"].vector @ centre) > 0.8
    bystanders = Example()
    bystanders.put("face", list(clips[0].vectors["face"][1:]), [None] * 3)
    assert probability(learned.prototypes, bystanders) < 0.1


def test_counter_examples_that_are_alike_are_told_apart() -> None:
    shared, own, others = direction(), direction(), direction()
    near = cloud(shared + 0.7 * own, 6, 0.3)
    against = cloud(shared + 0.7 * others, 6, 0.3)
    learned = learn(near, against)
    assert learned.trial is not None
    assert learned.trial.found >= 0.8
    assert learned.trial.false_alarms == 0
    assert all(
        p < 0.5
        for p in (probability(learned.prototypes, one) for one in cloud(shared + 0.7 * others, 10, 0.3))
    )


def test_examples_that_share_nothing_are_refused() -> None:
    with pytest.raises(ConfigError, match="share nothing"):
        learn([cloud(direction(), 1, 0.1)[0] for _ in range(5)])
    with pytest.raises(ConfigError, match="2 examples: 3 to"):
        learn(cloud(direction(), 2, 0.1))


@settings(max_examples=25, deadline=None)
@given(st.integers(3, 8), st.floats(0.0, 3.0), st.integers(0, 4))
def test_probabilities_are_probabilities(count: int, noise: float, others: int) -> None:
    try:
        learned = learn(cloud(direction(32), count, noise), cloud(direction(32), others, noise))
    except ConfigError:
        return
    assert learned.trial is not None
    values = [*learned.trial.examples, *learned.trial.others]
    assert len(values) == count + others
    assert all(0 <= value <= 1 for value in values)


def test_mixtures_of_labels_overlap_by_what_they_share() -> None:
    tabby = {"imagenet1k:tabby": 0.6, "coco:cat": 0.8}
    cat, dog = {"coco:cat": 0.9, "scene:indoor": 0.5}, {"coco:dog": 0.9, "scene:outdoor": 0.5}
    vectors = [label_vector(one) / np.linalg.norm(label_vector(one)) for one in (tabby, cat, dog)]
    assert vectors[0] @ vectors[1] > 0.5
    assert abs(float(vectors[0] @ vectors[2])) < 0.05


def test_a_video_is_an_example_in_the_spaces_that_it_has() -> None:
    face = np.eye(1, 128, dtype=np.float16)[0]
    signals = SignalSet(
        [
            Signal("image.label", "tabby", 0.7, Span(0, 2), "t@1", attributes={"vocabulary": "imagenet1k"}),
            Signal("face.person", "p1", 0.9, Span(1, 3), "t@1", embedding=face),
            Signal("text.line", "猫", 0.9, Span(0, 1), "t@1"),
        ]
    )
    example = signal_example(signals, None)
    assert set(example.vectors) == {"labels", "face"}
    assert example.spans["face"] == [Span(1, 3)]
    assert set(UNRELATED) >= set(example.vectors)
