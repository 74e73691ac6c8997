from __future__ import annotations

from benchmarks.tasks.moderation import decide_rows


def test_rows_get_the_labels_of_their_set() -> None:
    violating = {"title": "null", "OCR": "今晚福利|加微信 abc12345", "ASR": "null"}
    harmless = {"title": "公园散步", "OCR": "null", "ASR": None}
    assert decide_rows([violating, harmless], "正向") == ["引导私下交易", "正向"]
