"""What perception saw of one video, ready to travel between processes.

`Analyzer.observe` makes it, with all stages or some; `Observed.merge` joins
the parts that several processes saw; `Analyzer.conclude` makes the report.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from mmu.engine import Perceived
from mmu.errors import ConfigError
from mmu.outcome import ErrorItem, Outcome, StageOutcome
from mmu.report.schema import MediaFacts, Moderation
from mmu.signals import Signal, SignalSet

Medium = Literal["picture", "video", "audio"]

#: stages that moderation relies on
MODERATED = ("explicit", "text", "speech")


@dataclass(frozen=True, slots=True)
class Observed:
    """The facts of a clip and the signals of the stages that looked at it."""

    sha256: str
    facts: MediaFacts
    medium: Medium
    #: of decoding
    errors: Sequence[ErrorItem]
    perceived: Perceived

    @property
    def outcome(self) -> Outcome:
        """Of the video as a whole."""
        states = [one.outcome for one in self.perceived.stages if one.outcome is not Outcome.SKIPPED]
        if states and all(state is Outcome.FAILED for state in states):
            return Outcome.FAILED
        return Outcome.PARTIAL if self.errors or Outcome.FAILED in states else Outcome.OK

    def doubt(self, moderation: Moderation | None) -> Moderation | None:
        """Name the stages that could not look; a video that was not looked at does not pass."""
        states = {stage.name: stage.outcome for stage in self.perceived.stages}
        unchecked = [name for name in MODERATED if states.get(name, Outcome.FAILED) is Outcome.FAILED]
        if moderation is None or not unchecked:
            return moderation
        decision = "review" if moderation.decision == "pass" else moderation.decision
        return moderation.model_copy(update={"unchecked": unchecked, "decision": decision})

    def to_json(self) -> dict[str, Any]:
        """Plain JSON data; embeddings are base64 of little-endian float16."""
        return {
            "sha256": self.sha256,
            "facts": self.facts.model_dump(mode="json"),
            "medium": self.medium,
            "errors": [error.model_dump(mode="json") for error in self.errors],
            "signals": [_pack(signal) for signal in self.perceived.signals],
            "stages": [stage.model_dump(mode="json") for stage in self.perceived.stages],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Observed:
        """What `to_json` wrote."""
        return cls(
            sha256=data["sha256"],
            facts=MediaFacts.model_validate(data["facts"]),
            medium=data["medium"],
            errors=[ErrorItem.model_validate(error) for error in data["errors"]],
            perceived=Perceived(
                SignalSet(_unpack(signal) for signal in data["signals"]),
                [StageOutcome.model_validate(stage) for stage in data["stages"]],
            ),
        )

    @classmethod
    def merge(cls, parts: Sequence[Observed], order: Iterable[str], emitters: Mapping[str, str]) -> Observed:
        """One observation of parts that different stages made of the same bytes.

        Args:
            parts: at least one; a stage that is in several counts once.
            order: names of all stages, in the order of the pipeline.
            emitters: signal kind -> name of the stage that emits it.

        Raises:
            ConfigError: the parts are of different bytes, or a stage is in none.
        """
        if len({part.sha256 for part in parts}) != 1:
            raise ConfigError(f"{parts[0].facts.uri}: the file changed while its parts were analysed")
        stages: dict[str, StageOutcome] = {}
        signals: dict[str, list[Signal]] = {}
        for part in parts:
            new = {stage.name: stage for stage in part.perceived.stages if stage.name not in stages}
            stages |= new
            signals |= {name: [] for name in new}
            for signal in part.perceived.signals:
                if (name := emitters[signal.kind]) in new:
                    signals[name].append(signal)
        order = list(order)
        if missing := [name for name in order if name not in stages]:
            raise ConfigError(f"no part has the stage {', '.join(missing)}")
        merged = SignalSet(signal for name in order for signal in signals[name])
        return replace(parts[0], perceived=Perceived(merged, [stages[name] for name in order]))


def _pack(signal: Signal) -> dict[str, Any]:
    data: dict[str, Any] = {
        "kind": signal.kind,
        "value": signal.value,
        "score": signal.score,
        "span": signal.span,
        "box": signal.box,
        "track": signal.track,
        "source": signal.source,
        "attributes": signal.attributes,
        "id": signal.id,
    }
    if signal.embedding is not None:
        vector = np.asarray(signal.embedding)
        data["embedding"] = base64.b64encode(vector.astype("<f2").tobytes()).decode()
        data["shape"] = vector.shape
    return data


def _unpack(data: Mapping[str, Any]) -> Signal:
    signal = Signal.from_json(data)
    if "embedding" in data:
        raw = np.frombuffer(base64.b64decode(data["embedding"]), "<f2")
        signal = replace(signal, embedding=raw.astype(np.float16).reshape(data["shape"]))
    return signal
