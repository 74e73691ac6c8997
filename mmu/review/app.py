"""The application: its parts, its routes and its static files."""

from __future__ import annotations

import hashlib
import secrets
import threading
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

import jinja2
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

import kg
from mmu.moderation.queue import QueueOptions
from mmu.report.html import page_script, page_style
from mmu.review import admin, items, media, pages, wording
from mmu.review.accounts import Accounts
from mmu.review.desk import Desk
from mmu.review.files import Files
from mmu.review.limits import Buckets
from mmu.review.listing import Counts
from mmu.review.tables import Database
from mmu.review.web import Call, Rule, endpoint

_STYLES = ("review.css", "review-item.css", "review-board.css")
_SCRIPTS = ("keys.js",)
#: one network address may try to log in so often: 10 at once, then one every 20 s
LOGIN_RATE, LOGIN_BURST = 1 / 20, 10


class Site:
    """Everything that handlers share.

    Args:
        database: the queue with accounts and verdicts.
        roots: folders that reports and videos may be read from.
        second: share of the decisions that get a second opinion.
        https: whether browsers reach it by https: cookies are then sent no other way.
    """

    def __init__(
        self, database: Database, roots: Sequence[Path], *, second: float = 0.0, https: bool = False
    ) -> None:
        self.database = database
        self.accounts = Accounts(database)
        self.desk = Desk(database, second=second)
        self.files = Files(roots)
        self.counts = Counts(database)
        self.https = https
        self.cookie = "__Host-mmu" if https else "mmu_session"
        self.limit = Buckets(20.0, 120)
        self.media_limit = Buckets(50.0, 300)
        self.logins = Buckets(LOGIN_RATE, LOGIN_BURST)
        self.board = pages.Board(database)
        self.static = _static()
        self.templates = jinja2.Environment(
            loader=jinja2.PackageLoader("mmu.review", "templates"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self.templates.globals.update(
            category=wording.category, ago=wording.ago, stamp=wording.stamp, static=self._link
        )

    def _link(self, name: str) -> str:
        """The address of a static file; its content is in it, so that browsers may keep it for ever."""
        return f"/static/{hashlib.sha256(self.static[name][0]).hexdigest()[:12]}/{name}"


def rules() -> list[Rule]:
    """All routes, and the permission that each needs."""
    return [
        Rule("GET", "/healthz", _health, None),
        Rule("GET", "/static/{version}/{name}", _file, None),
        Rule("GET", "/login", admin.login_page, None),
        Rule("POST", "/login", admin.login, None),
        Rule("POST", "/logout", admin.logout, "read"),
        Rule("GET", "/", pages.queue, "read"),
        Rule("POST", "/next", pages.go_next, "decide"),
        Rule("GET", "/items/{id}", items.show, "read"),
        Rule("POST", "/items/{id}/claim", items.claim, "decide"),
        Rule("POST", "/items/{id}/decide", items.decide, "decide"),
        Rule("POST", "/items/{id}/release", items.release, "decide"),
        Rule("POST", "/items/{id}/extend", items.extend, "decide"),
        Rule("POST", "/items/{id}/revive", items.revive, "lead"),
        Rule("POST", "/undo/{batch}", items.undo, "decide"),
        Rule("GET", "/media/{id}", media.serve, "read"),
        Rule("GET", "/dashboard", pages.dashboard_page, "read"),
        Rule("GET", "/audit", admin.audit, "audit"),
        Rule("GET", "/verdicts.jsonl", admin.verdicts, "audit"),
        Rule("GET", "/users", admin.users, "users"),
        Rule("POST", "/users", admin.add_user, "users"),
        Rule("POST", "/users/{name}", admin.change_user, "users"),
        Rule("GET", "/account", admin.account, "read"),
        Rule("POST", "/account/password", admin.change_password, "read"),
        Rule("POST", "/account/language", admin.change_language, "read"),
    ]


def build_app(
    path: Path,
    roots: Sequence[Path],
    *,
    second: float = 0.0,
    https: bool = False,
    options: QueueOptions | None = None,
) -> Starlette:
    """The ASGI application; its `state.site` holds the parts.

    Raises:
        StoreError: the database cannot be opened.
        ConfigError: a root is not a folder.
    """
    site = Site(Database(path, options), roots, second=second, https=https)
    missing = endpoint(site, Rule("GET", "/", _missing, "read"))
    routes = [Route(rule.path, endpoint(site, rule), methods=[rule.method]) for rule in rules()]
    app = Starlette(routes=[*routes, Route("/{path:path}", missing, methods=["GET"])])
    app.state.site = site
    # the first reviewer must not wait for the graph
    threading.Thread(target=kg.load, daemon=True).start()
    return app


def _static() -> dict[str, tuple[bytes, str]]:
    folder = resources.files("mmu.review") / "static"
    style = page_style() + "\n".join((folder / name).read_text("utf-8") for name in _STYLES)
    item = page_script((folder / "item.js").read_text("utf-8"))
    keys = "\n".join((folder / name).read_text("utf-8") for name in _SCRIPTS)
    return {
        "review.css": (style.encode(), "text/css; charset=utf-8"),
        "item.js": (item.encode(), "text/javascript; charset=utf-8"),
        "keys.js": (keys.encode(), "text/javascript; charset=utf-8"),
        "icon.svg": ((folder / "icon.svg").read_bytes(), "image/svg+xml"),
    }


def _file(call: Call) -> Response:
    found = call.site.static.get(call.path("name"))
    if found is None:
        return PlainTextResponse("not found", 404)
    return Response(
        found[0], media_type=found[1], headers={"Cache-Control": "public, max-age=31536000, immutable"}
    )


def _health(call: Call) -> Response:
    with call.site.database.errors():
        call.site.database.db.execute("SELECT 1").fetchone()
    return PlainTextResponse("ok", headers={"Cache-Control": "no-store"})


def _missing(call: Call) -> Response:
    return call.page("message.html", 404, title=call.say("not_found"), detail="")


def new_csrf() -> str:
    """A token for the form of somebody who is not logged in."""
    return secrets.token_urlsafe(24)
