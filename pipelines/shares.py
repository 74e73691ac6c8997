"""Long videos: their stages are shared by several workers and joined before reasoning.

Stages that read nothing of each other see the same clip and give the same signals wherever they
run; the few that read from several of them run last, where the shares are joined. So the report
equals that of one process. Time windows would not do: who a face is, what
a voice says across a cut, where a song changes are decided on the whole video.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from pipelines.intake import new_name
from pipelines.rows import Row
from pipelines.worker import Result, Task


def balance(groups: Sequence[Sequence[str]], costs: Counter[str], bins: int) -> list[list[str]]:
    """Put groups of stages into at most `bins` shares of about the same cost, the largest group first.

    Args:
        costs: seconds that stages took so far; one that was not seen counts as the mean.
    """
    mean = sum(costs.values()) / len(costs) if costs else 1.0
    weights = [sum(costs.get(name, mean) for name in group) for group in groups]
    shares: list[list[str]] = [[] for _ in range(min(bins, len(groups)))]
    loads = [0.0] * len(shares)
    for index in sorted(range(len(groups)), key=lambda one: -weights[one]):
        lightest = loads.index(min(loads))
        shares[lightest] += groups[index]
        loads[lightest] += weights[index]
    return shares


@dataclass(slots=True)
class _Long:
    row: Row
    waiting: set[str]
    parts: list[str] = field(default_factory=list)


class Shares:
    """Long videos of which some shares are not done."""

    def __init__(self) -> None:
        self._videos: dict[str, _Long] = {}
        self._of: dict[str, str] = {}

    def begin(self, row: Row, shares: list[list[str]]) -> list[Task]:
        """Tasks for a long video: its shares, or the whole when there is but one."""
        if len(shares) < 2:
            return [Task(new_name(), rows=[row], split=False)]
        tasks = [Task(new_name(), rows=[row], stages=stages, split=False) for stages in shares]
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
        if result.observed is None:
            del self._videos[key]
            return Task(new_name(), rows=[video.row], split=False)
        video.waiting.discard(result.task)
        video.parts.append(result.observed)
        if video.waiting:
            return None
        del self._videos[key]
        return Task(new_name(), rows=[video.row], parts=video.parts, split=False)

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
