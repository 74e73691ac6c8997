"""The page in headless Chromium: it works, asks the network for nothing, and runs nothing hostile."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from mmu.report.html import render_html
from mmu.report.pictures import Pictures
from mmu.report.schema import QualityPart

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
expect = sync_api.expect
expect.set_options(timeout=20_000)
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium found (apt-get install chromium)"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield browser
        browser.close()


class Page:
    """One open page with what it asked for and complained about."""

    def __init__(self, browser: Any, path: Path, *, width: int, dark: bool, locale: str) -> None:
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.context = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if dark else "light",
            locale=locale,
        )
        self.page = self.context.new_page()
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("console", lambda message: self.complaints.append(f"{message.type}: {message.text}"))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: self.complaints.append(f"dialog {dialog.message}"))
        self.page.goto(path.as_uri())
        self.page.wait_for_selector("main")
        self.own = path.as_uri()

    def check_quiet(self) -> None:
        """No console message, and nothing loaded but the page itself and its own bytes."""
        assert self.complaints == []
        outside = [url for url in self.requests if not url.startswith(("data:", "blob:")) and url != self.own]
        assert outside == []

    def overflow(self) -> int:
        return int(self.page.evaluate("document.documentElement.scrollWidth - innerWidth"))

    def time(self) -> float:
        return float(self.page.evaluate("document.querySelector('video, audio').currentTime"))


Open = Callable[..., Page]


@pytest.fixture
def show(browser: Any, tmp_path: Path) -> Iterator[Open]:
    pages: list[Page] = []

    def open_page(report: Any, *, width: int = 1280, dark: bool = False, locale: str = "zh-CN", pictures: Pictures | None = None, **more: Any) -> Page:  # fmt: skip
        path = tmp_path / f"page{len(pages)}.html"
        path.write_text(render_html(report, pictures=pictures or Pictures(), **more), "utf-8")
        pages.append(Page(browser, path, width=width, dark=dark, locale=locale))
        return pages[-1]

    yield open_page
    for page in pages:
        page.context.close()


def until(page: Any, condition: str, *, seconds: float = 20.0) -> None:
    """Wait for a condition of the page; polls from here, as the page's own policy forbids `eval`."""
    end = time.monotonic() + seconds
    while not page.evaluate(condition):
        assert time.monotonic() < end, f"never came true: {condition}"
        page.wait_for_timeout(20)


def wait_for_video(page: Any) -> None:
    until(page, "document.querySelector('video')?.readyState >= 2")


def test_evidence_seeks_the_video_and_draws_its_box(show: Open, sample: ModuleType, video: Path) -> None:
    shown = show(sample.rich_report(video), video=video)
    page = shown.page
    wait_for_video(page)
    assert page.evaluate("[document.querySelector('video').videoWidth, document.querySelector('video').duration > 23]") == [sample.WIDTH, True]  # fmt: skip
    page.click("#tag-coffee > summary")
    expect(page.locator("#tag-coffee .path")).to_have_count(5)
    chain = page.locator("#tag-coffee .path").nth(1)
    assert [step.split()[-1] for step in chain.locator(".step").all_inner_texts()][-1] == "咖啡"
    chain.click()
    until(page, "Math.abs(document.querySelector('video').currentTime - 12.2) < 0.1")
    box = page.locator(".overlay .chosen")
    assert box.get_attribute("data-box") == "250.0 90.0 430.0 360.0"
    place, stage = box.bounding_box(), page.locator(".stage").bounding_box()
    assert place["width"] / stage["width"] == pytest.approx(430 / 960, abs=0.01)
    assert (place["x"] - stage["x"]) / stage["width"] == pytest.approx(250 / 960, abs=0.01)
    # out of sight, the player comes along; out of the span, the box goes
    expect(page.locator("#player")).to_have_class(re.compile("floating"))
    assert page.locator("#tag-coffee .path.axis-user").is_disabled()
    page.evaluate("document.querySelector('video').currentTime = 1")
    until(page, "!document.querySelector('.overlay .chosen')")
    shown.check_quiet()


def test_face_box_moves_with_the_face(show: Open, sample: ModuleType, video: Path) -> None:
    shown = show(sample.rich_report(video), video=video)
    wait_for_video(shown.page)
    shown.page.click("#people .person")
    shown.page.wait_for_selector(".overlay .chosen")
    assert shown.time() == pytest.approx(2.0, abs=0.05)
    first = float(shown.page.locator(".overlay .chosen").get_attribute("data-box").split()[0])
    shown.page.evaluate("document.querySelector('video').currentTime = 4.25")
    until(
        shown.page,
        "Math.abs(parseFloat(document.querySelector('.overlay .chosen')?.dataset.box) - 273.5) < 1",
    )
    assert first == pytest.approx(sample.face_box(2.02)[0], abs=0.5)


