from __future__ import annotations

from benchmarks.tasks.moderation import decide_row


def test_rows_get_the_labels_of_their_set() -> None:
    row = {"title": "null", "OCR": "今晚福利|加微信 abc12345", "ASR": "null"}
    assert decide_row(row, "正向") == "引导私下交易"
    assert decide_row({"title": "公园散步", "OCR": "null", "ASR": None}, "正向") == "正向"
