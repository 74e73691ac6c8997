"""What a stage takes for each of several videos analysed at once, as a share of what one takes alone."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import cycle, islice
from pathlib import Path

from mmu.engine import Engine
from mmu.errors import ConfigError, MediaError
from mmu.media import open_clip
from mmu.media.clip import Clip
from mmu.networks import NetworkConfig
from mmu.perception.catalog import build_stages
from mmu.signals import SignalSet
from models.onnx_place import find_place
from models.store import Store

#: videos for each one at once, so that the last ones, which are alone again, count little
_ROUNDS = 3


def read_counts(text: str) -> list[int]:
    """`2,4,8` as numbers.

    Raises:
        ConfigError: something else, or a number outside 2 to 64.
    """
    try:
        found = sorted({int(part) for part in text.replace(",", " ").split()})
    except ValueError as error:
        raise ConfigError(f"--at-once {text!r}: expected numbers like 2,4,8") from error
    if any(not 2 <= count <= 64 for count in found):
        raise ConfigError(f"--at-once {text!r}: numbers from 2 to 64 are possible")
    return found


def shares(
    stage: str, networks: NetworkConfig, files: Sequence[Path], counts: Sequence[int], *, gpu: bool
) -> dict[int, float]:
    """Number of videos at once -> share of its seconds alone that each takes; only the stage is timed.

    Args:
        stage: its name.
        networks: what runs it.
        files: videos, taken several times where they are fewer than are needed.
        counts: numbers to measure.
        gpu: compare wall time, for which a GPU is held; otherwise CPU time, as wall time hangs on free cores.
    """
    if not counts:
        return {}
    engine = Engine(
        build_stages(config=networks, only=[stage]), Store(), threads=1, onnx=find_place(networks.onnx)
    )
    others = [one.name for one in engine.stages if one.name != stage]
    with ExitStack() as stack:
        ready: list[tuple[Clip, SignalSet]] = []
        for path in islice(cycle(files), _ROUNDS * max(counts)):
            try:
                clip = stack.enter_context(open_clip(path))
            except MediaError as error:
                raise ConfigError(f"{path}: {error}") from error
            ready.append((clip, engine.perceive(clip, only=others).signals))
        stack.callback(engine.close)

        def work(one: tuple[Clip, SignalSet]) -> None:
            engine.perceive(one[0], only=[stage], given=one[1])

        def seconds(count: int) -> float:
            clock = time.perf_counter if gpu else time.process_time
            begun = clock()
            with ThreadPoolExecutor(count) as pool:
                list(pool.map(work, ready))
            return clock() - begun

        work(ready[0])  # loads the network
        alone = seconds(1)
        return {count: round(seconds(count) / max(alone, 1e-9), 3) for count in counts}