def test_timeline_keys_and_transcript(show: Open, sample: ModuleType, video: Path) -> None:
    shown = show(sample.rich_report(video), video=video)
    page = shown.page
    wait_for_video(page)
    for lane in ("shots", "faces", "objects", "text", "speech", "sound", "music"):
        assert page.locator(f".lane-{lane} .block").count() > 0, lane
    expect(page.locator(".lane-shots .block")).to_have_count(4)
    page.locator(".lane-shots .block").nth(2).hover()
    expect(page.locator(".tip")).to_contain_text("镜头 3")
    place = page.locator(".lane-shots .track").bounding_box()
    page.mouse.click(place["x"] + place["width"] / 2 + 40, place["y"] + 10)
    until(page, "document.querySelector('video').currentTime > 12")
    before = shown.time()
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("ArrowRight")
    until(page, f"Math.abs(document.querySelector('video').currentTime - {before + 1}) < 0.1")
    page.keyboard.press("Shift+ArrowLeft")
    until(page, f"Math.abs(document.querySelector('video').currentTime - {before - 4}) < 0.1")
    page.locator("#transcript .said").nth(3).click()
    until(page, "document.querySelectorAll('#transcript .said')[3].classList.contains('on')")
    assert shown.time() == pytest.approx(12.5, abs=0.1)
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("Space")
    until(page, "document.querySelector('video').currentTime > 12.8")
    head = page.evaluate("parseFloat(document.querySelector('.head i').style.left)")
    assert head > 12.7 / 24 * 100
    page.keyboard.press("Space")
    until(page, "document.querySelector('video').paused")
    page.click("[aria-label='放大']")
    assert page.evaluate("document.querySelector('.inner').clientWidth / document.querySelector('.lanes').clientWidth") > 1.9  # fmt: skip
    shown.check_quiet()


def test_events_seek_and_both_sides_of_a_mismatch_are_shown(
    show: Open, sample: ModuleType, video: Path
) -> None:
    page = show(sample.rich_report(video), video=video)
    events = page.page.locator("#events .event")
    expect(events).to_have_count(2)
    events.nth(1).click()
    until(page.page, "document.querySelector('video').currentTime >= 18")
    mismatch = page.page.locator("#mismatch")
    assert mismatch.locator(".sides .token").all_inner_texts() == ["足球", "咖啡"]
    mismatch.locator("summary").nth(1).click()
    expect(mismatch.locator(".path").nth(1)).to_be_visible()
    page.check_quiet()


def test_language_switch_keeps_the_state(show: Open, sample: ModuleType) -> None:
    shown = show(sample.rich_report())
    page = shown.page
    page.click("#tag-coffee > summary")
    expect(page.locator("#timeline h2")).to_have_text("时间线")
    page.click("[data-language=en]")
    expect(page.locator("#timeline h2")).to_have_text("Timeline")
    expect(page.locator(".lede")).to_contain_text("A smiling astronaut")
    expect(page.locator("#tag-coffee .title b")).to_have_text("Coffee")
    assert page.locator("#tag-coffee").get_attribute("open") is not None
    assert page.evaluate("document.documentElement.lang") == "en"
    page.click("[data-language=zh]")
    expect(page.locator("#tag-coffee .title b")).to_have_text("咖啡")
    other = show(sample.rich_report(), language="en")
    expect(other.page.locator("#timeline h2")).to_have_text("Timeline")
    shown.check_quiet()


def test_the_browser_chooses_the_language_that_nobody_chose(show: Open, sample: ModuleType) -> None:
    for locale, language, lang, heading in (
        ("en-US", None, "en", "Timeline"),
        ("zh-TW", None, "zh-CN", "时间线"),
        ("fr-FR", None, "en", "Timeline"),
        ("en-US", "zh", "zh-CN", "时间线"),
    ):
        page = show(sample.rich_report(), locale=locale, language=language).page
        expect(page.locator("#timeline h2")).to_have_text(heading)
        expect(page.locator("html")).to_have_attribute("lang", lang)
        chosen = page.locator("[data-language][aria-pressed=true]")
        expect(chosen).to_have_attribute("data-language", lang[:2])


