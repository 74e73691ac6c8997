"""Log-in, sessions, cookies and passwords."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from mmu.review import accounts
from mmu.review.admin import own_path
from mmu.review.app import Site
from mmu.review.tables import Database
from mmu.review.wording import preferred

PASSWORD = "a long enough password"


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


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "zh"),
        ("en-US,en;q=0.9", "en"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("fr-FR,fr;q=0.9,zh;q=0.4,en;q=0.6", "en"),
        ("fr, zh-TW;q=0.5", "zh"),
        ("fr-FR", "en"),
        ("en;q=0, zh;q=0.1", "zh"),
        (";q=x,,en;q=loud", "en"),
    ],
)
def test_the_browser_says_which_language_it_prefers(header: str, language: str) -> None:
    assert preferred(header) == language


def test_pages_speak_the_language_of_the_browser_until_one_is_chosen(browser: Any, site: Site) -> None:
    site.accounts.add("new", PASSWORD, "reviewer", by="test")
    site.accounts.add("li", PASSWORD, "reviewer", by="test", language="zh")

    def spoken(client: Any, path: str = "/") -> str:
        found = re.search(r'<html lang="([^"]*)"', client.get(path).text)
        assert found, path
        return found[1]

    english, chinese = {"accept-language": "en-US,en;q=0.9"}, {"accept-language": "zh-CN,zh;q=0.9"}
    client = browser(**english)
    assert spoken(client, "/login") == "en"
    assert client.log_in("new").status_code == 303
    assert spoken(client) == "en"
    assert spoken(browser("new", **chinese)) == "zh-CN"
    # an account that has a language keeps it
    assert spoken(browser("li", **english)) == "zh-CN"
    # what is chosen holds in every browser
    assert client.submit("/account/language", language="zh").status_code == 303
    assert spoken(client) == spoken(browser("new", **english)) == "zh-CN"
    # another password is no choice of a language
    site.accounts.add("later", PASSWORD, "reviewer", by="test")
    site.accounts.change("later", by="test", password=PASSWORD + "!")
    late = site.accounts.find("later")
    assert late is not None
    assert late.language == ""


def test_a_language_chosen_before_the_login_is_kept(browser: Any, site: Site) -> None:
    for name, before in (("new", ""), ("li", "zh")):
        site.accounts.add(name, PASSWORD, "reviewer", by="test", language=before)
        client = browser(**{"accept-language": "zh-CN"})
        page = client.get("/login?language=en&next=/account").text
        hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page))
        assert hidden["language"] == "en"
        assert hidden["next"] == "/account"
        answer = client.post("/login", data=hidden | {"name": name, "password": PASSWORD})
        assert answer.headers["location"] == "/account"
        user = site.accounts.find(name)
        assert user is not None
        assert user.language == (before or "en")
    assert 'name="language" value=""' in browser().get("/login?language=%22x").text
