"""The review queue: events a second, and whether anything is lost or decided twice when processes are killed.

    python -m benchmarks.queue speed [--queue FILE] [--workers 4] [--tasks 20000] [--batch 50]
    python -m benchmarks.queue kills --queue URL [--tasks 2000] [--kills 20] [--seed 1] [--server COMMAND]

`speed` counts an enqueue and an ack as one event each; every task is leased in between.
`kills` ends a producer or a worker, chosen at random, with SIGKILL and starts it again, until all
tasks are decided; then it reads the feed and counts what is missing and what was decided twice. With
`--server`, the broker is a process of the run too: COMMAND starts it, and when half of the kills are done,
half of the tasks are still to come, and it is killed and started again on the data that it had written.
"""

from __future__ import annotations

import argparse
import json
import random
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from mmu.errors import StoreError
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


def kills(
    url: str, *, tasks: int, count: int, seed: int, patience: float = 180.0, server: Sequence[str] = ()
) -> dict[str, float]:
    """Kill processes at random moments; returns how many tasks were lost or decided twice.

    Args:
        url: of the queue.
        tasks: how many are put.
        count: producers and workers that are killed.
        seed: of the moments and the choice.
        patience: seconds that may pass after the last kill until all is decided.
        server: starts the broker, which is then killed once too, between two halves of the tasks.
    """
    chance = random.Random(seed)
    half = tasks // 2 if server else tasks
    commands = {name: _command(url, name) for name in ("w0", "w1", "w2")}
    commands["producer"] = [*_command(url, "producer"), "--tasks", str(half)]
    broker = _serve(url, server) if server else None
    running = {name: subprocess.Popen(command) for name, command in commands.items()}
    killed: Counter[str] = Counter()
    begin = time.monotonic()
    try:
        while killed.total() < count or (broker and half < tasks):
            time.sleep(chance.uniform(0.5, 2.0))
            if broker and half < tasks and killed.total() >= count // 2:
                half = tasks
                commands["producer"][-1] = str(tasks)
                running["producer"].kill()
                running["producer"].wait()
                running["producer"] = subprocess.Popen(commands["producer"])
                time.sleep(chance.uniform(0.5, 1.0))
                broker.send_signal(signal.SIGKILL)
                broker.wait()
                broker = _serve(url, server)
                continue
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
                for name, process in running.items():
                    if process.poll():  # it gave up, perhaps while the broker was away
                        running[name] = subprocess.Popen(commands[name])
                time.sleep(1)
        with open_queue(url, LEASE) as queue:
            decided = _decided(queue)
            dead = len(queue.dead())
    finally:
        for process in [*running.values(), *([broker] if broker else [])]:
            process.kill()
            process.wait()
    return {
        "tasks": tasks,
        "kills": killed.total(),
        "kills_of_the_producer": killed["producer"],
        "kills_of_the_server": int(bool(server)),
        "lost": tasks - len(decided),
        "decided_twice": sum(n > 1 for n in decided.values()),
        "dead": dead,
        "seconds": round(time.monotonic() - begin, 1),
    }


def _command(url: str, name: str) -> list[str]:
    base = [sys.executable, "-m", "benchmarks.queue"]
    if name == "producer":
        return [*base, "produce", "--queue", url, "--batch", "10"]
    return [*base, "work", "--queue", url, "--worker", name, "--batch", "3"]


def _serve(url: str, command: Sequence[str]) -> subprocess.Popen[bytes]:
    """Start the broker; returns when it takes connections."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    place = urlsplit(url)
    while process.poll() is None:
        try:
            socket.create_connection((place.hostname, place.port or 0), timeout=1).close()
            return process
        except OSError:
            time.sleep(0.05)
    raise SystemExit(f"{shlex.join(command)} ended with {process.returncode}")


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
    parser.add_argument("--server", default="", metavar="COMMAND")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        url = args.queue or str(Path(folder) / "queue.sqlite")
        if args.what == "speed":
            print(json.dumps(speed(url, args.workers, args.tasks, args.batch)))
        elif args.what == "kills":
            server = shlex.split(args.server)
            result = kills(url, tasks=args.tasks, count=args.kills, seed=args.seed, server=server)
            print(json.dumps(result))
            return int(result["lost"] > 0 or result["decided_twice"] > 0)
        elif args.what == "produce":
            produce(url, args.first, args.first + args.tasks, args.batch)
        elif args.what == "both":
            both(url, args.first, args.tasks, args.batch)
        else:
            try:
                work(url, args.worker, args.batch, stop=False)
            except StoreError as error:  # whoever started it starts it again
                print(error, file=sys.stderr)
                return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