def test_bars_stay_beside_long_labels_on_a_telephone(show: Open, sample: ModuleType) -> None:
    report = sample.rich_report()
    label = {"zh": "语音听感", "en": "speech as listeners would rate it"}
    report.quality.parts.append(
        QualityPart.model_validate({"name": "speech_mos", "score": 7, "label": label})
    )
    shown = show(report, width=390, language="en")
    expect(shown.page.locator("#quality")).to_contain_text("speech as listeners")
    widths = shown.page.locator(".parts .meter").evaluate_all("(all) => all.map((one) => one.offsetWidth)")
    assert len(widths) > len(report.quality.parts)
    assert min(widths) >= 60
    assert shown.overflow() <= 0
    expect(shown.page.locator("#processing")).to_contain_text("Work of all stages")


def test_what_stages_and_the_decoder_had_to_tell_stands_in_their_table(
    show: Open, sample: ModuleType
) -> None:
    report = sample.rich_report()
    report.media.notes = ["decoded on the CPU, as cuda:0 cannot be used: no <b>NVIDIA</b> driver"]
    report.stages[2].notes = ["out of memory at a batch of 16, went on with 8", "a second note"]
    shown = show(report, language="zh", width=1280)
    table = shown.page.locator("#processing table.stages")
    expect(table.locator("tr.note")).to_have_count(3)
    expect(table.locator("tbody tr").nth(0)).to_have_text("解码")
    expect(table.locator("tbody tr").nth(1)).to_have_text("说明 " + report.media.notes[0])
    row = table.locator("tbody tr").filter(has_text="画面标签").first
    expect(row.locator("xpath=following-sibling::tr[1]")).to_have_text("说明 " + report.stages[2].notes[0])
    shown.page.locator("[data-language=en]").click()
    expect(table.locator("tr.note").first).to_contain_text("Note decoded on the CPU")
    shown.page.get_by_text("What made which signals").click()
    made = shown.page.locator("#processing details[open] dl")
    expect(made.locator("dt").filter(has_text="image.object")).to_be_visible()
    expect(made).to_contain_text(
        next(one["source"] for one in report.signals if one["kind"] == "image.object")
    )
    assert shown.overflow() <= 0
    shown.check_quiet()


def test_works_without_a_video(show: Open, sample: ModuleType) -> None:
    shown = show(sample.rich_report())
    shown.page.click("#tag-cat > summary")
    shown.page.locator("#tag-cat .path").first.click()
    expect(shown.page.locator(".controls .now")).to_contain_text("0:18")
    expect(shown.page.locator(".overlay .chosen")).to_have_count(1)
    shown.check_quiet()


def test_large_video_is_played_from_beside_the_page(
    show: Open, sample: ModuleType, video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mmu.report.playback.EMBED_BYTES", 1000)
    shown = show(sample.rich_report(video), video=video, base=tmp_path)
    wait_for_video(shown.page)
    assert shown.complaints == []


def test_damaged_video_falls_back_to_the_poster(show: Open, sample: ModuleType, tmp_path: Path) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"\0\0\0\x18ftypmp42" + bytes(500))
    shown = show(sample.rich_report(), video=broken)
    shown.page.wait_for_selector(".stage .nothing")
    expect(shown.page.locator("video")).to_have_count(0)
    shown.page.click("#tag-cat > summary")
    shown.page.locator("#tag-cat .path").first.click()
    expect(shown.page.locator(".overlay .chosen")).to_have_count(1)


def test_sound_only_and_still_picture(show: Open, sample: ModuleType, tmp_path: Path) -> None:
    shown = show(sample.sound_report(), video=sample.write_sound(tmp_path / "a.wav"))
    until(shown.page, "document.querySelector('audio')?.readyState >= 1")
    shown.page.click("#transcript .said")
    until(shown.page, "Math.abs(document.querySelector('audio').currentTime - 0.5) < 0.1")
    shown.check_quiet()
    still = show(sample.still_report(), video=sample.write_picture(tmp_path / "c.png"))
    assert still.page.evaluate("document.querySelector('img.picture').naturalWidth") == 600
    still.page.click("#tag-cup > summary")
    still.page.click("#tag-cup .path")
    expect(still.page.locator(".overlay .chosen")).to_have_count(1)
    still.check_quiet()


