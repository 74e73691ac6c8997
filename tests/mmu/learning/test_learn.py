"""Learning from simulated reviewers whose world is known."""

from __future__ import annotations

import json
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
import yaml

from mmu.analyzer import Analyzer
from mmu.cli import main
from mmu.errors import ConfigError
from mmu.learning.examples import Examples, ReportIndex, collect
from mmu.learning.fit import Numbers, _forward, _gradient, fit, log_loss, predict
from mmu.learning.learn import Outcome, learn, rule_factors
from mmu.learning.learned import Learned, load_learned
from mmu.learning.reviewers import auc
from mmu.learning.reviews import read_reviews
from mmu.outcome import Outcome as State
from mmu.report.schema import Report
from mmu.signals import Signal, SignalSet, Span
from tests.mmu.learning.simulated import GRAPH, SETTINGS, World, make_world, verdicts, write

#: coco is worse than shipped (0.85), music_tag better (0.6), imagenet1k as shipped
TRUE = {"coco": 0.45, "music_tag": 0.95, "imagenet1k": 0.85}


def examples_of(folder: Path, world: World, *rows: object) -> Examples:
    reviews = read_reviews(write(folder, world, chain(*rows)))  # type: ignore[arg-type]
    examples, _, _ = collect(reviews, ReportIndex(folder), GRAPH, SETTINGS)
    return examples


def learnt(folder: Path, world: World, *rows: object) -> Outcome:
    return learn(examples_of(folder, world, *rows), [], SETTINGS)


def test_the_model_of_the_fit_is_that_of_the_fusion(tmp_path: Path) -> None:
    world = make_world(TRUE, 12, seed=5)
    examples = examples_of(tmp_path, world, verdicts(world, "ann", 1))
    assert len(examples) > 80
    assert predict(examples, SETTINGS) == pytest.approx(examples.score, abs=1e-9)


def test_honest_reviewers_move_reliabilities_the_right_way(tmp_path: Path) -> None:
    world = make_world(TRUE, 120, seed=1)
    outcome = learnt(tmp_path, world, verdicts(world, "ann", 1), verdicts(world, "bo", 2, share=0.3))
    assert outcome.learned is not None, outcome.reason
    fitted = outcome.learned.apply(SETTINGS)
    gap = {name: fitted.sources[name].reliability - SETTINGS.sources[name].reliability for name in TRUE}
    assert gap["coco"] < gap["imagenet1k"] < gap["music_tag"]
    assert gap["coco"] < -0.05
    assert gap["music_tag"] > 0.05
    assert outcome.loss_after is not None
    assert outcome.loss_before is not None
    assert outcome.loss_after < outcome.loss_before


def test_what_was_learned_holds_for_videos_nobody_reviewed(tmp_path: Path) -> None:
    world, fresh = make_world(TRUE, 100, seed=2), make_world(TRUE, 60, seed=3)
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    outcome = learnt(tmp_path / "a", world, verdicts(world, "ann", 1))
    unseen = examples_of(tmp_path / "b", fresh, verdicts(fresh, "oracle", 2, mistakes=0.0))
    assert outcome.learned is not None
    after = predict(unseen, outcome.learned.apply(SETTINGS))
    assert log_loss(after, unseen.true) < log_loss(predict(unseen, SETTINGS), unseen.true)


@pytest.mark.parametrize("mistakes", [1.0, 0.5], ids=["inverted", "random"])
def test_hostile_reviews_leave_the_old_numbers(tmp_path: Path, mistakes: float) -> None:
    world = make_world(TRUE, 100, seed=4)
    outcome = learnt(tmp_path, world, verdicts(world, "mallory", 1, mistakes=mistakes))
    assert outcome.learned is None
    if mistakes == 1.0:  # chance alone may look like a weak opinion, and is not always named
        assert [one.reviewer for one in outcome.suspects] == ["mallory"]


