"""The review page with accounts, a task with a real report and video, and clients that are logged in."""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from mmu.moderation.queue import Task
from mmu.moderation.queue.from_report import task_of
from mmu.report.schema import ModerationHit, Name, Report

pytest.importorskip("starlette", reason="the web extra is not installed")

from starlette.testclient import TestClient

from mmu.review import accounts
from mmu.review.app import Site, build_app

PASSWORD = "a long enough password"
ROLES = ("reviewer", "lead", "auditor", "admin")

_spec = importlib.util.spec_from_file_location(
    "review_sample", Path(__file__).parents[1] / "report" / "sample.py"
)
assert _spec is not None
assert _spec.loader is not None
_module = importlib.util.module_from_spec(_spec)
sys.modules["review_sample"] = _module
_spec.loader.exec_module(_module)


@pytest.fixture(scope="session")
def sample() -> ModuleType:
    return _module


@pytest.fixture(scope="session")
def film(made_once: Callable[..., Path]) -> Path:
    """The same one as the report's tests have."""
    return made_once("launch coffee.mp4", _module.write_video)


def flagged(report: Report, *, severity: int = 4) -> Report:
    """The report with two hits that lie in time, one of them in the picture."""
    report = report.model_copy(deep=True)
    assert report.moderation is not None
    report.moderation.category = "private_deals"
    report.moderation.hits = [
        ModerationHit(rule="words.private_deals", category="private_deals", name=Name(zh="引导私下交易", en="Private deals"), severity=3, score=0.8, axis="text", text="加微信 coffee99 详聊", span=(12.4, 15.6), box=(300, 440, 360, 50)),
        ModerationHit(rule="picture.violence", category="violence", name=Name(zh="暴力血腥", en="Violence"), severity=severity, score=0.6, axis="image", span=(6.0, 9.0)),
    ]  # fmt: skip
    return report


@pytest.fixture
def root(tmp_path: Path, film: Path, sample: ModuleType) -> Path:
    """An allowed folder with a report and its video."""
    folder = tmp_path / "allowed"
    folder.mkdir()
    (folder / "launch.mp4").write_bytes(film.read_bytes())
    report = flagged(sample.rich_report(folder / "launch.mp4"))
    (folder / "report.json").write_text(report.to_json(), "utf-8")
    return folder


@pytest.fixture
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords that are hashed in a millisecond: most tests are not about them."""
    monkeypatch.setattr(accounts, "_COST", (8, 8, 1))


@pytest.fixture
def app(tmp_path: Path, root: Path, cheap: None) -> Iterator[Any]:
    found = build_app(tmp_path / "review.sqlite", [root])
    for role in ROLES:
        found.state.site.accounts.add(role, PASSWORD, role, by="test", language="en")
    found.state.site.accounts.add("other", PASSWORD, "reviewer", by="test", language="en")
    yield found
    found.state.site.database.close()


@pytest.fixture
def site(app: Any) -> Site:
    found: Site = app.state.site
    return found


@pytest.fixture
def task(site: Site, root: Path) -> Task:
    """The task of the report, waiting."""
    report = Report.model_validate_json((root / "report.json").read_bytes())
    found = task_of(report, place=str(root / "report.json"))
    assert found is not None
    site.database.put([found])
    return found


class Browser(TestClient):
    """A client with a session; posts carry its CSRF token."""

    csrf = ""

    def log_in(self, name: str, password: str = PASSWORD) -> Any:
        page = self.get("/login")
        answer = self.post("/login", data={"csrf": token(page.text), "name": name, "password": password})
        if answer.status_code == 303:
            self.csrf = token(self.get("/account").text)
        return answer

    def submit(self, path: str, **form: str) -> Any:
        return self.post(path, data={"csrf": self.csrf, **form})


def token(page: str) -> str:
    """The CSRF token of the page's last form: on the log-in page, that of the log-in."""
    found = re.findall(r'name="csrf" value="([^"]*)"', page)
    assert found, page[:400]
    return str(found[-1])


@pytest.fixture
def browser(app: Any) -> Any:
    """Makes browsers; each has its own cookies."""

    def make(name: str = "", **headers: str) -> Browser:
        client = Browser(
            app,
            follow_redirects=False,
            headers={"accept": "text/html", "sec-fetch-site": "same-origin"} | headers,
        )
        if name:
            assert client.log_in(name).status_code == 303
        return client

    return make
