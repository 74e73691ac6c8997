"""A reviewer's day in headless Chromium, on the real server."""

from __future__ import annotations

import re
import shutil
import threading
import time
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from mmu.moderation.queue import Task
from mmu.review.app import Site

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
expect = sync_api.expect
expect.set_options(timeout=20_000)
uvicorn = pytest.importorskip("uvicorn", reason="the web extra is not installed")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium found (apt-get install chromium)"),
]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        found = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield found
        found.close()


@pytest.fixture
def base(app: Any) -> Iterator[str]:
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


class Visit:
    """One browser window with what it complained about."""

    def __init__(self, chromium: Any, base: str, name: str, **more: Any) -> None:
        self.context = chromium.new_context(viewport={"width": 1280, "height": 900}, locale="en-GB", **more)
        self.page = self.context.new_page()
        self.base = base
        self.complaints: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.goto(f"{base}/login")
        self.page.fill("[name=name]", name)
        self.page.fill("[name=password]", "a long enough password")
        self.page.keyboard.press("Enter")
        self.page.wait_for_url(f"{base}/")

    def quiet(self) -> None:
        """Nothing was refused by the content security policy, no script failed."""
        assert [text for text in self.complaints if "[DOM]" not in text] == []


@pytest.fixture
def visit(chromium: Any, base: str) -> Iterator[Any]:
    visits: list[Visit] = []

    def make(name: str, **more: Any) -> Visit:
        visits.append(Visit(chromium, base, name, **more))
        return visits[-1]

    yield make
    for found in visits:
        found.context.close()


def until(page: Any, condition: str) -> None:
    end = time.monotonic() + 10
    while not page.evaluate(condition):
        assert time.monotonic() < end, f"never came true: {condition}"
        page.wait_for_timeout(20)


def test_a_day_by_keyboard(visit: Any, site: Site, task: Task) -> None:
    other = Task(
        video="f" * 64, policy="default", title="second in the queue", priority=0.5, rules=["words.abuse"]
    )
    site.database.put([other])
    seen = visit("reviewer")
    page = seen.page
    expect(page.locator("tr[data-row]")).to_have_count(2)
    page.keyboard.press("j")
    until(page, "document.activeElement.closest('tr')?.classList.contains('on')")
    page.keyboard.press("n")
    page.wait_for_url(f"**/items/{task.id}")
    until(page, "document.querySelector('video')?.readyState >= 1")
    # hits are on the timeline; a key goes to the evidence and marks it
    expect(page.locator(".lane-hits .block")).to_have_count(2)
    page.keyboard.press("1")
    until(page, "Math.abs(document.querySelector('video').currentTime - 12.4) < 0.1")
    expect(page.locator(".overlay .chosen")).to_have_count(1)
    page.keyboard.press("x")
    expect(page.locator('[name="rule:words.private_deals"][value=wrong]')).to_be_checked()
    page.keyboard.press("m")
    expect(page.locator("[name=note]")).to_be_focused()
    page.keyboard.type("b: no keys while writing")
    page.keyboard.press("Escape")
    page.locator("details.tags summary").click()
    page.locator("details.tags .marks label").first.click()
    page.fill("[name=missing]", "rocket")
    page.keyboard.press("Escape")
    page.keyboard.press("p")
    page.wait_for_url(f"**/items/{other.id}")
    expect(page.locator(".flash")).to_contain_text("Decided: Pass")
    held = site.desk.find(task.id)
    assert held is not None
    assert (held.state, held.verdict, held.reviewer) == ("done", "pass", "reviewer")
    # undo brings the task back; this time it is blocked
    page.keyboard.press("u")
    page.wait_for_url(f"**/items/{task.id}")
    page.keyboard.press("b")
    page.wait_for_url(f"**/items/{other.id}")
    page.keyboard.press("e")
    page.wait_for_url(seen.base + "/")
    page.keyboard.press("?")
    expect(page.locator("dialog[open]")).to_have_count(1)
    rows = site.database.db.execute("SELECT kind, subject, verdict, note FROM verdict ORDER BY id").fetchall()
    assert ("rule", "words.private_deals", "wrong", "") in rows
    assert any(kind == "tag" and verdict == "missing" for kind, _, verdict, _ in rows)
    assert rows[0][3] == "b: no keys while writing"
    assert [row[0] for row in rows if row[0] in ("decision", "undo", "escalation")] == ["decision", "undo", "decision", "escalation"]  # fmt: skip
    seen.quiet()


def test_sensitive_frames_are_covered_until_asked_for(visit: Any, site: Site, task: Task) -> None:
    page = visit("reviewer").page
    page.keyboard.press("n")
    page.wait_for_url("**/items/*")
    until(page, "document.querySelector('video')?.readyState >= 1")
    covered = "document.querySelector('.stage').classList.contains('covered')"
    assert not page.evaluate(covered)
    page.keyboard.press("2")
    until(page, "Math.abs(document.querySelector('video').currentTime - 6) < 0.1")
    until(page, covered)
    page.click(".cover button")
    until(page, f"!{covered}")


def test_two_reviewers_never_hold_the_same_task(visit: Any, task: Task) -> None:
    first, second = visit("reviewer").page, visit("other").page
    first.keyboard.press("n")
    first.wait_for_url("**/items/*")
    second.goto(first.url)
    expect(second.locator(".judge")).to_contain_text("reviewer is reviewing it")
    expect(second.locator("[name=decision]")).to_have_count(0)
    expect(second.locator("button:has-text('Take it')")).to_have_count(0)


def test_pages_fit_are_accessible_and_speak_both_languages(
    visit: Any, site: Site, task: Task, sample: ModuleType
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed").Axe()
    seen = visit("admin", bypass_csp=True)
    page = seen.page
    page.keyboard.press("n")
    page.wait_for_url("**/items/*")
    item = page.url
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for path in (item, seen.base, f"{seen.base}/dashboard", f"{seen.base}/audit", f"{seen.base}/users", f"{seen.base}/account"):  # fmt: skip
            page.goto(path)
            page.wait_for_load_state("networkidle")
            found = [(v["id"], v["nodes"][0]["html"][:160]) for v in axe.run(page).response["violations"]]
            assert found == [], path
            for width in (1280, 390):
                page.set_viewport_size({"width": width, "height": 844})
                assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, (
                    f"{path} {width}"
                )
            page.set_viewport_size({"width": 1280, "height": 900})
    page.click("button:has-text('中文')")
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    expect(page).to_have_title(re.compile("我的账号"))
    expect(page.locator("nav a").first).to_have_text("队列")
