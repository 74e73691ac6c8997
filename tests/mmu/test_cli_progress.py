"""Progress on standard error: lines now and then where there is no terminal."""

from __future__ import annotations

import pytest

from mmu.cli_progress import Steps


def test_the_first_line_comes_at_once_and_the_next_when_it_is_time(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [100.0]
    monkeypatch.setattr("mmu.cli_progress.time.monotonic", lambda: clock[0])
    with Steps("files", 4) as steps:
        for name, seconds in (("a.wav", 4.0), ("b.wav", 5.0), ("c.wav", 2.0), ("", 0.0)):
            steps.step(name)
            clock[0] += seconds
    shown = capsys.readouterr()
    assert shown.err.splitlines() == ["files: 1 of 4 (a.wav)", "files: 4 of 4"]
    assert shown.out == ""
    assert steps.done == 4


def test_a_terminal_has_a_bar(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    with Steps("reports", 2) as steps:
        steps.step("one.json")
        steps.step("two.json")
    assert "reports:   0%" in capsys.readouterr().err
