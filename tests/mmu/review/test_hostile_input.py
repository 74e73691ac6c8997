"""What hostile text, names and places can do: nothing."""

from __future__ import annotations

import hashlib
import re
from html.parser import HTMLParser
from itertools import product
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from mmu.moderation.queue import Task
from mmu.report.schema import Report
from mmu.review.app import Site
from mmu.review.files import Files
from mmu.review.limits import Buckets

INJECTIONS = [
    "' OR '1'='1",
    "'; DROP TABLE task; --",
    '" UNION SELECT password FROM user --',
    "%",
    "_",
    "\\",
    "1) OR (1=1",
]


def test_sql_in_filters_is_only_text(browser: Any, task: Task, site: Site) -> None:
    site.limit = Buckets(1000.0, 1000)
    client = browser("lead")
    fields = ("search", "category", "lane", "decision", "severity", "state", "order", "after")
    for text, field in product(INJECTIONS, fields):
        answer = client.get("/", params={field: text})
        assert answer.status_code in (200, 400), field
        if answer.status_code == 200:
            assert task.title not in answer.text, field
            assert "scrypt$" not in answer.text
    for text, path in product(INJECTIONS, ("/audit?user=", "/audit?before=", "/items/", "/media/")):
        answer = client.get(path + text.replace("%", "%25").replace("#", "%23"))
        assert answer.status_code in (200, 400, 404)
        assert "scrypt$" not in answer.text
    assert site.database.stats().waiting == 1


class Scan(HTMLParser):
    """Elements and attributes that could run something."""

    def __init__(self) -> None:
        super().__init__()
        self.bad: list[str] = []
        self.scripts = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.bad += [
            f"{tag} {name}" for name in values if name.startswith("on") or name in ("style", "srcdoc")
        ]
        self.bad += [
            f"{tag} {v}" for v in values.values() if (v or "").strip().lower().startswith("javascript:")
        ]
        if tag in ("img", "iframe", "object", "embed"):
            self.bad.append(tag)
        if tag == "script":
            self.scripts += 1
            if not (values.get("src") or "").startswith("/static/") and values.get("type") not in ("application/json", "text/plain"):  # fmt: skip
                self.bad.append("inline script")


def test_titles_texts_and_notes_are_inert(browser: Any, site: Site, sample: ModuleType, root: Path) -> None:
    """Attack strings wherever text from outside can stand, on every page that shows them."""
    report = sample.hostile_report()
    (root / "hostile.json").write_text(report.to_json(), "utf-8")
    bad = sample.HOSTILE
    wanted = Task(
        video="e" * 64, policy=bad[:90], version=bad[:60], title=bad, uri=bad, report=str(root / "hostile.json"),
        category=bad[:100], rules=[bad[:90]], severity=3,
    )  # fmt: skip
    site.database.put([wanted])
    client = browser("lead")
    client.submit(f"/items/{wanted.id}/claim")
    shown = [client.get(path) for path in ("/", f"/items/{wanted.id}", f"/?search={bad[:40]}")]
    lease = re.search(r'name="token" value="(\w+)"', shown[1].text)[1]  # type: ignore[index]
    answer = client.submit(f"/items/{wanted.id}/decide", token=lease, decision="block", note=bad, category=bad, **{f"rule:{bad}": "right"})  # fmt: skip
    assert answer.status_code == 303
    shown += [client.get(path) for path in (f"/items/{wanted.id}", "/?state=done", "/dashboard", "/audit")]
    for page in shown:
        assert page.status_code == 200
        scan = Scan()
        scan.feed(page.text)
        assert scan.bad == [], page.url
        assert "script-src 'self';" in page.headers["content-security-policy"]
        assert "unsafe" not in page.headers["content-security-policy"]
    line = client.get("/verdicts.jsonl").text
    assert len(line.splitlines()) >= 1


@pytest.mark.parametrize(
    "place",
    ["/etc/passwd", "../secret.txt", "../../etc/passwd", "file:///etc/passwd", "file:///%65tc/passwd", "link.txt", "linked/secret.txt", "http://127.0.0.1/", "s3://bucket/key", "a\0b", "", ".", "~/.ssh/id_rsa", "\\\\host\\share", "/proc/self/environ", "x" * 5000],
)  # fmt: skip
def test_files_outside_the_roots_are_not_read(tmp_path: Path, place: str) -> None:
    allowed, other = tmp_path / "allowed", tmp_path / "other"
    allowed.mkdir()
    other.mkdir()
    (tmp_path / "secret.txt").write_text("secret")
    (other / "secret.txt").write_text("secret")
    (allowed / "link.txt").symlink_to(other / "secret.txt")
    (allowed / "linked").symlink_to(other)
    (allowed / "fine.txt").write_text("fine")
    files = Files([allowed])
    assert files.inside(place) is None
    assert files.inside("fine.txt") == allowed / "fine.txt"
    assert files.inside((allowed / "fine.txt").as_uri()) == allowed / "fine.txt"
    assert files.inside(str(allowed / ".." / "allowed" / "fine.txt")) == allowed / "fine.txt"


def test_a_report_cannot_name_any_file_as_its_video(
    browser: Any, site: Site, root: Path, tmp_path: Path
) -> None:
    secret = tmp_path / "secret.mp4"
    secret.write_bytes(b"\0\0\0\x18ftypmp42" + bytes(100))
    report = Report.model_validate_json((root / "report.json").read_bytes())
    assert report.media is not None
    report.id = hashlib.sha256(secret.read_bytes()).hexdigest()
    report.media.bytes = secret.stat().st_size
    for number, uri in enumerate(
        [str(secret), "/etc/passwd", "../secret.mp4", "http://169.254.169.254/latest/meta-data"]
    ):
        report.uri = uri
        (root / f"{number}.json").write_text(report.to_json(), "utf-8")
        wanted = Task(video=f"{number:064x}", policy="default", report=str(root / f"{number}.json"), uri=uri)
        site.database.put([wanted])
        client = browser("lead")
        assert client.get(f"/media/{wanted.id}").status_code == 404
        assert client.get(f"/items/{wanted.id}").status_code == 200


def test_video_bytes_come_by_range_and_only_as_they_were(browser: Any, task: Task, root: Path) -> None:
    client = browser("reviewer")
    whole = (root / "launch.mp4").read_bytes()
    part = client.get(f"/media/{task.id}", headers={"range": "bytes=100-199"})
    assert (part.status_code, part.content) == (206, whole[100:200])
    assert part.headers["content-type"] == "video/mp4"
    assert "sandbox" in part.headers["content-security-policy"]
    assert client.get(f"/media/{task.id}", headers={"range": f"bytes={len(whole)}-"}).status_code == 416
    (root / "launch.mp4").write_bytes(whole + b"changed")
    assert client.get(f"/media/{task.id}").status_code == 404
