"""The analysis process of a worker: loaded networks, one request after the other or several at once.

Started as `python -m pipelines.child READ WRITE` with two pipes. A crash of a native library ends this
process and nothing else; the end of the worker ends it too, because its pipe closes.
"""

from __future__ import annotations

import faulthandler
import os
import sys
import threading
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, NoReturn

from mmu.analyzer import Analyzer
from mmu.engine import Progress
from mmu.errors import USER_ERRORS, MediaError
from mmu.observed import Observed
from mmu.recall import Answers
from pipelines import wire
from pipelines.config import JobConfig, make_analyzer
from pipelines.kept import KeptClip
from pipelines.rows import Row
from pipelines.weights import ensure_weights

if TYPE_CHECKING:
    from mmu.media.clip import Clip


class Service:
    """Answers requests about videos."""

    def __init__(self, analyzer: Analyzer) -> None:
        self._analyzer = analyzer
        self._kept = KeptClip()

    def serve(
        self, requests: SimpleQueue[dict[str, Any]], send: Callable[[dict[str, Any]], None]
    ) -> NoReturn:
        """Answer one request after the other; each thread that does so has a video of its own."""
        while True:
            self._serve_one(requests.get(), send)

    def _serve_one(self, request: dict[str, Any], send: Callable[[dict[str, Any]], None]) -> None:
        def tell(event: dict[str, Any]) -> None:
            send({**event, "number": request.get("number")})

        try:
            answer = self.answer(request, tell)
        except Exception as error:  # one video must not end the process
            answer = {"error": f"{type(error).__name__}: {error}"}
        tell({"answer": answer})

    def answer(self, request: dict[str, Any], tell: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
        """The answer to one request; `tell` is called with the names of stages as they end."""
        row = Row.from_json(request["row"])

        def progress(stage: str, done: int, total: int) -> None:
            tell({"ended": stage})

        match request["op"]:
            case "analyze":
                self._kept.drop()
                report = self._analyzer.analyze(
                    row.uri, title=row.title, topics=row.topics, progress=progress
                )
                return {"report": report.model_dump(mode="json", by_alias=True)}
            case "observe":
                try:
                    with self._clip(row, request["stages"]) as clip:
                        seen = self._analyzer.observer.observe(
                            clip, stages=request["stages"], progress=progress
                        )
                except MediaError as error:
                    return {"unread": str(error)}
                return {"observed": seen.to_json(), "kept": True}
            case "look_ahead":
                try:
                    return self._look_ahead(row, request["stages"], request["window"], progress)
                except MediaError as error:
                    return {"unread": str(error)}
            case "conclude":
                parts = [Observed.from_json(part) for part in request["parts"]]
                answers = Answers()
                for packed in request["answers"]:
                    answers.add(Answers.from_bytes(b64decode(packed)))
                words: dict[str, Any] = {"title": row.title, "topics": row.topics}
                try:
                    with self._clip(row, None) as clip:
                        observed = self._analyzer.observer.complete(
                            clip, parts, answers=answers, progress=progress
                        )
                    self._kept.drop()
                    report = self._analyzer.conclude(observed, **words)
                except MediaError:  # it went away meanwhile: its report says so
                    report = self._analyzer.analyze(row.uri, **words, progress=progress)
                return {"report": report.model_dump(mode="json", by_alias=True)}
            case "probe":
                return {"seconds": probe_seconds(row.uri)}
            case other:
                raise ValueError(f"unknown request {other!r}")

    def _look_ahead(
        self, row: Row, stages: list[str], window: tuple[float, float], progress: Progress
    ) -> dict[str, Any]:
        listens = all(
            not stage.needs.frames for stage in self._analyzer.observer.stages if stage.name in stages
        )
        if listens and not self._kept.has(row.key):
            answers = self._analyzer.observer.look_ahead(row.uri, *window, stages=stages, progress=progress)
        else:
            with self._clip(row, stages) as clip:
                answers = self._analyzer.observer.look_ahead(clip, *window, stages=stages, progress=progress)
        packed = b64encode(answers.to_bytes()).decode()
        return {"answers": packed, "kept": self._kept.has(row.key)}

    @contextmanager
    def _clip(self, row: Row, stages: list[str] | None) -> Iterator[Clip]:
        """The decoded video; it is kept afterwards, for its next share."""
        clip = self._kept.take(row.key) or self._analyzer.observer.open(row.uri, stages=stages)
        try:
            yield clip
        except BaseException:
            clip.close()
            raise
        self._kept.put(row.key, clip)

    def close(self) -> None:
        """Remove the pictures that are kept."""
        self._kept.drop()


def probe_seconds(uri: str) -> float:
    """Length of a video by its header alone, read by ranges from object stores; 0 when it does not say."""
    import av
    import fsspec

    from mmu.media.uri import REMOTE_SCHEMES

    scheme = uri.partition("://")[0] if "://" in uri else "file"
    if scheme != "file" and scheme not in REMOTE_SCHEMES:
        return 0.0
    try:
        with (
            fsspec.open(uri, "rb", block_size=1 << 20) as file,
            av.open(file, metadata_errors="replace") as media,
        ):
            return (media.duration or 0) / av.time_base
    except Exception:  # whatever is wrong with it, analysing it will say so
        return 0.0


def share_groups(analyzer: Analyzer) -> list[dict[str, Any]]:
    """Groups of stages that may be given to different workers, see `pipelines.shares.Group`."""
    stages = {stage.name: stage for stage in analyzer.observer.stages}
    return [
        {
            "stages": names,
            "recalls": [name for name in names if stages[name].recalls],
            "listens": not any(stages[name].needs.frames for name in names),
        }
        for names in analyzer.observer.groups
    ]


def main() -> int:
    """Serve until the worker closes its end."""
    source, sink = int(sys.argv[1]), int(sys.argv[2])
    faulthandler.enable()
    requests: SimpleQueue[dict[str, Any]] = SimpleQueue()
    services: list[Service] = []
    start = wire.receive(source)
    if start is None:
        return 0

    def listen() -> None:
        # A worker that was killed must not leave a process behind that analyses for nobody.
        while (message := wire.receive(source)) is not None:
            requests.put(message)
        for service in services:
            service.close()
        os._exit(0)

    threading.Thread(target=listen, daemon=True).start()
    try:
        config = JobConfig.model_validate(start["config"])
        # Here rather than in the worker, which need not load the code of the stages to know their weights.
        ensure_weights(config)
        wire.send(sink, {"weights": True})
        analyzer = make_analyzer(config)
    except USER_ERRORS as error:
        wire.send(sink, {"fatal": str(error)})
        return 2
    service = Service(analyzer)
    services.append(service)
    hello = {"ready": True, "pipeline": analyzer.fingerprint, "groups": share_groups(analyzer)}
    wire.send(sink, hello)
    sending = threading.Lock()

    def send(message: dict[str, Any]) -> None:
        with sending:
            wire.send(sink, message)

    serve = partial(service.serve, requests, send)
    for _ in range(config.videos_at_once - 1):
        threading.Thread(target=serve, daemon=True).start()
    serve()
    return 0


if __name__ == "__main__":
    sys.exit(main())