def test_explicit_picture_is_covered_until_asked_for(show: Open, sample: ModuleType, tmp_path: Path) -> None:
    page = show(sample.still_report(explicit=True), video=sample.write_picture(tmp_path / "c.png")).page
    blur = "getComputedStyle(document.querySelector('img.picture')).filter"
    assert "blur" in page.evaluate(blur)
    page.click(".cover button")
    until(page, f"{blur} === 'none'")
    page.click("text=重新遮挡")
    until(page, f"{blur}.includes('blur')")


def test_explicit_span_of_a_video_is_covered(show: Open, sample: ModuleType, video: Path) -> None:
    report = sample.rich_report(video)
    report.signals.append({"id": "image.explicit:0", "kind": "image.explicit", "value": "explicit", "score": 0.9, "span": [12, 18], "source": "s"})  # fmt: skip
    page = show(
        report, video=video, pictures=Pictures(b"\xff\xd8", [(1.0, b"\xff\xd8"), (14.0, b"\xff\xd8")])
    ).page
    wait_for_video(page)
    covered = "document.querySelector('.stage').classList.contains('covered')"
    assert not page.evaluate(covered)
    assert page.locator("video").get_attribute("poster") is None
    assert [*page.evaluate("[...document.querySelectorAll('.strip img')].map((e) => e.classList.contains('covered'))")] == [False, True]  # fmt: skip
    page.evaluate("document.querySelector('video').currentTime = 13")
    until(page, covered)
    # a poster may be from any time of the video, so it is covered as a whole
    report.media.video.codec = "hevc"
    page = show(report, video=video, pictures=Pictures(b"\xff\xd8")).page
    assert page.evaluate(covered)


@pytest.mark.parametrize("name", ["failed", "empty", "partial", "long", "hostile", "rich"])
def test_every_report_fits_and_stays_quiet(show: Open, sample: ModuleType, name: str) -> None:
    report = getattr(sample, f"{name}_report")()
    shown = show(report, dark=name == "rich")
    for tag in shown.page.locator(".tag > summary").all()[:3]:
        tag.click()
    for width in (1280, 768, 390):
        shown.page.set_viewport_size({"width": width, "height": 844})
        assert shown.overflow() <= 0, f"{width} px wide"
    for error in report.errors:
        assert error.message.replace("\u2028", " ")[:20] in shown.page.locator(".problems").inner_text()
    shown.check_quiet()


def test_hostile_strings_are_inert(show: Open, sample: ModuleType) -> None:
    shown = show(sample.hostile_report())
    page = shown.page
    for tag in page.locator(".tag > summary").all():
        tag.click()
    for path in page.locator(".tag .path:not([disabled])").all()[:6]:
        path.click()
    page.click("[data-language=en]")
    assert page.evaluate("window.pwned") is None
    assert page.evaluate("document.querySelectorAll('#app script, #app iframe, #app img, #app a[href^=java]').length") == 0  # fmt: skip
    assert sample.HOSTILE[:40] in page.locator("h1").inner_text().replace("\n", "")
    # the policy stops what the escaping would let through
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"window.pwned=9\">')")
    page.wait_for_timeout(100)
    assert page.evaluate("window.pwned") is None


def test_structure_is_accessible(show: Open, sample: ModuleType) -> None:
    page = show(sample.rich_report()).page
    assert page.locator("main").count() == page.locator("h1").count() == 1
    nameless = page.evaluate(
        "[...document.querySelectorAll('button, a')].filter((e) => !e.textContent.trim() && !e.getAttribute('aria-label')).length"
    )
    assert nameless == 0
    assert page.evaluate("[...document.querySelectorAll('[id]')].length === new Set([...document.querySelectorAll('[id]')].map((e) => e.id)).size")  # fmt: skip


def test_names_voices_and_the_longer_caption_are_shown_in_both_languages(
    show: Open, sample: ModuleType
) -> None:
    shown = show(sample.rich_report(), width=390)
    page = shown.page
    assert "巴黎" in page.inner_text("#entities")
    assert "王小明" in page.inner_text("#speakers")
    page.click(".longer > summary")
    page.wait_for_selector(".longer .titles li >> text=宇航员与猫")
    page.click("[data-language=en]")
    page.wait_for_selector("#entities button >> text=Paris")
    page.wait_for_selector("#speakers >> text=seen as Person 1")
    page.wait_for_selector(".longer >> text=The video is about coffee.")
    page.click("#entities button >> text=Paris")
    until(page, "document.querySelector('#transcript').textContent.includes('Voice 2')")
    assert shown.overflow() <= 0
    shown.check_quiet()
