"""A queue of videos that people should look at: at-least-once, by priority, each question asked once.

>>> with open_queue("review.sqlite") as queue:  # or redis://…, kafka://…
...     queue.put([Task(video="sha256…", policy="default", priority=2.5)])
...     for lease in queue.lease("me"):
...         queue.ack(lease, Resolution(verdict="pass", reviewer="me"))
"""

from mmu.moderation.queue.base import QueueOptions, ReviewQueue, open_queue
from mmu.moderation.queue.task import Dead, Event, Lease, Resolution, Stats, Task, task_id

__all__ = [
    "Dead",
    "Event",
    "Lease",
    "QueueOptions",
    "Resolution",
    "ReviewQueue",
    "Stats",
    "Task",
    "open_queue",
    "task_id",
]
