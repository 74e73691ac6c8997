"""The review page under load: latency of its pages with many tasks queued.

    python -m benchmarks.review [--tasks 100000] [--requests 60] [--db FILE] [--keep]

Fills a queue with made-up tasks and the verdicts of made-up reviewers, runs the real server and asks
for each page as a reviewer would; prints the median and the 95th percentile in milliseconds.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from mmu.moderation.priority import AGE_DOUBLES
from mmu.moderation.queue import Resolution, Task
from mmu.review.accounts import Accounts
from mmu.review.tables import Database
from mmu.review.verdicts import Decision, Opinion, write
from mmu.review.wording import categories

PASSWORD = "correct horse battery staple"
REVIEWERS = ("陈晨", "lin", "王敏", "maya")
_WORDS = [
    "早市的第一锅豆浆",
    "城市",
    "清晨",
    "街头",
    "记录",
    "三分钟",
    "学会",
    "投资",
    "翻倍",
    "老师",
    "在线",
    "带你",
    "看懂",
    "猫咪",
    "第一次",
    "见到",
    "雪",
    "健身房",
    "打卡",
    "独家",
    "内幕",
    "限时",
    "免费",
    "领取",
    "加微信",
    "详聊",
    "球赛",
    "名场面",
    "回顾",
    "钓鱼",
    "佬",
    "的",
    "快乐",
    "婴儿",
    "辅食",
    "教程",
    "野外",
    "求生",
    "挑战",
    "徒手",
    "攀爬",
    "祖传",
    "秘方",
    "包治百病",
    "开箱",
    "测评",
    "手机",
    "演唱会",
    "现场",
    "考研",
    "上岸",
    "经验",
]


def fill(database: Database, count: int, *, decided: float = 0.02, days: float = 13.0, seed: int = 1) -> None:
    """Tasks of the last days, a share of them decided by reviewers who are right most of the time."""
    chance = random.Random(seed)
    kinds = [name for name, _ in categories("en")]
    precision = {kind: chance.uniform(0.55, 0.97) for kind in kinds}
    now = time.time()
    tasks = []
    for number in range(count):
        kind = kinds[min(len(kinds) - 1, int(chance.expovariate(0.35)))]
        severity, sure = 1 + hash_of(kind) % 5, chance.betavariate(5, 3)
        lane = "quality" if chance.random() < 0.05 else "review"
        tasks.append(
            Task(
                video=f"{chance.getrandbits(256):064x}", policy="default", version="1.0.0", lane=lane,
                title="".join(chance.sample(_WORDS, 5)) + (" #日常" if number % 3 else ""),
                decision="pass" if lane == "quality" else "block" if sure > 0.93 else "review",
                category="" if lane == "quality" else kind,
                rules=[f"words.{kind}"] if lane == "review" else [],
                severity=0 if lane == "quality" else severity, confidence=round(sure, 3),
                priority=0.2 if lane == "quality" else round(severity * sure, 3),
                uri=f"videos/{number}.mp4", report=f"reports/{number}.json",
            )
        )  # fmt: skip
    database.put(tasks)
    with database.writing() as db:
        # as if they had come over the last days
        ages = [(chance.random() ** 2 * days * 86400, task) for task in tasks]
        for age, task in ages:
            db.execute(
                "UPDATE task SET queued = queued - ?, made = made - ?, ready = ready - ?, rank = "
                "rank + ? WHERE id = ?",
                (age, age, age, age / 3600 / AGE_DOUBLES, task.id),
            )
        for age, task in chance.sample(ages, int(count * decided)):
            bad = chance.random() < (0.03 if task.lane == "quality" else precision[task.category])
            people = chance.sample(REVIEWERS, 2 if chance.random() < 0.3 else 1)
            done = now - age + min(age, chance.lognormvariate(8, 1.2))
            for place, person in enumerate(people):
                seen = bad if chance.random() < 0.92 else not bad
                verdict: Decision = "escalate" if chance.random() < 0.03 else "block" if seen else "pass"
                one = (
                    task
                    if place == 0
                    else Task.model_validate(task.model_dump(exclude={"id"}) | {"lane": "second"})
                )
                opinion = Opinion(
                    verdict, task.category if seen else "", rules=dict.fromkeys(task.rules, seen),
                    seconds=chance.lognormvariate(3.2, 0.6)
                )  # fmt: skip
                batch = write(db, one, person, opinion)
                db.execute("DROP TRIGGER IF EXISTS verdict_fixed")
                db.execute("UPDATE verdict SET time = ? WHERE batch = ?", (done, batch))
            outcome = Resolution(verdict=verdict, reviewer=people[0])
            db.execute(
                "UPDATE task SET state = 'done', done = ?, verdict = ?, reviewer = ? WHERE id = ?",
                (done, outcome.verdict, people[0], task.id),
            )
        db.execute("DROP TRIGGER IF EXISTS event_fixed")
        db.execute("UPDATE event SET time = (SELECT queued FROM task WHERE task.id = event.task)")


def hash_of(text: str) -> int:
    """A number that is the same in every run."""
    return sum(map(ord, text))


@contextmanager
def served(database: Path, root: Path) -> Iterator[str]:
    """The real server on a free port; gives its address."""
    import socket

    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "mmu.cli",
        "review",
        "--db",
        str(database),
        "--root",
        str(root),
        "--port",
        str(port),
    ]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONUNBUFFERED": "1"}
    )
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                if requests.get(f"http://127.0.0.1:{port}/healthz", timeout=1).ok:
                    break
            except requests.RequestException:
                pass
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the server did not start")
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)


def log_in(base: str, name: str, password: str = PASSWORD) -> requests.Session:
    """A browser that is logged in."""
    session = requests.Session()
    session.headers["Accept"] = "text/html"
    page = session.get(f"{base}/login", timeout=30).text
    answer = session.post(
        f"{base}/login", data={"csrf": token(page), "name": name, "password": password}, timeout=30
    )
    answer.raise_for_status()
    return session


def token(page: str) -> str:
    """The CSRF token of a page."""
    found = re.search(r'name="csrf" value="([^"]+)"', page)
    if found is None:
        raise RuntimeError("the page has no form")
    return found[1]


def measure(base: str, count: int) -> dict[str, dict[str, float]]:
    """Milliseconds of each page."""
    session = log_in(base, "lin")
    csrf = token(session.get(base, timeout=30).text)
    second = re.search(r'rel="next" href="([^"]+)"', session.get(base, timeout=30).text)
    assert second is not None
    kinds = [name for name, _ in categories("en")]
    pages: dict[str, Callable[[int], str]] = {
        "queue": lambda _: "/",
        "second page": lambda _: second[1].replace("&amp;", "&"),
        "one category": lambda k: f"/?category={kinds[k % 6]}",
        "by age, severe": lambda _: "/?order=age&severity=4",
        "least certain": lambda _: "/?order=unsure&lane=review",
        "search": lambda k: f"/?search={_WORDS[k % len(_WORDS)]}",
        "dashboard": lambda _: "/dashboard",
    }
    rows = {}
    for name, path in pages.items():
        times = []
        for k in range(count):
            start = time.perf_counter()
            session.get(base + path(k), timeout=30).raise_for_status()
            times.append(1000 * (time.perf_counter() - start))
            time.sleep(0.05)
        rows[name] = summary(times)
    times = []
    for _ in range(count):
        start = time.perf_counter()
        page = session.post(f"{base}/next", data={"csrf": csrf}, timeout=30)
        page.raise_for_status()
        times.append(1000 * (time.perf_counter() - start))
        lease = re.search(r'name="token" value="(\w+)"', page.text)
        assert lease is not None
        item = page.url.rpartition("/")[2]
        session.post(f"{base}/items/{item}/release", data={"csrf": csrf, "token": lease[1]}, timeout=30)
        time.sleep(0.1)
    rows["next task, with its page"] = summary(times)
    return rows


def summary(times: list[float]) -> dict[str, float]:
    """Median and 95th percentile."""
    ordered = sorted(times)
    return {"p50": round(ordered[len(ordered) // 2], 1), "p95": round(ordered[int(0.95 * len(ordered))], 1)}


def main() -> int:
    """Fill, serve, measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tasks", type=int, default=100_000)
    parser.add_argument("--requests", type=int, default=60)
    parser.add_argument("--db", type=Path, help="keep the filled queue here and use it again")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = args.db or Path(folder) / "review.sqlite"
        if not path.exists():
            with Database(path) as database:
                Accounts(database).add("lin", PASSWORD, "lead", by="benchmark")
                fill(database, args.tasks)
        with served(path, Path(folder)) as base:
            for name, row in measure(base, args.requests).items():
                print(json.dumps({"page": name, **row}, ensure_ascii=False), flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
