"""What a command does when whoever reads its output has seen enough (`… | head`)."""

from __future__ import annotations

import os
import sys

#: as a shell reports a command that SIGPIPE ended
EXIT_CODE = 141


def discard_output() -> int:
    """Let what is left in the buffer go nowhere, so that it does not raise again at exit; the exit code."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return EXIT_CODE
