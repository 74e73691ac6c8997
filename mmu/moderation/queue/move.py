"""From one queue into another: at-least-once on the way, and once in the target, which knows what it has."""

from __future__ import annotations

from mmu.moderation.queue.base import ReviewQueue
from mmu.moderation.queue.task import Resolution

#: who resolves a task in the queue that it leaves
MOVER = "mmu.move"


def move(source: ReviewQueue, target: ReviewQueue, *, batch: int = 200) -> int:
    """Take over what is waiting; returns how many tasks. A task leaves `source` once `target` has it.

    Raises:
        StoreError: one of the queues cannot be reached; nothing is lost, the next call goes on.
    """
    count = 0
    while leases := source.lease(MOVER, limit=batch):
        target.put([item.task for item in leases])
        moved = Resolution(verdict="moved", reviewer=MOVER)
        count += sum(source.ack_all([(item, moved) for item in leases]))
    return count
