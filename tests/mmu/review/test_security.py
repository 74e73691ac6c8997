"""Who may reach what, and what hostile input can do: nothing."""

from __future__ import annotations

import re
import sqlite3
from html.parser import HTMLParser
from itertools import product
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from mmu.errors import StoreError
from mmu.moderation.queue import Task
from mmu.report.schema import Report
from mmu.review import accounts
from mmu.review.admin import own_path
from mmu.review.app import Site, rules
from mmu.review.files import Files
from mmu.review.limits import Buckets
from mmu.review.tables import Database
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


def test_nobody_can_be_logged_in_from_another_site(browser: Any) -> None:
    victim, attacker = browser(), browser()
    page = attacker.get("/login").text
    form = {"csrf": re.search(r'name="csrf" value="([^"]*)"', page)[1], "name": "other", "password": "a long enough password"}  # type: ignore[index]  # fmt: skip
    assert victim.post("/login", data=form).status_code == 403
    victim.get("/login")
    assert victim.post("/login", data=form).status_code == 403
    assert attacker.post("/login", data=form, headers={"origin": "https://evil.example"}).status_code == 403


def test_a_session_gets_a_new_id_and_ends(browser: Any, site: Site) -> None:
    client = browser()
    client.cookies.set("mmu_session", "chosen-by-an-attacker")
    assert client.log_in("reviewer").status_code == 303
    first = {cookie.value for cookie in client.cookies.jar if cookie.name == "mmu_session"} - {
        "chosen-by-an-attacker"
    }
    (first_id,) = first
    assert site.accounts.session("chosen-by-an-attacker") is None
    assert site.accounts.session(first_id) is not None
    # a second log-in from the same browser ends the first session
    client.cookies.delete("mmu_session", domain="")
    assert client.log_in("lead").status_code == 303
    assert site.accounts.session(first_id) is None
    again = browser("reviewer")
    kept = again.cookies["mmu_session"]
    assert again.submit("/logout").status_code == 303
    assert site.accounts.session(kept) is None


def test_cookies_are_closed_to_scripts_and_other_sites(browser: Any, app: Any, site: Site) -> None:
    client = browser()
    header = client.log_in("reviewer").headers["set-cookie"]
    assert "HttpOnly" in header
    assert "SameSite=lax" in header
    assert "Secure" not in header
    site.https, site.cookie = True, "__Host-mmu"
    secure = browser()
    secure.base_url = "https://testserver"
    answer = secure.log_in("reviewer")
    assert "__Host-mmu=" in answer.headers["set-cookie"]
    assert "Secure" in answer.headers["set-cookie"]
    assert "max-age" in answer.headers["strict-transport-security"]


def test_sessions_end_by_time_and_with_the_account(
    browser: Any, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = browser("reviewer")
    site.accounts.change("reviewer", by="test", active=False)
    assert client.get("/").status_code == 303
    assert client.log_in("reviewer").status_code == 401
    other = browser("other")
    site.accounts.change("other", by="test", password="another good password")
    assert other.get("/").status_code == 303
    lead = browser("lead")
    monkeypatch.setattr(accounts, "IDLE", -1.0)
    assert lead.get("/").status_code == 303


def test_passwords_are_kept_as_slow_hashes(tmp_path: Path) -> None:
    with Database(tmp_path / "q.sqlite") as database:
        found = accounts.Accounts(database)
        found.add("li", "a long enough password", "reviewer", by="test")
        (kept,) = database.db.execute("SELECT password FROM user").fetchone()
        assert kept.startswith("scrypt$15$8$1$")
        assert found.right("li", "a long enough password")
        assert not found.right("li", "a long enough passworD")
        assert not found.right("nobody", "a long enough password")
        token = found.log_in("li", "::1")
        raw = (tmp_path / "q.sqlite").read_bytes() + (tmp_path / "q.sqlite-wal").read_bytes()
        assert b"enough password" not in raw
        assert token.encode() not in raw


@pytest.mark.parametrize("password", ["short", "", "x" * 201, "1234567890"])
def test_weak_passwords_are_refused(browser: Any, password: str) -> None:
    answer = browser("admin").submit("/users", name="new", password=password, role="reviewer")
    assert answer.status_code == 400


def test_guessing_passwords_is_slowed_down(browser: Any) -> None:
    client = browser()
    answers = [client.log_in("lead", f"wrong password {k}").status_code for k in range(12)]
    assert answers[:5] == [401] * 5
    assert answers[-1] == 429
    assert client.log_in("lead").status_code == 429
    assert int(client.log_in("lead").headers["retry-after"]) > 0


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


@pytest.mark.parametrize(
    ("path", "expected"),
    [("/items/1", "/items/1"), ("//evil.example", "/"), ("https://evil.example", "/"), ("/\\evil.example", "/"), ("javascript:alert(1)", "/"), ("/a\r\nSet-Cookie: x=1", "/"), ("", "/"), ("/\tevil", "/")],
)  # fmt: skip
def test_log_in_leads_nowhere_else(browser: Any, path: str, expected: str) -> None:
    assert own_path(path) == expected
    client = browser()
    page = client.get("/login", params={"next": path}).text
    csrf = re.search(r'name="csrf" value="([^"]*)"', page)[1]  # type: ignore[index]
    answer = client.post("/login", data={"csrf": csrf, "name": "lead", "password": "a long enough password", "next": path})  # fmt: skip
    assert answer.headers["location"] == expected
    assert "x=1" not in answer.headers.get("set-cookie", "").replace("max", "")


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


def test_logs_are_append_only_and_a_change_shows(site: Site, browser: Any, tmp_path: Path) -> None:
    browser("lead")
    with sqlite3.connect(site.database.path) as db:
        for statement in (
            "DELETE FROM audit",
            "UPDATE audit SET user = 'x'",
            "DELETE FROM verdict",
            "UPDATE event SET reason = 'x'",
        ):
            if statement.startswith(("DELETE FROM audit", "UPDATE audit")):
                with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                    db.execute(statement)
    assert site.database.check_audit() > 1
    with sqlite3.connect(site.database.path) as db:
        db.execute("DROP TRIGGER audit_fixed")
        db.execute("UPDATE audit SET user = 'somebody' WHERE id = 2")
    with pytest.raises(StoreError, match="row 2"):
        site.database.check_audit()