def test_one_hostile_reviewer_among_honest_ones_is_set_aside(tmp_path: Path) -> None:
    world = make_world(TRUE, 100, seed=4)
    hostile = verdicts(world, "mallory", 1, mistakes=0.95)
    honest = [verdicts(world, name, seed, share=0.7) for name, seed in (("ann", 2), ("bo", 3), ("cy", 4))]
    outcome = learnt(tmp_path, world, hostile, *honest)
    assert [one.reviewer for one in outcome.suspects] == ["mallory"]
    assert outcome.learned is not None
    assert outcome.learned.apply(SETTINGS).sources["music_tag"].reliability > 0.65


def test_few_reviews_leave_the_old_numbers(tmp_path: Path) -> None:
    world = make_world(TRUE, 5, seed=6)
    outcome = learnt(tmp_path, world, verdicts(world, "ann", 1))
    assert outcome.learned is None
    assert "too few" in outcome.reason


def test_no_evidence_leaves_the_numbers_where_they_are(tmp_path: Path) -> None:
    world = make_world(TRUE, 30, seed=7)
    examples = examples_of(tmp_path, world, verdicts(world, "ann", 1))
    untouched = fit(examples, SETTINGS, np.full(len(examples), 1e-9))
    for name, source in untouched.sources.items():
        assert source.reliability == pytest.approx(SETTINGS.sources[name].reliability, abs=1e-3)
    assert untouched.prior == pytest.approx(SETTINGS.prior, abs=1e-3)


def test_the_gradient_is_that_of_the_loss(tmp_path: Path) -> None:
    world = make_world(TRUE, 10, seed=8)
    examples = examples_of(tmp_path, world, verdicts(world, "ann", 1))
    weights, start = np.linspace(0.5, 1.5, len(examples)), Numbers.of(SETTINGS)

    def loss(shift: np.ndarray) -> float:  # type: ignore[type-arg]
        moved = Numbers(
            start.reliability + shift[:-3],
            start.prior + shift[-3],
            start.slope * float(np.exp(shift[-2])),
            start.offset + shift[-1],
        )
        scores = predict(examples, SETTINGS, moved)
        return float(weights.sum()) * log_loss(scores, examples.true, weights)

    size = len(start.reliability) + 3
    numeric = [(loss(1e-5 * row) - loss(-1e-5 * row)) / 2e-5 for row in np.eye(size)]
    by_reliability, rest = _gradient(examples, weights, start, _forward(examples, SETTINGS, start))
    assert np.concatenate([by_reliability, rest]) == pytest.approx(np.array(numeric), abs=1e-3)


def test_a_rule_that_is_often_wrong_weighs_less() -> None:
    rows = [("words.abuse", f"v{k}", 0.6, float(k % 5 == 0), "ann") for k in range(40)]
    rows += [("words.sexual", f"v{k}", 0.6, float(k % 5 != 0), "ann") for k in range(40)]
    factors = rule_factors(rows)
    assert factors["words.abuse"] < 0.6
    assert factors["words.sexual"] > 1.0
    assert rule_factors(rows[:5]) == {}


def test_auc_of_known_orders() -> None:
    high, low = np.array([0.8, 0.9]), np.array([0.1, 0.2])
    assert auc(high, low)[0] == 1.0
    assert auc(low, high)[0] == 0.0
    assert auc(low, low)[0] == 0.5


