"""Notice that the cluster under a job is gone.

When the raylet of the driver's node dies, calls into Ray may wait for ever. The job then ends, as if it
had been killed: the same command goes on from there.
"""

from __future__ import annotations

import os
import sys
import threading
from typing import Any

#: seconds between two looks
EVERY = 2.0
EXIT_CODE = 2


def watch_cluster() -> threading.Event:
    """Start to watch the driver's node from a thread; set the event that is returned to stop."""
    import ray

    stop = threading.Event()
    node = ray.get_runtime_context().get_node_id()
    threading.Thread(target=_watch, args=(ray, node, stop), daemon=True).start()
    return stop


def _watch(ray: Any, node: str, stop: threading.Event) -> None:
    while not stop.wait(EVERY):
        try:
            gone = any(one["NodeID"] == node and not one["Alive"] for one in ray.nodes())
        except Exception:  # whatever Ray raises when its control store is gone too
            gone = True
        if gone and not stop.is_set():
            message = "mmu batch: Ray's processes on this node are gone; the same command goes on from here"
            print(message, file=sys.stderr, flush=True)
            # The main thread may hang in a call into Ray, and Ray's own shutdown too.
            os._exit(EXIT_CODE)
