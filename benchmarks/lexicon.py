"""How fast word lists are: lines a second of one core (CPU time) by number of terms.

python -m benchmarks.lexicon [--terms 1000 100000] [--lines 10000]
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Sequence

from mmu.moderation.lexicon import Lexicon, parse
from mmu.moderation.normalise import term
from mmu.moderation.sound import sound_of


def main(argv: Sequence[str] | None = None) -> int:
    """Print a line a number of terms."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lexicon", description=__doc__)
    parser.add_argument("--terms", type=int, nargs="+", default=[1000, 10_000, 100_000])
    parser.add_argument("--lines", type=int, default=10_000)
    args = parser.parse_args(argv)
    draw = random.Random(0)
    letters = [chr(0x4E00 + i) for i in range(3000) if sound_of(2 * term(chr(0x4E00 + i)))]
    lines = ["".join(draw.choices(letters, k=40)) for _ in range(args.lines)]
    print("| terms | by sound too | build s | lines a second | µs a line |")
    print("|---:|---|---:|---:|---:|")
    for count in args.terms:
        terms = list({"".join(draw.choices(letters, k=draw.randint(3, 6))) for _ in range(count)})
        for sound in (False, True):
            start = time.process_time()
            lexicon = Lexicon(parse("r", [f"~{one}" if sound else one for one in terms], score=0.5))
            built = time.process_time() - start
            lexicon.find(lines[0])
            start = time.process_time()
            for line in lines:
                lexicon.find(line)
            seconds = time.process_time() - start
            print(
                f"| {len(terms)} | {'yes' if sound else 'no'} | {built:.1f} | {len(lines) / seconds:.0f} "
                f"| {1e6 * seconds / len(lines):.0f} |"
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
