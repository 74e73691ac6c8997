"""The decode worker: one file, one pass, within limits, in a process of its own.

Started as `python -m mmu.media.worker`. Reads one JSON request from standard
input, writes JSON lines to standard output (`state` now and then and at the
end, `error` when nothing could be decoded) and the bulk data to files in the
spool folder. FFmpeg's own messages go to standard error.
"""

from __future__ import annotations

import json
import resource
import sys
from typing import Any

import av
import cv2

from mmu.media.decode import Pass, say
from mmu.media.hardware import find_device
from mmu.media.streams import DecodeError


def limit(options: dict[str, Any], *, gpu: bool) -> None:
    """Bound memory and CPU time of this process.

    CUDA reserves address space for all memory of the machine, so with a GPU only what can be written counts.
    """
    size = int(options["memory_mb"]) * 2**20
    resource.setrlimit(resource.RLIMIT_DATA if gpu else resource.RLIMIT_AS, (size, size))
    cpu = max(1, int(options["cpu_seconds"]))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu + 5))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main() -> int:
    """Serve the one request on standard input."""
    request = json.loads(sys.stdin.readline())
    cv2.setNumThreads(1)
    av.logging.restore_default_callback()
    try:
        # Before the limits, as what it takes does not hang on the file.
        device = find_device(request["options"]["device"])
        limit(request["options"], gpu=device.accelerator is not None)
        Pass(request, device).run()
    except DecodeError as exc:
        say({"event": "error", "code": exc.code, "message": str(exc)})
    except MemoryError:
        say({"event": "error", "code": "out_of_memory", "message": "decoding needs more memory than allowed"})
    return 0


if __name__ == "__main__":
    sys.exit(main())
