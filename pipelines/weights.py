"""Weights on a node: fetched once, by whichever worker comes first."""

from __future__ import annotations

from pathlib import Path

from mmu.errors import ModelError
from mmu.perception.catalog import build_stages
from mmu.reasoning.similarity import MODELS as TEXT_MODELS
from models.lock import locked
from models.pull import pull
from models.store import Store
from pipelines.config import JobConfig


def ensure_weights(config: JobConfig) -> None:
    """Fetch what a job needs and the node does not have.

    Raises:
        ModelError: weights are missing and may not, or cannot, be fetched.
    """
    store = Store(Path(config.store)) if config.store else Store()
    stages = build_stages(config.profile, only=config.stages, skip=config.skip, config=config.networks)
    names = dict.fromkeys([*(name for stage in stages for name in stage.models), *TEXT_MODELS])

    def missing() -> list[str]:
        return [name for name in names if not store.has(name)]

    if not missing():
        return
    if not config.pull:
        # Without the encoders of text, words decide; without a stage's weights nothing does.
        needed = [name for name in missing() if name not in TEXT_MODELS]
        if needed:
            raise ModelError(
                f"{', '.join(needed)} are not in {store.root}, and `pull` is off: run `mmu models pull` there"
            )
        return
    store.root.mkdir(parents=True, exist_ok=True)
    with locked(store.root / ".batch-pull.lock"):
        pull(store, [store.manifest.model(name) for name in missing()])
