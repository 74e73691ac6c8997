"""`mmu queue`: what people should look at, from the command line."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mmu.moderation.queue import ReviewQueue, Task

_DECISIONS = ("pass", "review", "block")


def add_parser(commands: Any) -> argparse.ArgumentParser:
    """Add `queue` to the subcommands; `commands` is what `add_subparsers` returned."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "queue",
        help="the review queue: put reports in, lease, resolve, follow the feed",
        description="The queue of videos that people should look at. At-least-once, by priority; a video is "
        "asked about once a policy version. --queue is a file (embedded), redis://HOST/DB?name=NAME or "
        "kafka://HOST:PORT/NAME; default: $MMU_QUEUE, or review.sqlite in the user's store.",
    )
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--queue", default=None, metavar="URL", help="which queue")
    common.add_argument(
        "--lease", type=float, default=900.0, metavar="S", help="seconds a lease holds (default: 900)"
    )
    common.add_argument(
        "--attempts", type=int, default=5, help="failed leases before a task is given up (default: 5)"
    )
    kinds = parser.add_subparsers(dest="action", required=True, metavar="ACTION")

    def add(name: str, text: str) -> argparse.ArgumentParser:
        return kinds.add_parser(name, help=text, description=text, parents=[common])

    put = add("put", "put the videos of reports into the queue; known ones change nothing")
    put.add_argument("reports", nargs="+", type=Path, help="reports (JSON), or folders of them")
    put.add_argument(
        "--decisions", default="review,block", help="which decisions people look at (default: review,block)"
    )
    sample = "share of passed videos checked for quality"
    put.add_argument("--sample-passed", type=float, default=0.0, metavar="SHARE", help=sample)
    views = "views expected of videos (columns video, views): those with more come first"
    put.add_argument("--reach", type=Path, metavar="FILE.csv", help=views)
    lease = add("lease", "lease tasks, most urgent first, as JSON lines")
    lease.add_argument("--worker", default=os.environ.get("USER", "cli"), help="who")
    lease.add_argument("--limit", type=int, default=1)
    ack = add("ack", "resolve a leased task")
    _lease_arguments(ack)
    ack.add_argument("verdict", choices=("pass", "block", "escalate"))
    ack.add_argument("--category", default="", help="what it is in your eyes")
    ack.add_argument("--note", default="")
    release = add("release", "give a leased task back")
    _lease_arguments(release)
    release.add_argument("--failed", action="store_true", help="counts as an attempt")
    release.add_argument("--reason", default="")
    add("stats", "how many tasks are in which state, as JSON")
    feed = add("feed", "what happened, as JSON lines of the published schema (`queue schema`)")
    feed.add_argument("--after", default="", metavar="ID", help="start after this event")
    feed.add_argument("--follow", action="store_true", help="wait for more")
    add("dead", "tasks that were given up, as JSON lines")
    revive = add("revive", "put a task that was given up back")
    revive.add_argument("task")
    move = add(
        "move",
        "take every waiting task over into another queue, for example a broker's into the review page's",
    )
    move.add_argument("--to", required=True, metavar="URL")
    move.add_argument("--follow", action="store_true", help="wait for more")
    hook = add("webhook", "send the feed to an address, signed (MMU-Signature), with retries")
    hook.add_argument("url")
    hook.add_argument(
        "--secret-file", type=Path, required=True, help="file with the shared secret (16 bytes or more)"
    )
    hook.add_argument("--cursor", type=Path, required=True, help="file that remembers what was sent")
    hook.add_argument("--allow-private", action="store_true", help="the address may lie in a private network")
    hook.add_argument("--follow", action="store_true", help="wait for more")
    kinds.add_parser("schema", help="print the JSON Schema of the feed")
    parser.set_defaults(run=run)
    return parser


def _lease_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("task", help="id of the task")
    parser.add_argument("token", help="of the lease")
    parser.add_argument("--worker", default=os.environ.get("USER", "cli"), help="who holds it")


def default_queue() -> str:
    """`$MMU_QUEUE`, or `review.sqlite` in the user's store."""
    from models.store import default_root

    return os.environ.get("MMU_QUEUE") or str(default_root() / "review.sqlite")


def run(args: argparse.Namespace) -> int:
    """Do what was asked; returns the exit code (1: some reports were bad, or a lease was lost).

    Raises:
        ConfigError: an option that cannot be.
        StoreError: the queue cannot be reached.
    """
    from mmu.moderation.queue import QueueOptions, open_queue

    if args.action == "schema":
        from mmu.moderation.queue.schema_json import schema_text

        print(schema_text(), end="")
        return 0
    with open_queue(args.queue or default_queue(), QueueOptions(args.lease, args.attempts)) as queue:
        return int(globals()[f"_{args.action}"](queue, args))


