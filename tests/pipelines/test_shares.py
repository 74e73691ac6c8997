"""How a long video is shared: by groups of stages, and by windows in time where a group is too much."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest

pytest.importorskip("pyarrow")

from pipelines.rows import Row
from pipelines.shares import Group, Share, Shares, divide
from pipelines.worker import Result

GROUPS = [
    Group(["sound", "speech", "music"], ["sound", "speech"], listens=True),
    Group(["text"], ["text"], listens=False),
    Group(["labels"], [], listens=False),
    Group(["objects"], [], listens=False),
]
COSTS = Counter({"sound": 2.0, "speech": 7.0, "music": 1.0, "text": 6.0, "labels": 2.0, "objects": 2.0})


def _stages(shares: list[Share]) -> list[str]:
    return sorted(name for share in shares if share.window is None for name in share.stages)


def test_stages_alone_where_no_group_is_too_much() -> None:
    shares = divide(GROUPS, COSTS, 2, 300.0)
    assert [share.window for share in shares] == [None, None]
    assert _stages(shares) == sorted(name for group in GROUPS for name in group.stages)
    assert sorted(map(len, (share.stages for share in shares))) == [3, 3]
    # Nothing was measured yet: all stages count the same.
    assert _stages(divide(GROUPS, Counter(), 1, 300.0)) == _stages(shares)


@pytest.mark.parametrize(("workers", "seconds"), [(4, 1200.0), (8, 3601.0), (2, 7200.0), (40, 650.0)])
def test_windows_meet_and_cover_the_video(workers: int, seconds: float) -> None:
    shares = divide(GROUPS, COSTS, workers, seconds)
    windows = sorted(share.window for share in shares if share.window and "speech" in share.stages)
    assert len(windows) >= 2
    assert windows[0][0] == 0
    assert windows[-1][1] == float("inf")
    assert all(one[1] == other[0] and one[0] < one[1] for one, other in pairwise(windows))
    assert all(start % 300 == 0 and start < seconds for start, _ in windows)
    # What does not recall runs once, where the video ends: nobody has it as a share.
    assert {tuple(share.stages) for share in shares if share.window} <= {("sound", "speech"), ("text",)}
    assert {"labels", "objects"} <= set(_stages(shares))
    assert "music" not in _stages(shares)


def test_no_more_windows_than_the_video_has() -> None:
    shares = divide(GROUPS, COSTS, 100, 500.0)
    assert sum(share.window is not None and "speech" in share.stages for share in shares) == 2


def _row() -> Row:
    return Row(uri="a.mp4", bytes=1)


def test_the_video_ends_when_all_shares_are_there() -> None:
    shares = Shares()
    tasks = shares.begin(_row(), divide(GROUPS, COSTS, 4, 1200.0))
    assert len(tasks) > 3
    for task in tasks[:-1]:
        kind = {"observed": "{}"} if task.window is None else {"answers": task.name}
        assert shares.take(Result(task.name, **kind)) is None
    last = shares.take(Result(tasks[-1].name, observed="{}"))
    assert last is not None
    assert last.stages is None
    assert not last.split
    assert sorted(last.answers) == sorted(task.name for task in tasks if task.window is not None)
    assert last.parts == ["{}"] * sum(task.window is None for task in tasks)


def test_a_share_that_cannot_be_made_has_the_whole_done_by_one() -> None:
    shares = Shares()
    tasks = shares.begin(_row(), divide(GROUPS, COSTS, 4, 1200.0))
    last = shares.take(Result(tasks[0].name, unread="gone"))
    assert last is not None
    assert last.parts is None
    assert last.rows == [_row()]
    assert not any(shares.alive(task) for task in tasks)
    assert shares.take(Result(tasks[1].name, observed="{}")) is None
