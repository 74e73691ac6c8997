"""Log-in, accounts, the audit log and the export."""

from __future__ import annotations

import math
import secrets

from starlette.responses import Response, StreamingResponse

from mmu.errors import ConfigError
from mmu.review.accounts import LANGUAGES, LONGEST, ROLES
from mmu.review.verdicts import export
from mmu.review.web import Call, Refused

_ROWS = 100


def login_page(call: Call) -> Response:
    """The form; its token is in a cookie too, so that no other site can log anybody in."""
    return _login_form(call, 200, "")


def login(call: Call) -> Response:
    """A new session, with a new id, for a name and password that are right."""
    name = call.form.get("name", "").strip()[:64]
    wait = max(call.site.logins.take(f"address {call.address}"), call.site.logins.take(f"name {name}"))
    if wait:
        response = _login_form(call, 429, "too_many")
        response.headers["Retry-After"] = str(math.ceil(wait))
        return response
    if not call.site.accounts.right(name, call.form.get("password", "")[:200]):
        call.site.accounts.failed(name, call.address)
        return _login_form(call, 401, "wrong_login")
    if call.session is not None:
        call.site.accounts.log_out(call.session, call.address)
    user, chosen = call.site.accounts.find(name), call.form.get("language", "")
    if user is not None and not user.language and chosen in LANGUAGES:
        call.site.accounts.set_language(name, chosen)
    token = call.site.accounts.log_in(name, call.address)
    response = call.go(own_path(call.form.get("next", "/")))
    response.set_cookie(
        call.site.cookie,
        token,
        max_age=int(LONGEST),
        httponly=True,
        samesite="lax",
        secure=call.site.https,
        path="/",
    )
    response.delete_cookie("mmu_login")
    return response


def own_path(path: str) -> str:
    """A path of this site; anything else, that a browser could take for another site, becomes `/`."""
    plain = path.startswith("/") and not path.startswith("//") and "\\" not in path
    return path if plain and path.isprintable() else "/"


def _login_form(call: Call, status: int, error: str) -> Response:
    csrf = secrets.token_urlsafe(24)
    path = own_path(call.query.get("next", call.form.get("next", "/")))
    chosen = call.query.get("language", call.form.get("language", ""))
    response = call.page(
        "login.html",
        status,
        csrf=csrf,
        next=path,
        error=error,
        chosen=chosen if chosen in LANGUAGES else "",
    )
    response.set_cookie(
        "mmu_login", csrf, max_age=3600, httponly=True, samesite="strict", secure=call.site.https
    )
    return response


def logout(call: Call) -> Response:
    """End the session."""
    assert call.session is not None
    call.site.accounts.log_out(call.session, call.address)
    response = call.go("/login")
    response.delete_cookie(call.site.cookie)
    return response


def account(call: Call) -> Response:
    """The own account."""
    return call.page("account.html")


def change_password(call: Call) -> Response:
    """A new password; the other sessions end."""
    assert call.session is not None
    wait = call.site.logins.take(f"name {call.user.name}")
    if wait:
        raise Refused(429, "too_many", **{"Retry-After": str(math.ceil(wait))})
    if not call.site.accounts.right(call.user.name, call.form.get("old", "")[:200]):
        raise Refused(403, "wrong_login")
    call.site.accounts.change(
        call.user.name, by=call.user.name, password=call.form.get("new", ""), keep=call.session.id
    )
    return call.go("/account", "changed_password")


def change_language(call: Call) -> Response:
    """The language of the pages."""
    call.site.accounts.set_language(call.user.name, call.form.get("language", ""))
    return call.go(own_path(call.form.get("next", "/")))


def users(call: Call) -> Response:
    """All accounts."""
    return call.page("users.html", users=call.site.accounts.all(), roles=ROLES)


def add_user(call: Call) -> Response:
    """A new account."""
    form = call.form
    call.site.accounts.add(
        form.get("name", "").strip(), form.get("password", ""), form.get("role", ""), by=call.user.name
    )
    return call.go("/users", "saved")


def change_user(call: Call) -> Response:
    """Another role, state or password."""
    form = call.form
    active = {"1": True, "0": False}.get(form.get("active", ""))
    call.site.accounts.change(
        call.path("name"),
        by=call.user.name,
        role=form.get("role") or None,
        active=active,
        password=form.get("password") or None,
    )
    return call.go("/users", "saved")


def audit(call: Call) -> Response:
    """The audit log, newest first."""
    before, user = call.query.get("before", ""), call.query.get("user", "")[:64]
    if before and not before.isdecimal():
        raise ConfigError(f"before {before!r}: a number")
    where, values = ["id < ?"], [int(before or 2**62)]  # type: list[str], list[object]
    if user:
        where.append("user = ?")
        values.append(user)
    database = call.site.database
    with database.errors():
        rows = database.db.execute(
            "SELECT id, time, user, action, subject, detail, address FROM audit "
            f"WHERE {' AND '.join(where)} ORDER BY id DESC LIMIT ?",
            (*values, _ROWS),
        ).fetchall()
    older = rows[-1][0] if len(rows) == _ROWS else None
    return call.page("audit.html", rows=rows, older=older, user=user, users=call.site.accounts.all())


def verdicts(call: Call) -> Response:
    """The standing verdicts as JSON lines."""
    database = call.site.database
    with database.errors(), database.writing() as db:
        database.audit(db, call.user.name, "export", address=call.address)
    return StreamingResponse(
        (line + "\n" for line in export(database)),
        media_type="application/jsonl; charset=utf-8",
        headers={"Cache-Control": "no-store", "Content-Disposition": 'attachment; filename="verdicts.jsonl"'},
    )