def _put(queue: ReviewQueue, args: argparse.Namespace) -> int:
    from mmu.errors import ConfigError
    from mmu.moderation.queue.from_report import task_of
    from mmu.moderation.queue.reach import reach_of, read_reach
    from mmu.report.cli import load_report

    decisions = frozenset(args.decisions.split(","))
    if not decisions <= set(_DECISIONS):
        raise ConfigError(f"--decisions {args.decisions!r}: known are {', '.join(_DECISIONS)}")
    if not 0 <= args.sample_passed <= 1:
        raise ConfigError(f"--sample-passed {args.sample_passed}: a share is from 0 to 1")
    reach = read_reach(args.reach) if args.reach else {}
    bad, read = 0, 0

    def tasks() -> Iterator[Task]:
        nonlocal bad, read
        for path in _files(args.reports):
            try:
                report = load_report(path)
                read += 1
                task = task_of(
                    report,
                    place=str(path.resolve()),
                    decisions=decisions,
                    sample_passed=args.sample_passed,
                    reach=reach_of(report, reach),
                )
            except (ConfigError, ValueError) as error:
                bad += 1
                print(f"mmu: {error}", file=sys.stderr)
                continue
            if task is not None:
                yield task

    new = 0
    batch: list[Task] = []
    for task in tasks():
        batch.append(task)
        if len(batch) == 200:
            new += queue.put(batch)
            batch = []
    new += queue.put(batch)
    print(json.dumps({"reports": read, "new": new, "bad": bad}))
    return int(bad > 0)


def _files(paths: list[Path]) -> Iterator[Path]:
    from mmu.errors import ConfigError

    for path in paths:
        if path.is_dir():
            yield from sorted(path.rglob("*.json"))
        elif path.exists():
            yield path
        else:
            raise ConfigError(f"{path}: no such file or folder")


def _lease(queue: ReviewQueue, args: argparse.Namespace) -> int:
    from mmu.errors import ConfigError

    _lasting(queue)
    if args.limit < 1:
        raise ConfigError(f"--limit {args.limit}: give 1 or more")
    for item in queue.lease(args.worker, limit=args.limit):
        row = {
            "task": item.task.model_dump(),
            "token": item.token,
            "until": item.until,
            "attempt": item.attempt,
        }
        print(json.dumps(row, ensure_ascii=False))
    return 0


def _ack(queue: ReviewQueue, args: argparse.Namespace) -> int:
    from mmu.moderation.queue import Lease, Resolution, Task

    _lasting(queue)
    task = Task.model_construct(id=args.task, video="", policy="")
    resolution = Resolution(
        verdict=args.verdict, reviewer=args.worker, category=args.category, note=args.note
    )
    return _said(queue.ack(Lease(task, args.token, args.worker, 0.0, 0), resolution))


def _release(queue: ReviewQueue, args: argparse.Namespace) -> int:
    from mmu.moderation.queue import Lease, Task

    _lasting(queue)
    lease = Lease(Task.model_construct(id=args.task, video="", policy=""), args.token, args.worker, 0.0, 0)
    return _said(queue.release(lease, failed=args.failed, reason=args.reason))


def _said(held: bool) -> int:
    if not held:
        print("mmu: the lease is not held any more: nothing was changed", file=sys.stderr)
    return 0 if held else 1


def _lasting(queue: ReviewQueue) -> None:
    from mmu.errors import ConfigError

    if type(queue).__name__ == "KafkaQueue":
        raise ConfigError(
            "a lease on Kafka lasts as long as its process: use mmu.moderation.queue in Python, "
            "or `mmu queue move` into a file"
        )


def _stats(queue: ReviewQueue, _: argparse.Namespace) -> int:
    from dataclasses import asdict

    print(json.dumps(asdict(queue.stats())))
    return 0


def _feed(queue: ReviewQueue, args: argparse.Namespace) -> int:
    after = args.after
    while True:
        for event in queue.events(after):
            print(event.model_dump_json(by_alias=True), flush=args.follow)
            after = event.id
        if not args.follow:
            return 0
        time.sleep(1.0)


def _dead(queue: ReviewQueue, _: argparse.Namespace) -> int:
    for item in queue.dead():
        row = {"task": item.task.model_dump(), "attempts": item.attempts, "reason": item.reason}
        print(json.dumps(row, ensure_ascii=False))
    return 0


def _revive(queue: ReviewQueue, args: argparse.Namespace) -> int:
    if queue.revive(args.task):
        return 0
    print(f"mmu: no task {args.task!r} among the dead letters", file=sys.stderr)
    return 1


def _move(queue: ReviewQueue, args: argparse.Namespace) -> int:
    from mmu.moderation.queue import QueueOptions, open_queue
    from mmu.moderation.queue.move import move

    moved = 0
    with open_queue(args.to, QueueOptions(args.lease, args.attempts)) as target:
        while True:
            moved += move(queue, target)
            if not args.follow:
                break
            time.sleep(1.0)
    print(json.dumps({"moved": moved}))
    return 0


def _webhook(queue: ReviewQueue, args: argparse.Namespace) -> int:
    from mmu.errors import ConfigError
    from mmu.moderation.queue.webhook import Webhook, WebhookError, forward

    try:
        secret = args.secret_file.read_bytes().strip()
    except OSError as error:
        raise ConfigError(f"{args.secret_file}: cannot be read: {error.strerror}") from error
    hook = Webhook(args.url, secret, private_hosts=args.allow_private)
    while True:
        try:
            count = forward(queue, hook, args.cursor)
        except WebhookError as error:
            print(f"mmu: {error}", file=sys.stderr)
            if not args.follow:
                return 1
            count = 0
        if not args.follow:
            print(json.dumps({"sent": count}))
            return 0
        time.sleep(1.0)
