"""The review queue: events a second, and whether anything is lost or decided twice when processes are killed.

    python -m benchmarks.queue speed [--queue FILE] [--workers 4] [--tasks 20000] [--batch 50]
    python -m benchmarks.queue kills --queue URL [--tasks 2000] [--kills 20] [--seed 1]

`speed` counts an enqueue and an ack as one event each; every task is leased in between.
`kills` ends a producer or a worker, chosen at random, with SIGKILL and starts it again, until all
tasks are decided; then it reads the feed and counts what is missing and what was decided twice.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from mmu.moderation.queue import QueueOptions, Resolution, ReviewQueue, Task, open_queue

LEASE = QueueOptions(lease=3.0, max_attempts=50)


def task(number: int) -> Task:
    """One of the tasks of the benchmark, the same whenever it is made."""
    return Task(
        video=f"{number:064x}",
        policy="default",
        version="1",
        priority=float(number % 40) / 10,
        title=f"视频 {number}",
    )


def produce(url: str, first: int, last: int, batch: int) -> None:
    """Put tasks first … last - 1."""
    with open_queue(url, LEASE) as queue:
        for start in range(first, last, batch):
            queue.put([task(k) for k in range(start, min(last, start + batch))])


def work(url: str, worker: str, batch: int, *, stop: bool) -> int:
    """Lease and resolve, until there is nothing left (with `stop`) or for ever. Returns how many."""
    done = 0
    idle = 0
    with open_queue(url, LEASE) as queue:
        while True:
            leases = queue.lease(worker, limit=batch)
            answers = queue.ack_all([(item, Resolution(verdict="pass", reviewer=worker)) for item in leases])
            done += sum(answers)
            idle = 0 if leases else idle + 1
            if not leases:
                if stop and idle > 20:
                    return done
                time.sleep(0.01)


def speed(url: str, workers: int, tasks: int, batch: int) -> dict[str, float]:
    """Events (enqueue + ack) a second with `workers` processes that do both."""
    open_queue(url, LEASE).close()
    share = tasks // workers
    command = [sys.executable, "-m", "benchmarks.queue", "both", "--queue", url, "--batch", str(batch)]
    started = [
        subprocess.Popen(
            [*command, "--first", str(k * share), "--tasks", str(share)], stdout=subprocess.PIPE, text=True
        )
        for k in range(workers)
    ]
    rows = [json.loads(process.communicate()[0]) for process in started]
    seconds = max(row["end"] for row in rows) - min(row["start"] for row in rows)
    with open_queue(url, LEASE) as queue:
        done = queue.stats().done
    return {"tasks": done, "seconds": round(seconds, 2), "events_per_second": round(2 * done / seconds)}


def both(url: str, first: int, tasks: int, batch: int) -> None:
    """One process of `speed`: put a batch, lease a batch, resolve it."""
    with open_queue(url, LEASE) as queue:
        start = time.time()
        for low in range(first, first + tasks, batch):
            queue.put([task(k) for k in range(low, min(first + tasks, low + batch))])
            leases = queue.lease(f"worker{first}", limit=batch)
            queue.ack_all([(item, Resolution(verdict="pass", reviewer="w")) for item in leases])
        while leases := queue.lease(f"worker{first}", limit=batch):
            queue.ack_all([(item, Resolution(verdict="pass", reviewer="w")) for item in leases])
        print(json.dumps({"start": start, "end": time.time()}))


def kills(url: str, *, tasks: int, count: int, seed: int, patience: float = 180.0) -> dict[str, float]:
    """Kill processes at random moments; returns how many tasks were lost or decided twice."""
    chance = random.Random(seed)
    base = [sys.executable, "-m", "benchmarks.queue"]
    commands = {
        "producer": [*base, "produce", "--queue", url, "--tasks", str(tasks), "--batch", "10"],
        **{f"w{k}": [*base, "work", "--queue", url, "--worker", f"w{k}", "--batch", "3"] for k in range(3)},
    }
    running = {name: subprocess.Popen(command) for name, command in commands.items()}
    killed: Counter[str] = Counter()
    begin = time.monotonic()
    try:
        while killed.total() < count:
            time.sleep(chance.uniform(0.5, 2.0))
            name = chance.choice(
                [key for key in commands if key != "producer" or running[key].poll() is None]
            )
            running[name].send_signal(signal.SIGKILL)
            running[name].wait()
            killed[name] += 1
            running[name] = subprocess.Popen(commands[name])
        with open_queue(url, LEASE) as queue:
            end = time.monotonic() + patience
            while len(_decided(queue)) < tasks and time.monotonic() < end:
                time.sleep(1)
    finally:
        for process in running.values():
            process.kill()
            process.wait()
    with open_queue(url, LEASE) as queue:
        decided = _decided(queue)
        dead = len(queue.dead())
    return {
        "tasks": tasks,
        "kills": killed.total(),
        "kills_of_the_producer": killed["producer"],
        "lost": tasks - len(decided),
        "decided_twice": sum(n > 1 for n in decided.values()),
        "dead": dead,
        "seconds": round(time.monotonic() - begin, 1),
    }


def _decided(queue: ReviewQueue) -> Counter[str]:
    return Counter(event.task.id for event in queue.events() if event.type == "decided")


def main() -> int:
    """Run one of the benchmarks, or one of their processes."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("speed", "kills", "produce", "work", "both"))
    parser.add_argument("--queue", default="")
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--tasks", type=int, default=2000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--batch", type=int, default=50)
    parser.add_argument("--worker", default="worker")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        url = args.queue or str(Path(folder) / "queue.sqlite")
        if args.what == "speed":
            print(json.dumps(speed(url, args.workers, args.tasks, args.batch)))
        elif args.what == "kills":
            result = kills(url, tasks=args.tasks, count=args.kills, seed=args.seed)
            print(json.dumps(result))
            return int(result["lost"] > 0 or result["decided_twice"] > 0)
        elif args.what == "produce":
            produce(url, args.first, args.first + args.tasks, args.batch)
        elif args.what == "both":
            both(url, args.first, args.tasks, args.batch)
        else:
            work(url, args.worker, args.batch, stop=False)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
