"""Long videos: their stages are shared by several workers and joined before reasoning.

Stages that read nothing of each other see the same clip and give the same signals wherever they
run; the few that read from several of them run last, where the shares are joined. A group of stages
that is too much for one worker is shared by windows in time: each worker has it look at some of them and
keeps what its networks answer (`mmu.recall`), and where the shares are joined it runs over the whole video
with these answers. So the report equals that of one process: who a face is, what a voice says across a
window's end, where a song changes are still decided on the whole video.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import ceil

from mmu.media.clip import WINDOW_SECONDS
from pipelines.intake import new_name
from pipelines.rows import Row
from pipelines.worker import Result, Task

#: pictures of so much time are looked at, of a longer video they are farther apart
PICTURE_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Group:
    """Stages of which none reads from a stage of another group."""

    stages: list[str]
    #: those that may look at windows ahead
    recalls: list[str]
    #: whether they only listen: their work grows with the length, however long it is
    listens: bool


@dataclass(frozen=True, slots=True)
class Share:
    """What one worker does of a long video; a window gives answers, the whole signals."""

    stages: list[str]
    window: tuple[float, float] | None = None


def divide(groups: Sequence[Group], costs: Counter[str], workers: int, seconds: float) -> list[Share]:
    """Shares of about the same cost for a video, those that take longest first.

    Args:
        groups: all that there are.
        costs: seconds that stages took so far; one that was not seen counts as the mean.
        workers: how many there are.
        seconds: length of the video.
    """
    mean = sum(costs.values()) / len(costs) if costs else 1.0

    def weight(group: Group, stages: Sequence[str]) -> float:
        length = seconds if group.listens else min(seconds, PICTURE_SECONDS)
        return length * sum(costs.get(name, mean) for name in stages)

    fair = sum(weight(group, group.stages) for group in groups) / max(1, workers)
    windows: list[tuple[float, Share]] = []
    whole: list[tuple[float, list[str]]] = []
    for group in groups:
        ahead = weight(group, group.recalls)
        count = min(ceil(ahead / fair), ceil(seconds / WINDOW_SECONDS)) if fair else 1
        if count < 2:
            whole.append((weight(group, group.stages), group.stages))
        else:
            windows += [(ahead / count, Share(group.recalls, part)) for part in _windows(seconds, count)]
    bins = max(1, min(len(whole), workers - len(windows)))
    shares = [(load, Share(stages)) for load, stages in _balance(whole, bins) if stages]
    return [share for _, share in sorted(windows + shares, key=lambda one: -one[0])]


def _windows(seconds: float, count: int) -> list[tuple[float, float]]:
    """The video in `count` parts that meet where windows do."""
    number = ceil(seconds / WINDOW_SECONDS)
    edges = [part * number // count * WINDOW_SECONDS for part in range(count + 1)]
    # A header may be wrong: the last part goes on to the end, wherever that is.
    return [*zip(edges[:-1], [*edges[1:-1], float("inf")], strict=True)]


def _balance(groups: Sequence[tuple[float, list[str]]], bins: int) -> list[tuple[float, list[str]]]:
    """Put groups of stages into `bins` shares of about the same weight, the heaviest group first."""
    loads, shares = [0.0] * bins, [list[str]() for _ in range(bins)]
    for weight, stages in sorted(groups, key=lambda one: -one[0]):
        lightest = loads.index(min(loads))
        loads[lightest] += weight
        shares[lightest] += stages
    return list(zip(loads, shares, strict=True))


@dataclass(slots=True)
class _Long:
    row: Row
    waiting: set[str]
    parts: list[str] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)


class Shares:
    """Long videos of which some shares are not done."""

    def __init__(self) -> None:
        self._videos: dict[str, _Long] = {}
        self._of: dict[str, str] = {}

    def begin(self, row: Row, shares: Sequence[Share]) -> list[Task]:
        """Tasks for a long video: its shares, or the whole when there is but one."""
        if len(shares) < 2:
            return [Task(new_name(), rows=[row], split=False)]
        tasks = [
            Task(new_name(), rows=[row], stages=one.stages, window=one.window, split=False) for one in shares
        ]
        self._videos[row.key] = _Long(row, {task.name for task in tasks})
        self._of |= {task.name: row.key for task in tasks}
        return tasks

    def rename(self, old: str, new: Task) -> None:
        """A share is done again as another task."""
        key = self._of.pop(old, None)
        if key is not None and key in self._videos:
            self._of[new.name] = key
            self._videos[key].waiting.discard(old)
            self._videos[key].waiting.add(new.name)

    def take(self, result: Result) -> Task | None:
        """Take a share; the task that ends the video when it was the last one.

        A video of which a share cannot be made is analysed whole, which says what is wrong.
        """
        key = self._of.pop(result.task, None)
        video = self._videos.get(key) if key is not None else None
        if key is None or video is None:
            return None
        if result.observed is None and result.answers is None:
            del self._videos[key]
            return Task(new_name(), rows=[video.row], split=False)
        video.waiting.discard(result.task)
        video.parts += [] if result.observed is None else [result.observed]
        video.answers += [] if result.answers is None else [result.answers]
        if video.waiting:
            return None
        del self._videos[key]
        return Task(new_name(), rows=[video.row], parts=video.parts, answers=video.answers, split=False)

    def alive(self, task: Task) -> bool:
        """Whether the video of a share still waits for it."""
        return task.stages is None or self._of.get(task.name) in self._videos


def again(task: Task) -> list[Task]:
    """A task whose worker died, to be done again: each row by itself, once it was a second time."""
    if task.stages is not None or task.parts is not None or len(task.rows) < 2:
        return [replace(task, name=new_name(), deaths=task.deaths + 1)]
    return [Task(new_name(), rows=[row], split=task.split, deaths=task.deaths + 1) for row in task.rows] + (
        [Task(new_name(), bad=task.bad)] if task.bad else []
    )
