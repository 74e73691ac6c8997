"""One task: its page, and what reviewers do with it."""

from __future__ import annotations

import re
import time
from typing import Any

from starlette.responses import PlainTextResponse, Response

import kg
from mmu.errors import ConfigError
from mmu.report.html import json_block, page_strings
from mmu.report.schema import Report
from mmu.report.view import page_data
from mmu.review.desk import Item, NotHeldError, lanes_of
from mmu.review.pages import to_next
from mmu.review.verdicts import Decision, Opinion
from mmu.review.web import Call, Refused
from mmu.review.wording import categories

_DECISIONS: dict[str, Decision] = {"pass": "pass", "block": "block", "escalate": "escalate"}
_MISSING = re.compile(r"[,，、;；\n]")
#: tags that are offered for checking
TAGS = 12


def show(call: Call) -> Response:
    """The page of a task: player, evidence, and the decision when it is the user's."""
    item = _find(call)
    report = call.site.files.report(item.task.report)
    media = call.site.files.media(report)
    held = item.state == "leased" and item.worker == call.user.name and (item.until or 0) >= time.time()
    # a second opinion is given without the first
    blind = item.task.lane == "second" and item.state != "done" and not call.user.may("lead")
    history = [] if blind else _history(call, item)
    return call.page(
        "item.html",
        item=item,
        report=report,
        rules=_rules(report),
        tags=report.tags[:TAGS] if report else [],
        held=held,
        may_claim=item.state == "waiting"
        and item.task.lane in lanes_of(call.user)
        and call.user.name not in item.task.excluded,
        blind=blind,
        history=history,
        categories=categories(call.language),
        blocks=_blocks(call, item, report, media) if report else None,
        has_media=media is not None,
        now=time.time(),
    )


def claim(call: Call) -> Response:
    """Take a task."""
    call.site.desk.claim(call.user, call.path("id"))
    return call.go(f"/items/{_find(call).task.id}")


def decide(call: Call) -> Response:
    """Decide, and on to the next."""
    task, form = call.path("id"), call.form
    decision = _DECISIONS.get(form.get("decision", ""))
    if decision is None:
        raise Refused(400, "bad_request")
    item = _find(call)
    report = call.site.files.report(item.task.report)
    known = {name for name, _ in categories("en")}
    opinion = Opinion(
        decision,
        category=form.get("category", "") if form.get("category", "") in known else item.task.category,
        note=form.get("note", "").strip()[:4000],
        rules=_marks(form, "rule:", {rule for rule, _ in _rules(report)}),
        tags=_marks(form, "tag:", {tag.id for tag in report.tags} if report else set()),
        missing=_missing_tags(call, form.get("missing", "")),
        seconds=_seconds(form.get("shown", "")),
    )
    batch = call.site.desk.decide(
        call.user, task, form.get("token", ""), opinion, second="second" in form, address=call.address
    )
    return to_next(call, f"decided:{decision}", batch)


def release(call: Call) -> Response:
    """Give a task back."""
    call.site.desk.release(call.user, call.path("id"), call.form.get("token", ""), address=call.address)
    return call.go("/", "released")


def extend(call: Call) -> Response:
    """Hold a task for longer; asked by the page while it is open."""
    until = call.site.desk.extend(call.user, call.path("id"), call.form.get("token", ""))
    return PlainTextResponse(str(int(until)), headers={"Cache-Control": "no-store"})


def revive(call: Call) -> Response:
    """Queue a dead task again."""
    if not call.site.desk.revive(call.user, call.path("id"), address=call.address):
        raise NotHeldError("lost")
    return call.go("/?state=dead", "revived")


def undo(call: Call) -> Response:
    """Take a decision back."""
    task = call.site.desk.undo(call.user, call.path("batch"), address=call.address)
    return call.go(f"/items/{task}", "undone")


def _find(call: Call) -> Item:
    item = call.site.desk.find(call.path("id"))
    if item is None:
        raise Refused(404, "not_found")
    return item


def _history(call: Call, item: Item) -> list[tuple[Any, ...]]:
    """Decisions on this video under this policy, those that were taken back included."""
    database = call.site.database
    with database.errors():
        return database.db.execute(
            "SELECT v.time, v.reviewer, v.lane, v.decision, v.category, v.note, v.batch, "
            "EXISTS (SELECT 1 FROM verdict u WHERE u.batch = v.batch AND u.kind = 'undo') FROM verdict v "
            "WHERE v.video = ? AND v.policy = ? AND v.decision != '' ORDER BY v.id",
            (item.task.video, item.task.policy),
        ).fetchall()


def _rules(report: Report | None) -> list[tuple[str, list[tuple[int, Any]]]]:
    """The rules that hit, each with its hits and their places in the report's list."""
    found: dict[str, list[tuple[int, Any]]] = {}
    for number, hit in enumerate(report.moderation.hits if report and report.moderation else []):
        found.setdefault(hit.rule, []).append((number, hit))
    return list(found.items())


def _blocks(call: Call, item: Item, report: Report, media: Any) -> dict[str, str]:
    """The data blocks that the report's own scripts draw from, with the hits as a lane of their own."""
    data = page_data(report) | {"first_language": call.language}
    hits = report.moderation.hits if report.moderation else []
    rows: dict[str, list[dict[str, Any]]] = {}
    for hit in hits:
        if hit.span is not None:
            block = {
                "start": hit.span[0],
                "end": hit.span[1],
                "label": hit.text or "",
                "score": hit.score,
                "signal": hit.signal,
                "box": hit.box,
                "boxes": [],
                "source": hit.rule,
            }
            rows.setdefault(hit.category, []).append(block)
    if rows:
        names = {hit.category: hit.name.model_dump() for hit in hits}
        lane = {
            "id": "hits",
            "axis": "hit",
            "rows": [{"name": names[k], "blocks": blocks} for k, blocks in rows.items()],
        }
        data["lanes"].insert(0, lane)
    strings = page_strings()
    strings["lane"]["hits"] = ["命中", "Hits"]
    player: dict[str, Any] = {
        "kind": "none",
        "mime": "",
        "url": None,
        "poster": None,
        "strip": [],
        "faces": {},
    }
    if media is not None:
        player |= {"kind": media.kind, "mime": media.mime, "url": f"/media/{item.task.id}"}
    return {"strings": json_block(strings), "report": json_block(data), "player": json_block(player)}


def _marks(form: dict[str, str], prefix: str, known: set[str]) -> dict[str, bool]:
    """What was marked right or wrong, of what the report has."""
    return {
        name.removeprefix(prefix): value == "right"
        for name, value in form.items()
        if name.startswith(prefix) and value in ("right", "wrong") and name.removeprefix(prefix) in known
    }


def _missing_tags(call: Call, text: str) -> tuple[str, ...]:
    """Concepts by their ids or names."""
    graph = kg.load()
    found = []
    for part in filter(None, (piece.strip() for piece in _MISSING.split(text[:1000]))):
        if part in graph.concepts:
            found.append(part)
            continue
        whole = [m for m in graph.link(part) if m.end - m.start >= len(part)]
        if not whole:
            raise ConfigError(call.say("unknown_tag", v=part))
        found.append(whole[0].concept)
    return tuple(dict.fromkeys(found))


def _seconds(shown: str) -> float | None:
    """Seconds since the page was shown; None when that is no sensible time."""
    try:
        took = time.time() - float(shown)
    except ValueError:
        return None
    return took if 0 <= took < 4 * 3600 else None
