from __future__ import annotations

from benchmarks.tasks.ocr import ReadLine, score


def test_case_space_and_width_do_not_matter() -> None:
    result = score(
        {"lines": ["Hello World", "ＡＢＣ"], "exact": True}, [ReadLine("hello world"), ReadLine("abc")]
    )
    assert (result.matched, result.edits, result.line_recall, result.cer) == (2, 0, 1.0, 0.0)


def test_line_may_be_joined_from_several_or_be_part_of_one() -> None:
    entry = {"lines": ["皆空 度一切苦厄 舍利子", "爱亲"], "exact": False}
    lines = [ReadLine("皆空"), ReadLine("度一切苦厄"), ReadLine("舍利子"), ReadLine("aiqin爱亲")]
    assert score(entry, lines).matched == 2


def test_a_fifth_wrong_is_read_and_more_is_missed() -> None:
    result = score({"lines": ["abcde", "vwxyz"], "exact": False}, [ReadLine("abcdX"), ReadLine("vwQQz")])
    assert result.matched == 1
    assert result.edits == 1
    assert result.missed == ("vwxyz",)


def test_span_must_meet() -> None:
    entry = {"lines": ["TAXI"], "exact": False, "spans": [[2.7, 2.9]]}
    assert score(entry, [ReadLine("TAXI", (2.5, 2.6))]).matched == 1
    assert score(entry, [ReadLine("TAXI", (8.0, 9.0))]).matched == 0
    entry["spans"] = [None]
    assert score(entry, [ReadLine("TAXI", (8.0, 9.0))]).matched == 1


def test_prefix() -> None:
    entry = {"lines": ["Once upon"], "exact": False, "match": "prefix"}
    assert score(entry, [ReadLine("Once upon a time in the west")]).matched == 1
    assert score(entry, [ReadLine("It was not Once upon")]).matched == 0


def test_lines_where_there_are_none() -> None:
    result = score({"lines": [], "exact": True}, [ReadLine("noise")])
    assert result.false_lines == 1
    assert result.line_recall is None
