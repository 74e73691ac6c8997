"""The logs keep what happened."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest

from mmu.errors import StoreError
from mmu.moderation.queue import Task
from mmu.review.accounts import User
from mmu.review.app import Site
from mmu.review.verdicts import Opinion


@pytest.mark.parametrize("table", ["audit", "verdict", "event"])
def test_rows_of_a_log_stay_as_they_are(site: Site, task: Task, table: str) -> None:
    person = User("lead", "lead", "en", True)
    lease = site.desk.claim(person, task.id)
    site.desk.decide(person, task.id, lease.token, Opinion("block"))
    with sqlite3.connect(site.database.path) as db:
        assert db.execute(f"SELECT count(*) FROM {table}").fetchone()[0] > 0
        for statement in (f"DELETE FROM {table}", f"UPDATE {table} SET time = 0"):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                db.execute(statement)


def test_a_changed_row_of_the_audit_log_is_found(site: Site, browser: Any) -> None:
    browser("lead")
    assert site.database.check_audit() > 1
    with sqlite3.connect(site.database.path) as db:
        db.execute("DROP TRIGGER audit_fixed")
        db.execute("UPDATE audit SET user = 'somebody' WHERE id = 2")
    with pytest.raises(StoreError, match="row 2"):
        site.database.check_audit()
