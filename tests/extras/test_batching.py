"""Rows of several threads in one batch: what the network sees, who gets what, errors, memory."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from models.errors import ModelError  # noqa: E402
from models.torch.runtime import Runtime, RuntimeOptions  # noqa: E402
from tests.extras.small import checkpoint, picture  # noqa: E402

#: far longer than any test takes: what is waited for comes
LONG = 60.0


def rows(*values: float, side: int = 4) -> list[Any]:
    return [np.full((3, side, side), value, np.float32) for value in values]


class Net:
    """Means of its rows; the first batch waits until others wait for the next one."""

    def __init__(
        self, runtime: Runtime, others: int, fail: Callable[[Any], None] = lambda seen: None
    ) -> None:
        self.runtime, self.others, self.fail = runtime, others, fail
        self.sizes: list[int] = []
        self.begun = threading.Event()
        self._inside = threading.Lock()

    def forward(self, tensor: Any) -> list[float]:
        assert self._inside.acquire(blocking=False), "a network is entered by one thread at a time"
        try:
            if not self.sizes:
                self.begun.set()
                waiting = self.runtime._batches
                with waiting._changed:
                    assert waiting._changed.wait_for(lambda: len(waiting._calls) > self.others, LONG)
            self.sizes.append(len(tensor))
            self.fail(tensor)
            return tensor.mean(dim=(1, 2, 3)).tolist()
        finally:
            self._inside.release()

    def together(self, *several: list[Any], batch: int) -> list[Any]:
        """What each call gives, or its error; the first runs alone, the others come while it does."""

        def ask(given: list[Any]) -> Any:
            try:
                return self.runtime.map(self.forward, given, batch=batch), self.runtime.notes()
            except Exception as error:
                return error

        with ThreadPoolExecutor(len(several)) as pool:
            futures = [pool.submit(ask, several[0])]
            assert self.begun.wait(LONG)
            futures += [pool.submit(ask, given) for given in several[1:]]
            return [future.result(LONG) for future in futures]


def runtime(**options: Any) -> Runtime:
    return Runtime(RuntimeOptions(device="cpu", **options))


def test_rows_of_threads_share_batches_and_come_back_in_order() -> None:
    net = Net(runtime(), 3)
    found = net.together(rows(0), rows(1, 2, 3), rows(4, 5), rows(*range(6, 12)), batch=8)
    assert [values for values, _ in found] == [[0], [1, 2, 3], [4, 5], [6, 7, 8, 9, 10, 11]]
    assert net.sizes == [1, 8, 3]


@pytest.mark.parametrize(
    ("other", "options"), [(rows(3, 4, side=6), {}), (rows(3, 4), {"deterministic": True})]
)
def test_rows_of_other_shapes_and_of_a_deterministic_run_do_not_mix(
    other: list[Any], options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.torch.runtime._globals_set", True)  # torch itself stays as it is
    net = Net(runtime(**options), 2)
    found = net.together(rows(0), rows(1, 2), other, batch=8)
    assert [values for values, _ in found] == [[0], [1, 2], [3, 4]]
    assert net.sizes == [1, 2, 2]


def test_an_error_reaches_the_thread_whose_rows_caused_it_and_no_other() -> None:
    def fail(seen: Any) -> None:
        if (seen == 13).any():
            raise ValueError("an unlucky row")

    net = Net(runtime(), 3, fail)
    found = net.together(rows(0), rows(1, 2), rows(3, 13), rows(4), batch=8)
    assert [found[i][0] for i in (0, 1, 3)] == [[0], [1, 2], [4]]
    assert isinstance(found[2], ValueError)
    assert net.sizes[:2] == [1, 5]
    assert sorted(net.sizes[2:]) == [1, 2, 2]
    assert net.runtime.map(net.forward, rows(5), batch=4) == [5], "the network goes on"


def test_a_shared_batch_that_does_not_fit_is_halved_and_all_of_it_are_told() -> None:
    def fail(seen: Any) -> None:
        if len(seen) > 3:
            raise torch.OutOfMemoryError("CUDA out of memory")

    net = Net(runtime(), 2, fail)
    first, *others = net.together(rows(0), rows(1, 2, 3), rows(4, 5, 6), batch=6)
    assert first == ([0], [])
    assert [values for values, _ in others] == [[1, 2, 3], [4, 5, 6]]
    assert [notes for _, notes in others] == [["cpu was out of memory at a batch of 6; going on with 3"]] * 2
    assert net.sizes == [1, 6, 3, 3]


def test_a_row_that_does_not_fit_alone_costs_its_thread_only() -> None:
    def fail(seen: Any) -> None:
        if (seen == 13).any():
            raise torch.OutOfMemoryError("")

    net = Net(runtime(), 2, fail)
    _, unlucky, other = net.together(rows(0), rows(13), rows(1, 2), batch=3)
    assert isinstance(unlucky, ModelError)
    assert "one row at a time" in str(unlucky)
    assert other[0] == [1, 2]


def test_too_few_results_are_an_error_and_not_given_to_others() -> None:
    with pytest.raises(ModelError, match="1 results for 2 rows"):
        runtime().map(lambda tensor: [0], rows(1, 2), batch=4)


def test_a_batch_waits_for_those_at_work_and_not_for_nobody() -> None:
    patient = runtime()
    patient._batches._wait = LONG  # it must end by what comes, not by the clock
    net = Net(patient, 0)
    assert patient.map(net.forward, rows(1), batch=4) == [1]
    working = threading.Event()

    def other() -> Any:
        with patient.at_work():
            working.set()
            with patient._batches._changed:
                assert patient._batches._changed.wait_for(lambda: patient._batches._calls, LONG)
            return patient.map(net.forward, rows(4, 5), batch=4)

    with ThreadPoolExecutor(1) as pool, patient.at_work():
        future = pool.submit(other)
        assert working.wait(LONG)
        assert patient.map(net.forward, rows(2, 3), batch=4) == [2, 3]
        assert future.result(LONG) == [4, 5]
    assert net.sizes == [1, 4]


def test_videos_of_several_threads_share_the_batches_of_a_stage(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Through engine and stage: clips of different looks give what each gives alone."""
    pytest.importorskip("torchvision")
    from mmu.engine import Engine
    from mmu.media.clip import Clip
    from mmu.perception.catalog import build_stages
    from models.store import Store
    from models.torch.classification import Classifier

    small = checkpoint(tmp_path, "mobilenet_v3_small")
    choice = {"adapter": "torchvision.classification", "model": "mobilenet_v3_small", "weights": str(small)}
    config = {"device": "cpu", "stages": {"labels": {**choice, "min_score": 0.0}}}
    clips = [
        Clip.from_arrays(frames=[(i / 5, picture(seed=10 * n + i)) for i in range(3)], fps=5)
        for n in range(3)
    ]
    sizes: list[int] = []
    forward = Classifier._forward

    def seen(self: Classifier, pixels: Any) -> Any:
        sizes.append(len(pixels))
        return forward(self, pixels)

    monkeypatch.setattr(Classifier, "_forward", seen)
    engine = Engine(build_stages(config=config, only=["labels"]), Store(tmp_path / "home"), threads=1)
    alone = [engine.perceive(clip).signals.of("image.label") for clip in clips]
    assert sizes == [3, 3, 3]
    look = Classifier.look
    meeting = threading.Barrier(3)

    def meet(self: Classifier, images: Any) -> Any:
        self.runtime._batches._wait = LONG
        meeting.wait(LONG)
        return look(self, images)

    monkeypatch.setattr(Classifier, "look", meet)
    with ThreadPoolExecutor(3) as pool:
        together = [one.signals.of("image.label") for one in pool.map(engine.perceive, clips)]
    engine.close()
    assert sizes[3:] == [9]
    for mine, its in zip(alone, together, strict=True):
        assert [one.value for one in mine] == [one.value for one in its]
        assert [one.score for one in mine] == pytest.approx([one.score for one in its], abs=1e-5)
