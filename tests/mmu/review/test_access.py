"""Who may reach what: every route with every role, without a session, from another site."""

from __future__ import annotations

import re
from typing import Any

import pytest

from mmu.moderation.queue import Task
from mmu.review.app import Site, rules
from mmu.review.limits import Buckets
from mmu.review.web import Rule

PUBLIC = {"/healthz", "/static/{version}/{name}", "/login"}
#: permission -> roles that have it, written down here a second time
ALLOWED = {
    "read": {"reviewer", "lead", "auditor", "admin"},
    "decide": {"reviewer", "lead", "admin"},
    "lead": {"lead", "admin"},
    "audit": {"lead", "auditor", "admin"},
    "users": {"admin"},
}
ROUTES = rules()
PRIVATE = [rule for rule in ROUTES if rule.path not in PUBLIC]


def name_of(rule: Rule) -> str:
    return f"{rule.method} {rule.path}"


def address(rule: Rule, task: Task) -> str:
    values = {"{id}": task.id, "{batch}": "0" * 16, "{name}": "other", "{version}": "0"}
    return re.sub(r"\{\w+\}", lambda found: values[found[0]], rule.path)


def ask(client: Any, rule: Rule, path: str, **form: str) -> Any:
    return client.get(path) if rule.method == "GET" else client.submit(path, **form)


def test_only_log_in_static_files_and_health_are_public(app: Any) -> None:
    assert {rule.path for rule in ROUTES if rule.permission is None} == PUBLIC
    served = {(route.path, method) for route in app.routes for method in route.methods - {"HEAD"}}
    assert served == {(rule.path, rule.method) for rule in ROUTES} | {("/{path:path}", "GET")}


def test_nothing_is_reachable_without_a_session(browser: Any, task: Task, site: Site) -> None:
    for headers in ({}, {"cookie": "mmu_session=forged"}, {"authorization": "Basic YWRtaW46YWRtaW4="}):
        page, plain = browser(**headers), browser(accept="*/*", **headers)
        for rule in PRIVATE:
            path = address(rule, task)
            answer = ask(page, rule, path)
            assert answer.status_code == 303, name_of(rule)
            assert answer.headers["location"].startswith("/login?next="), name_of(rule)
            assert answer.text == "", name_of(rule)
            answer = ask(plain, rule, path)
            assert (answer.status_code, answer.text) == (401, "log_in"), name_of(rule)
    assert site.database.stats().waiting == 1


def test_unknown_pages_say_nothing_without_a_session(browser: Any) -> None:
    client = browser()
    for path in ("/nowhere", "/items", "/admin", "/.git/config", "//evil.example"):
        assert client.get(f"http://testserver{path}").status_code == 303


@pytest.mark.parametrize("role", sorted(ALLOWED["read"]))
def test_each_role_reaches_what_it_may(browser: Any, task: Task, role: str) -> None:
    client = browser(role)
    for rule in sorted(PRIVATE, key=lambda rule: rule.path == "/logout"):
        assert rule.permission is not None
        answer = ask(client, rule, address(rule, task))
        if role in ALLOWED[rule.permission]:
            allowed = answer.status_code not in (401, 403) or rule.path == "/account/password"
            assert allowed, f"{name_of(rule)}: {answer.status_code}"
        else:
            assert answer.status_code == 403, name_of(rule)
            assert "Your role does not allow this" in answer.text


def test_changes_need_the_token_of_the_session_and_our_own_origin(
    browser: Any, task: Task, site: Site
) -> None:
    site.limit = Buckets(1000.0, 1000)
    client, other = browser("admin"), browser("admin")
    for rule in [rule for rule in PRIVATE if rule.method == "POST"]:
        path = address(rule, task)
        refused = [
            client.post(path, data={"x": "1"}),
            client.post(path, data={"csrf": ""}),
            client.post(path, data={"csrf": other.csrf}),
            client.post(path, data={"csrf": client.csrf}, headers={"origin": "https://evil.example"}),
            client.post(path, data={"csrf": client.csrf}, headers={"origin": "null"}),
            client.post(path, data={"csrf": client.csrf}, headers={"sec-fetch-site": "cross-site"}),
            client.post(path, data={"csrf": client.csrf}, headers={"sec-fetch-site": "same-site"}),
        ]
        assert [answer.status_code for answer in refused] == [403] * len(refused), name_of(rule)
        assert client.post(path, json={"csrf": client.csrf}).status_code == 415
        large = b"a=" + b"x" * 70_000
        form = {"content-type": "application/x-www-form-urlencoded"}
        assert client.post(path, content=large, headers=form).status_code == 413
    assert client.get("/account").status_code == 200
    assert site.database.stats().waiting == 1


def test_requests_are_limited(browser: Any, site: Site) -> None:
    site.limit = Buckets(0.1, 5)
    client = browser("reviewer")
    answers = [client.get("/account") for _ in range(6)]
    assert answers[-1].status_code == 429
    assert "retry-after" in answers[-1].headers


def test_the_last_admin_stays(browser: Any, site: Site) -> None:
    client = browser("admin")
    for form in ({"active": "0"}, {"role": "reviewer"}):
        assert client.submit("/users/admin", **form).status_code == 400
    assert client.submit("/users/admin", active="1").status_code == 303
    assert site.accounts.find("admin").role == "admin"  # type: ignore[union-attr]


def test_every_answer_carries_the_headers(browser: Any, task: Task) -> None:
    client = browser("lead")
    for path in (
        "/",
        "/login",
        "/healthz",
        "/nowhere",
        f"/items/{task.id}",
        "/static/0/review.css",
        "/dashboard",
    ):
        headers = client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff", path
        assert headers["x-frame-options"] == "DENY"
        assert "default-src 'none'" in headers["content-security-policy"]
        if not path.startswith("/static"):
            assert headers["cache-control"] == "no-store"
