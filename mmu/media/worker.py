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
from mmu.media.streams import DecodeError


def _limit(options: dict[str, Any]) -> None:
    size = int(options["memory_mb"]) * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (size, size))
    cpu = max(1, int(options["cpu_seconds"]))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu + 5))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main() -> int:
    """Serve the one request on standard input."""
    request = json.loads(sys.stdin.readline())
    _limit(request["options"])
    cv2.setNumThreads(1)
    av.logging.restore_default_callback()
    try:
        Pass(request).run()
    except DecodeError as exc:
        say({"event": "error", "code": exc.code, "message": str(exc)})
    except MemoryError:
        say({"event": "error", "code": "out_of_memory", "message": "decoding needs more memory than allowed"})
    return 0


if __name__ == "__main__":
    sys.exit(main())
