"""Agreement, drift and the dashboard's figures, against published examples and made-up reviewers."""

from __future__ import annotations

import time
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.review import fill
from mmu.moderation.queue import Task
from mmu.review import plots
from mmu.review.agreement import cohen_kappa, krippendorff_alpha
from mmu.review.board import draw
from mmu.review.drift import proportions_differ, stability_index, wilson
from mmu.review.listing import Filters, page
from mmu.review.statistics import dashboard, rules
from mmu.review.tables import Database
from mmu.review.verdicts import Opinion, write
from mmu.review.wording import _strings, ago, speak


def test_kappa_of_a_textbook_table() -> None:
    # 50 proposals, 20 both yes, 15 both no, 5 and 10 apart: kappa 0.4
    pairs = [("y", "y")] * 20 + [("y", "n")] * 5 + [("n", "y")] * 10 + [("n", "n")] * 15
    assert cohen_kappa(pairs) == pytest.approx(0.4)
    assert cohen_kappa([("y", "y"), ("n", "n")]) == 1.0
    assert cohen_kappa([]) is None
    assert cohen_kappa([("y", "y")]) is None


def test_alpha_of_krippendorffs_own_example() -> None:
    """Krippendorff 2011, section C: four observers, twelve units with gaps; nominal alpha 0.743."""
    observers = ["1233214125..", "1233224125.3", ".33322441251", "1233241125.."]
    observers[0], observers[1] = (
        "1 2 3 3 2 1 4 1 2 . . .".replace(" ", ""),
        "1 2 3 3 2 2 4 1 2 5 . 3".replace(" ", ""),
    )
    observers[2], observers[3] = (
        ". 3 3 3 2 3 4 2 2 5 1 .".replace(" ", ""),
        "1 2 3 3 2 4 4 1 2 5 1 .".replace(" ", ""),
    )
    units = [[row[k] for row in observers if row[k] != "."] for k in range(12)]
    assert krippendorff_alpha(units) == pytest.approx(0.743, abs=0.0005)
    assert krippendorff_alpha([["a"], ["b"]]) is None
    assert krippendorff_alpha([["a", "a"], ["a", "a"]]) is None


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("ab")), min_size=2, max_size=40))
def test_agreement_is_at_most_one(pairs: list[tuple[str, str]]) -> None:
    for value in (cohen_kappa(pairs), krippendorff_alpha(pairs)):
        assert value is None or -1.0001 <= value <= 1.0001
    same = [(a, a) for a, _ in pairs]
    assert krippendorff_alpha(same) in (None, 1.0)


def test_drift_measures() -> None:
    assert proportions_differ(90, 100, 60, 100) < 1e-5
    assert proportions_differ(88, 100, 90, 100) > 0.5
    assert proportions_differ(0, 0, 5, 10) == 1.0
    assert stability_index({"a": 50, "b": 50}, {"a": 500, "b": 500}) == pytest.approx(0, abs=0.001)
    assert stability_index({"a": 90, "b": 10}, {"a": 500, "b": 500}) > 0.25
    # Newcombe 1998, table I: 81 of 263 gives 0.2553 to 0.3662
    assert wilson(81, 263) == (pytest.approx(0.2553, abs=5e-5), pytest.approx(0.3662, abs=5e-5))
    assert wilson(0, 0) == (0.0, 1.0)


def test_a_rule_that_gets_worse_raises_an_alarm(tmp_path: Path) -> None:
    now = time.time()
    with Database(tmp_path / "q.sqlite") as database:
        with database.writing() as db:
            db.execute("DROP TRIGGER verdict_fixed")
            for k in range(200):
                old = k < 100
                one = Task(video=f"{k:064x}", policy="default")
                batch = write(db, one, "ann", Opinion("block", rules={"bad": k % 10 > 0 if old else k % 2 == 0, "good": k % 10 > 0}))  # fmt: skip
                db.execute(
                    "UPDATE verdict SET time = ? WHERE batch = ?", (now - (20 if old else 1) * 86400, batch)
                )
        found = {rule.name: rule for rule in rules(database, now=now)}
    assert found["bad"].alarm
    assert not found["good"].alarm
    assert (found["bad"].right, found["bad"].of, found["bad"].recent_right) == (140, 200, 50)
    assert found["good"].share == 0.9


def test_dashboard_adds_up(tmp_path: Path) -> None:
    with Database(tmp_path / "q.sqlite") as database:
        empty = dashboard(database)
        assert (empty.rules, empty.pairs, empty.alpha, empty.mix) == ([], [], None, None)
        assert all(plot.picture is None or plot.title for plot in draw(empty, "en"))
        fill(database, 1200, decided=0.3)
        figures = dashboard(database)
        done = database.stats().done
    assert done == 360
    assert sum(day.decided for day in figures.days) == done
    assert sum(day.queued for day in figures.days) == 1200
    assert sum(figures.ages) == 840
    assert figures.alpha is not None
    assert 0.4 < figures.alpha < 0.95
    assert figures.judged_twice > 30
    assert figures.missed[1] > 0
    for language in ("zh", "en"):
        for plot in draw(figures, language):
            assert plot.picture is not None
            Svg().feed(str(plot.picture))
            assert len({len(row) for row in plot.rows} | {len(plot.head)}) == 1


class Svg(HTMLParser):
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in {"svg", "line", "text", "circle", "path", "rect"}
        assert not {name for name, _ in attrs} & {"style", "onload", "href"}


def test_plots_are_inert_and_axes_round() -> None:
    bad = "</text><script>alert(1)</script>"
    for picture in (
        plots.bars([(bad, [("good", 1.0)])], title=bad),
        plots.columns([1.0], [bad], title=bad),
        plots.intervals([(bad, 0.5, (0.2, 0.8), bad, True)], title=bad),
        plots.lines([("blue", [1.0, None])], [bad, bad], title=bad),
    ):
        assert "<script" not in picture
        Svg().feed(str(picture))
    assert [plots.nice(v) for v in (0, 0.03, 7, 83, 101, 2400, 9999)] == [1.0, 0.03, 8, 100, 200, 3000, 10000]


def test_pages_go_through_the_whole_queue_once(tmp_path: Path) -> None:
    with Database(tmp_path / "q.sqlite") as database:
        fill(database, 130, decided=0.0)
        for order in ("priority", "age", "unsure"):
            seen, after = [], ""
            while True:
                found = page(database, Filters(order=order, after=after))
                seen += [item.task.id for item in found.items]
                after = found.after
                if not after:
                    break
            assert len(seen) == len(set(seen)) == 130
        one = page(database, Filters()).items[0]
        assert [item.task.id for item in page(database, Filters(search=one.task.title)).items] == [
            one.task.id
        ]
        assert page(database, Filters(search="%")).items == []


def test_every_text_is_there_in_both_languages() -> None:
    for key, (zh, en) in _strings().items():
        assert zh, key
        assert en, key
        assert set(zh.split("{")[1:]) != {""}
    assert speak("en")("held_by", v="<b>") == "<b> is reviewing it"
    assert ago(90061, "en") == "1 d 1 h"
    assert ago(59, "zh") == "59 秒"
