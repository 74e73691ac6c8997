"""One self-contained page for a report: no network, nothing run but its own script.

Titles, on-screen text, speech and file names are hostile input. They reach the
page as JSON in a data block whose `<`, `>` and `&` are escaped, the script
writes them with `textContent` only, and a content security policy lets nothing
run but the page's own script and style (by hash).
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
from importlib import resources
from pathlib import Path
from string import Template
from typing import Any, Literal

from mmu.errors import ConfigError, MediaError
from mmu.report.pictures import Pictures, take_pictures
from mmu.report.playback import Playback, plan_playback
from mmu.report.schema import Report
from mmu.report.view import page_data

Language = Literal["zh", "en"]
LANGUAGES = ("zh", "en")

_STYLES = ("style.css", "style-timeline.css", "style-findings.css")
#: order matters: later scripts use the names of earlier ones
_SCRIPTS = (
    "base.js",
    "player.js",
    "timeline.js",
    "evidence.js",
    "sections.js",
    "named.js",
    "media.js",
    "story.js",
)


def render_html(
    report: Report,
    *,
    video: Path | None = None,
    language: Language | None = None,
    base: Path | None = None,
    pictures: Pictures | None = None,
) -> str:
    """The report as one HTML page, both languages in it.

    Args:
        report: what to show; any outcome.
        video: the local file; embedded up to 25 MB, referenced when larger, and shown as a
            poster when browsers do not play its format.
        language: the language shown first; None: Chinese where the browser is set to it, else English.
        base: folder the page will lie in, for a relative reference to a large file.
        pictures: poster, film strip and faces; taken from `video` when not given.

    Raises:
        ConfigError: an unknown language.
        MediaError: `video` cannot be read.
    """
    if language is not None and language not in LANGUAGES:
        raise ConfigError(f"unknown language {language!r}; known: {', '.join(LANGUAGES)}")
    playback = plan_playback(report.media, video, base=base)
    if pictures is None:
        pictures = _pictures(report, video)
    style = page_style()
    script = page_script(_template("app.js"))
    title = report.title or Path(report.uri).name or "MMU"
    return Template(_template("page.html")).substitute(
        lang="en" if language == "en" else "zh-CN",
        csp=html.escape(_policy(style, script, playback), quote=True),
        title=html.escape(title),
        caption=html.escape(_sentence(report, language)),
        style=style,
        script=script,
        strings=json_block(page_strings()),
        report=json_block(page_data(report) | {"first_language": language}),
        player=json_block(_player(playback, pictures)),
        payload=base64.b64encode(playback.payload).decode("ascii") if playback.payload else "",
    )


def _sentence(report: Report, language: Language | None) -> str:
    """The caption for readers without JavaScript: in one language, or in both."""
    if report.caption is None:
        return ""
    text = report.caption.text
    return {"zh": text.zh, "en": text.en}.get(language or "", f"{text.zh} {text.en}")


def page_style() -> str:
    """The style sheet of the page, for pages that show parts of it."""
    return "\n".join(_template(name) for name in _STYLES)


def page_script(last: str) -> str:
    """The page's parts and, in the same scope, the script that puts them into a document."""
    return '"use strict";\n(() => {\n' + "\n".join([*map(_template, _SCRIPTS), last]) + "\n})();\n"


def page_strings() -> dict[str, Any]:
    """The texts that the parts need in their `strings` block: group -> key -> [Chinese, English]."""
    strings: dict[str, Any] = json.loads(_template("strings.json"))
    return strings


def json_block(data: Any) -> str:
    """JSON that is safe inside a `<script type="application/json">` element."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for char in "<>&\u2028\u2029":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text


def _template(name: str) -> str:
    return (resources.files("mmu.report") / "templates" / name).read_text("utf-8")


def _policy(style: str, script: str, playback: Playback) -> str:
    """The strictest policy that still plays the media."""

    def hashed(text: str) -> str:
        return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

    beside = " 'self' file:" if playback.url else ""
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {hashed(script)}",
            f"style-src {hashed(style)}",
            f"img-src data: blob:{beside}",
            f"media-src data: blob:{beside}",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def _player(playback: Playback, pictures: Pictures) -> dict[str, Any]:
    def data_uri(jpeg: bytes) -> str:
        return "data:image/jpeg;base64," + base64.b64encode(jpeg).decode("ascii")

    return {
        "kind": playback.kind,
        "mime": playback.mime,
        "url": playback.url,
        "poster": data_uri(pictures.poster) if pictures.poster else None,
        "strip": [[time, data_uri(jpeg)] for time, jpeg in pictures.strip],
        "faces": {person: data_uri(jpeg) for person, jpeg in pictures.faces.items()},
    }


def _pictures(report: Report, video: Path | None) -> Pictures:
    """Pictures of a video; a file that cannot be decoded has none, which the report already says."""
    if video is None or report.media is None or report.media.video is None:
        return Pictures()
    from mmu.media import open_clip

    try:
        with open_clip(video, audio_rates=frozenset()) as clip:
            return take_pictures(clip, report)
    except MediaError:
        return Pictures()
