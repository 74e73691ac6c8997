"""A stored report looked at again by a vision-language model; its answers become signals, and tags anew."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence

import kg
from mmu.analyzer import Analyzer
from mmu.describe import TimedFrame
from mmu.outcome import ErrorItem, Outcome, StageOutcome
from mmu.reasoning import answers
from mmu.reasoning.llm import LanguageModel, ModelAnswerError, Reply, evidence_of
from mmu.report.schema import Report

#: name of the step among the report's stages
STAGE = "vision_language"


def look(
    report: Report,
    model: LanguageModel,
    frames: Sequence[TimedFrame],
    *,
    analyzer: Analyzer,
    always: bool = False,
    prices: tuple[float, float] | None = None,
) -> Report:
    """The report with what the model sees in the frames among its signals, and its tags found anew.

    What the model took (tokens, seconds, cost) and which of its answers were refused stand in the notes of
    the stage `vision_language`. Where the cheap signals already agree it is not asked, and the stage is
    skipped. A failure becomes a failed stage and an error of the report, whose tags stay.

    Args:
        report: with its signals.
        model: where to ask.
        frames: pictures in order of time.
        analyzer: finds the tags.
        always: ask even where the cheap signals agree.
        prices: for a million tokens in and out, to tell the cost.
    """
    started = time.perf_counter()
    reason = None if always else answers.agreed(report)
    if reason is not None:
        return _with_stage(report, StageOutcome(name=STAGE, outcome=Outcome.SKIPPED, notes=[reason]), [])
    try:
        told = json.dumps({**evidence_of(report), "frames": len(frames)}, ensure_ascii=False)
        found, reply = model.ask(answers.SYSTEM, told, answers.Answers, frames=[one.jpeg for one in frames])
    except ModelAnswerError as error:
        item = ErrorItem(where=STAGE, code="language_model", message=str(error))
        seconds = round(time.perf_counter() - started, 3)
        failed = StageOutcome(name=STAGE, outcome=Outcome.FAILED, seconds=seconds, errors=[item])
        return _with_stage(report, failed, [item])
    times = [one.time for one in frames]
    checked = answers.check(found, report, kg.load(), times, source=f"vlm:{model.model}")
    others = [one for one in report.signals if one["kind"] != answers.KIND]
    seen = report.model_copy(update={"signals": [*others, *(one.to_json() for one in checked.signals)]})
    done = StageOutcome(
        name=STAGE,
        outcome=Outcome.OK,
        seconds=round(time.perf_counter() - started, 3),
        signals=len(checked.signals),
        notes=[
            spent(model.model, len(frames), reply, prices),
            *(f"refused: {one}" for one in checked.refused),
        ],
    )
    return _with_stage(seen.model_copy(update={"tags": analyzer.retag(seen)}), done, [])


def spent(name: str, frames: int, reply: Reply, prices: tuple[float, float] | None) -> str:
    """What one question took, in words."""
    tokens = "tokens not told"
    cost = ""
    if reply.tokens_in is not None and reply.tokens_out is not None:
        tokens = f"{reply.tokens_in} tokens in, {reply.tokens_out} out"
        if prices is not None:
            cost = f", cost {(reply.tokens_in * prices[0] + reply.tokens_out * prices[1]) / 1e6:.6f}"
    return f"asked {name}: {frames} frames, {tokens}, {reply.seconds:.1f} s{cost}"


def _with_stage(report: Report, stage: StageOutcome, errors: list[ErrorItem]) -> Report:
    others = [one for one in report.errors if one.where != STAGE]
    outcome = report.outcome
    if outcome in (Outcome.OK, Outcome.PARTIAL) and not others:
        outcome = Outcome.PARTIAL if errors else Outcome.OK
    return report.model_copy(
        update={
            "outcome": outcome,
            "errors": [*others, *errors],
            "stages": [*(one for one in report.stages if one.name != STAGE), stage],
        }
    )