def test_the_command_writes_numbers_that_an_analysis_reads(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world = make_world(TRUE, 100, seed=1)
    reviews = write(tmp_path, world, verdicts(world, "ann", 1))
    out = tmp_path / "learned.yaml"
    assert main(["learn", str(reviews), "--out", str(out), "--dry-run"]) == 0
    assert not out.exists()
    assert main(["learn", str(reviews), "--reports", str(tmp_path), "--out", str(out)]) == 0
    assert "log loss" in capsys.readouterr().out
    learned = load_learned(out)
    assert learned is not None
    assert learned.reliability["music_tag"] > SETTINGS.sources["music_tag"].reliability
    assert learned.notes["videos"] == 100


def test_the_command_keeps_the_old_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    world = make_world(TRUE, 60, seed=4)
    reviews = write(tmp_path, world, verdicts(world, "mallory", 1, mistakes=1.0))
    out = tmp_path / "learned.yaml"
    assert main(["learn", str(reviews), "--out", str(out)]) == 1
    assert not out.exists()
    said = capsys.readouterr().out
    assert "kept the old numbers" in said
    assert "set aside mallory" in said


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{", "line 1: not JSON"),
        ('\n{"report": "a.json", "kind": "tag", "subject": "cat", "verdict": "maybe"}', "line 2: verdict"),
        ('{"kind": "tag", "subject": "cat", "verdict": "right"}', "neither `video` nor `report`"),
        ('{"report": "a.json", "kind": "tag", "subject": "", "verdict": "right"}', "subject"),
        ("[]", "line 1"),
    ],
)
def test_bad_reviews_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, complaint: str
) -> None:
    place = tmp_path / "reviews.jsonl"
    place.write_text(text, encoding="utf-8")
    assert main(["learn", str(place)]) == 2
    assert complaint in capsys.readouterr().err


def test_missing_files_are_usage_errors(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["learn", str(tmp_path / "none.jsonl")]) == 2
    place = tmp_path / "reviews.jsonl"
    place.write_text('{"report": "a.json", "kind": "tag", "subject": "cat", "verdict": "right"}')
    assert main(["learn", str(place), "--reports", str(tmp_path / "none")]) == 2
    assert main(["learn", str(place)]) == 1
    assert "1 verdicts whose report was not found" in capsys.readouterr().out


def test_the_last_verdict_of_a_reviewer_counts(tmp_path: Path) -> None:
    row = {"report": "a.json", "kind": "tag", "subject": "cat", "reviewer": "ann"}
    rows = [
        row | {"verdict": "right", "time": "2026-01-02"},
        row | {"verdict": "wrong", "time": "2026-01-01"},
    ]
    place = tmp_path / "reviews.jsonl"
    place.write_text("\n".join(map(json.dumps, rows)))
    assert [one.verdict for one in read_reviews(place)] == ["right"]


def test_learned_files_are_checked(tmp_path: Path) -> None:
    place = tmp_path / "learned.yaml"
    place.write_text(yaml.safe_dump({"schema": "mmu.learned/1", "base": "1", "prior": 1.5}))
    with pytest.raises(ConfigError, match="prior"):
        load_learned(place)
    with pytest.raises(ConfigError, match="none.yaml"):
        load_learned(tmp_path / "none.yaml")


def test_the_default_place_is_read_and_changes_the_fingerprint_of_the_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MMU_HOME", str(tmp_path))
    assert load_learned() is None
    Learned(base=SETTINGS.version, reliability={"coco": 0.5}).write(tmp_path / "learned.yaml")
    learned = load_learned()
    assert learned is not None
    applied = learned.apply(SETTINGS)
    assert applied.sources["coco"].reliability == 0.5
    assert applied.model_dump() != SETTINGS.model_dump()


@pytest.mark.weights
def test_an_analyzer_uses_what_was_learned_and_its_fingerprint_says_so(tmp_path: Path) -> None:
    place = tmp_path / "learned.yaml"
    Learned(base=SETTINGS.version, reliability={"coco": 0.5}, rules={"words.abuse": 0.5}).write(place)
    shipped, taught = Analyzer(learned=False), Analyzer(learned=place)
    assert taught.fingerprint != shipped.fingerprint
    label = Signal("image.object", "cat", 0.9, Span(0, 5), "c@1", attributes={"vocabulary": "coco"})
    stored = [one.to_json() for one in SignalSet([label])]
    report = Report(id="", uri="a.mp4", outcome=State.OK, signals=stored)
    scores = {
        name: {tag.id: tag.score for tag in one.retag(report)}
        for name, one in (("old", shipped), ("new", taught))
    }
    assert scores["new"]["cat"] < scores["old"]["cat"]


def test_a_file_that_is_not_there_is_a_usage_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["tag", "a.mp4", "--learned", str(tmp_path / "none.yaml")]) == 2
    assert "none.yaml" in capsys.readouterr().err
