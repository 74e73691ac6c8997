"""From a request to a page: who asks, whether they may, and what every answer carries.

Every route names the permission that it needs (None: public), and this is the only place that
calls a handler. A change needs a session, its CSRF token and our own origin.
"""

from __future__ import annotations

import hmac
import logging
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from mmu.errors import ConfigError, StoreError
from mmu.review.accounts import LANGUAGES, Permission, Session
from mmu.review.desk import NotHeldError
from mmu.review.wording import Say, preferred, speak

if TYPE_CHECKING:
    from mmu.review.app import Site

_LOG = logging.getLogger(__name__)
#: bytes of a form
MAX_FORM = 64 * 1024
MAX_FIELDS = 400
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "media-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
FLASH = "mmu_flash"


class Refused(Exception):  # noqa: N818 - an answer, not a fault
    """An answer other than the page: a status and the key of its text."""

    def __init__(self, status: int, key: str, **headers: str) -> None:
        super().__init__(key)
        self.status, self.key, self.headers = status, key, headers


@dataclass
class Call:
    """One request, as a handler sees it."""

    site: Site
    request: Request
    session: Session | None
    form: dict[str, str] = field(default_factory=dict)

    @property
    def user(self) -> Any:
        assert self.session is not None
        return self.session.user

    @property
    def language(self) -> str:
        if self.session:
            chosen = self.session.user.language
        else:
            chosen = self.form.get("language") or self.request.query_params.get("language", "")
        if chosen in LANGUAGES:
            return chosen
        return preferred(self.request.headers.get("accept-language", ""))

    @property
    def say(self) -> Say:
        return speak(self.language)

    @property
    def address(self) -> str:
        return self.request.client.host if self.request.client else ""

    @property
    def query(self) -> Mapping[str, str]:
        return self.request.query_params

    def path(self, name: str) -> str:
        """A part of the path."""
        return str(self.request.path_params[name])

    def page(self, template: str, status: int = 200, **values: Any) -> Response:
        """A page from a template."""
        html = self.site.templates.get_template(template).render(
            call=self, say=self.say, lang=self.language, session=self.session, flash=self._flash(), **values
        )
        response = Response(html, status, media_type="text/html", headers={"Cache-Control": "no-store"})
        if FLASH in self.request.cookies:
            response.delete_cookie(FLASH)
        return response

    def go(self, path: str, flash: str = "", undo: str = "") -> Response:
        """On to another page of ours, with a message there."""
        response = RedirectResponse(path, 303)
        if flash:
            text = quote(f"{flash}~{undo}")
            response.set_cookie(
                FLASH, text, max_age=60, httponly=True, samesite="strict", secure=self.site.https
            )
        return response

    def _flash(self) -> tuple[str, str]:
        """(key or key:value of a text, verdict that may be undone) from the page before."""
        from urllib.parse import unquote

        text, _, undo = unquote(self.request.cookies.get(FLASH, ""))[:200].partition("~")
        key, _, value = text.partition(":")
        if (
            key
            not in {"decided", "undone", "released", "revived", "saved", "nothing_waits", "changed_password"}
            | ERRORS
        ):
            return "", ""
        value = self.say(value) if value in ("pass", "block", "escalate") else ""
        return self.say(key, v=value), undo if undo.isalnum() else ""


ERRORS = {"lost", "taken", "not_yours", "too_old", "followed"}
Handler = Callable[[Call], Response]


@dataclass(frozen=True, slots=True)
class Rule:
    """One route: what it answers, and the permission it needs (None: everybody)."""

    method: str
    path: str
    handler: Handler
    permission: Permission | None


def endpoint(site: Site, rule: Rule) -> Callable[[Request], Any]:
    """The ASGI endpoint of a rule."""

    async def answer(request: Request) -> Response:
        call = Call(site, request, None)
        try:
            try:
                call.session = await run_in_threadpool(_session, site, request)
                _slow_down(call, rule)
                if rule.permission is not None:
                    _admit(call, rule.permission)
                if rule.method == "POST":
                    call.form = await _form(request)
                    _same_site(call, rule)
                response = await run_in_threadpool(rule.handler, call)
            except Refused as refused:
                response = await run_in_threadpool(_refusal, call, rule, refused.status, refused.key)
                response.headers.update(refused.headers)
            except NotHeldError as error:
                response = await run_in_threadpool(_refusal, call, rule, 409, str(error))
            except ConfigError as error:
                response = await run_in_threadpool(_refusal, call, rule, 400, "bad_request", str(error))
        except StoreError as error:
            _LOG.error("review page: %s", error)
            response = PlainTextResponse("The database cannot be used at the moment.", 503)
        except ClientDisconnect:
            response = PlainTextResponse("", 400)
        except Exception:
            _LOG.exception("review page: %s %s", rule.method, rule.path)
            response = PlainTextResponse("Something went wrong here. It was logged.", 500)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        if site.https:
            response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
        return response

    return answer


def _session(site: Site, request: Request) -> Session | None:
    token = request.cookies.get(site.cookie, "")
    return site.accounts.session(token) if token else None


def _slow_down(call: Call, rule: Rule) -> None:
    key = call.session.user.name if call.session else call.address
    bucket = call.site.media_limit if rule.path.startswith("/media/") else call.site.limit
    wait = bucket.take(key)
    if wait:
        raise Refused(429, "slow_down", **{"Retry-After": str(math.ceil(wait))})


def _admit(call: Call, permission: Permission) -> None:
    if call.session is None:
        raise Refused(401, "log_in")
    if not call.session.user.may(permission):
        raise Refused(403, "forbidden")


async def _form(request: Request) -> dict[str, str]:
    if request.headers.get("content-type", "").partition(";")[0] != "application/x-www-form-urlencoded":
        raise Refused(415, "bad_request")
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_FORM:
            raise Refused(413, "bad_request")
    request._body = body  # what Starlette reads the form from
    form = await request.form(max_fields=MAX_FIELDS)
    return {name: value for name, value in form.items() if isinstance(value, str)}


def _same_site(call: Call, rule: Rule) -> None:
    headers = call.request.headers
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise Refused(403, "expired")
    origin = headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != headers.get("host"):
        raise Refused(403, "expired")
    expected = (
        call.session.csrf
        if call.session and rule.permission is not None
        else call.request.cookies.get("mmu_login", "")
    )
    if not expected or not hmac.compare_digest(expected.encode(), call.form.get("csrf", "").encode()):
        raise Refused(403, "expired")


def _refusal(call: Call, rule: Rule, status: int, key: str, detail: str = "") -> Response:
    wants_page = "text/html" in call.request.headers.get("accept", "")
    if status == 401 and wants_page:
        target = call.request.url.path if rule.method == "GET" else "/"
        return RedirectResponse(f"/login?next={quote(target)}", 303)
    if (
        status == 409
        and wants_page
        and rule.path.startswith("/items/{id}/")
        and "id" in call.request.path_params
    ):
        return call.go(f"/items/{quote(call.path('id'))}", key)
    if wants_page and status != 401:
        return call.page("message.html", status, title=call.say(key), detail=detail)
    return PlainTextResponse(
        f"{key}{': ' + detail if detail else ''}", status, headers={"Cache-Control": "no-store"}
    )
