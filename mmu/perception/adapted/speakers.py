"""Stage `speakers` with age and gender of each voice by a network: wav2vec 2.0 by Transformers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from mmu.perception.adapted.base import AdaptedStage, AdapterOptions
from mmu.perception.speakers import RATE, SOURCE, Speakers
from mmu.perception.voice_traits import age_attributes, gender_attributes
from mmu.stage import Cost
from models.errors import ModelError

if TYPE_CHECKING:
    from models.store import Store
    from models.torch.voice_age import VoiceAge


class NetworkSpeakers(AdaptedStage[AdapterOptions], Speakers):
    """Who speaks when, with gender, age group and years by a network trained on all ages."""

    models: ClassVar[tuple[str, ...]] = ("campplus", "pyannote-segmentation")
    cost: ClassVar[Cost] = Cost(cpus=1.0, memory_mb=3000)
    requires = ("torch", "transformers")
    extra = "torch"

    def __init__(self, adapter: str, options: AdapterOptions) -> None:
        AdaptedStage.__init__(self, adapter, options)
        Speakers.__init__(self)

    def setup(self, store: Store, *, threads: int = 1) -> None:
        from models.torch.voice_age import VoiceAge

        batch, path = self.options.batch, self.weights(store).path
        network = self.load(
            store, lambda path, runtime: VoiceAge(path, runtime, batch=batch), threads=threads
        )
        if network.sample_rate != RATE:
            raise ModelError(f"{path}: hears {network.sample_rate} Hz, the stage has {RATE} Hz")
        self._load_voices(store, threads=threads)
        self._traits = _Traits(network)

    @property
    def _source(self) -> str:
        return f"{SOURCE}+{self.source}"

    def close(self) -> None:
        AdaptedStage.close(self)
        Speakers.close(self)


class _Traits:
    """What `VoiceTraits` says, by a network."""

    def __init__(self, network: VoiceAge) -> None:
        self._network = network

    def read(self, pieces: Sequence[NDArray[np.float32]]) -> dict[str, Any]:
        """Gender, age group and years, weighed by the length of the pieces."""
        if not pieces:
            return gender_attributes(0.5, 0.5) | age_attributes(None)
        rows = self._network.read(pieces)
        years, female, male, child = np.average(rows, axis=0, weights=[len(piece) for piece in pieces])
        grown = max(float(female + male), 1e-9)
        found = gender_attributes(float(female) / grown, float(male) / grown)
        return found | age_attributes(float(child)) | {"years": round(float(years), 1)}
