"""One analysis with the shipped defaults, for the speed harness: `python -m benchmarks.ours VIDEO`."""

from __future__ import annotations

import json
import sys

from mmu.api import analyze


def main() -> None:
    """Analyse and print the time of each stage as JSON."""
    report = analyze(sys.argv[1])
    stages = {stage.name: stage.seconds for stage in report.stages}
    print(json.dumps({"outcome": report.outcome.value, "tags": len(report.tags), "stages": stages}))


if __name__ == "__main__":
    main()
