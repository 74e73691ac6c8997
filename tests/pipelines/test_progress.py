"""Numbers, metrics and the page of a job."""

from __future__ import annotations

import re
import socket
import urllib.request
from collections import Counter

import pytest

from mmu.errors import ConfigError
from pipelines.config import JobConfig
from pipelines.jobreport import render
from pipelines.monitor import Monitor
from pipelines.progress import POINTS, Progress
from pipelines.worker import Result


def filled(tasks: int = 20) -> Progress:
    progress = Progress()
    progress.numbers.listed = tasks * 2
    for number in range(tasks):
        result = Result(f"t{number}", keys=["a", "b"], bytes=10, media_seconds=30.0, seconds=2.0)
        result.outcomes.update({"ok": 1, "dead": 1})
        result.codes.update({"<empty>": 1})
        result.tags.update({"cat": 1})
        result.stages = Counter({"text": 1.5, "faces": 0.5})
        result.slowest = [(float(number), f"<b>{number}</b>.mp4")]
        progress.started -= 1.0
        progress.add(result)
    return progress


def test_numbers_add_up_and_series_stay_small() -> None:
    progress = filled(3 * POINTS)
    assert progress.numbers.done == 6 * POINTS
    assert progress.error_rate() == 0.5
    assert len(progress.series) <= POINTS + 1
    assert progress.eta() is None
    progress.numbers.complete = True
    assert progress.eta() == 0.0
    assert f"{6 * POINTS}/{6 * POINTS} videos" in progress.line()
    assert "text 75%" in progress.line()


def test_the_page_escapes_and_draws() -> None:
    page = render(JobConfig(src="<src>", out="out"), "abc", filled())
    assert "<b>19</b>.mp4" not in page
    assert "&lt;b&gt;19&lt;/b&gt;.mp4" in page
    assert "&lt;src&gt;" in page
    assert page.count("<svg") == 6  # no decisions: no plot
    assert re.search(r"text</text>.*30 s · 75%", page)


def test_metrics_over_http() -> None:
    pytest.importorskip("prometheus_client")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    progress = filled()
    with Monitor(progress, port=port, quiet=True):
        text = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics").read().decode()
        with pytest.raises(ConfigError, match=f"port {port}"):
            Monitor(progress, port=port)
    assert 'mmu_batch_videos_total{outcome="dead"} 20.0' in text
    assert 'mmu_batch_stage_seconds_total{stage="text"} 30.0' in text
    assert "mmu_batch_eta_seconds NaN" in text
