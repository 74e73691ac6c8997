from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmu.moderation.lexicon import Lexicon, LexiconError, parse
from mmu.moderation.normalise import dense, plain, words


def find(terms: list[str], text: str) -> list[str]:
    matches = Lexicon(parse("rule", terms, score=0.5)).find(text)
    return [text[match.start : match.end] for match in matches]


@pytest.mark.parametrize(
    "text",
    ["加微信", "加 微 信", "加*微*信", "加-微信", "加\u200b微\u200b信", "加微\ufe0f信", "快加微信！"],
)
def test_hidden_spellings_are_found(text: str) -> None:
    assert len(find(["加微信"], text)) == 1


def test_script_and_width() -> None:
    assert find(["电信诈骗"], "小心電信詐騙啊") == ["電信詐騙"]
    assert find(["vx"], "我的 ＶＸ 号") == ["ＶＸ"]
    assert find(["sexy"], "ѕехy girl") == ["ѕехy"], "Cyrillic letters that look Latin"


@pytest.mark.parametrize("text", ["白色 情侣装", "增加，微信号", "他加。微信是", "再加 微信步数"])
def test_terms_do_not_form_across_words(text: str) -> None:
    assert find(["色情", "加微信"], text) == []


@pytest.mark.parametrize("text", ["a classic assessment", "Essex", "passes"])
def test_alphabetic_terms_are_whole_words(text: str) -> None:
    assert find(["ass", "sex"], text) == []


def test_spelled_letters_are_joined() -> None:
    assert find(["porn"], "free p.o.r.n here") == ["p.o.r.n"]


def test_exception_covers_a_term_only_where_it_stands() -> None:
    terms = ["毒品", "! 缉毒品类"]
    assert find(terms, "缉毒品类") == []
    assert find(terms, "缉毒品类，毒品") == ["毒品"]


def test_all_parts_are_needed() -> None:
    assert find(["免费 + 手机"], "免费领取") == []
    assert find(["免费 + 手机"], "手机免费领取") == ["免费"]


@pytest.mark.parametrize("line", ["term = much", "= 0.5", "a + = 0.5", "term = 1.5"])
def test_bad_lines_name_their_number(line: str) -> None:
    with pytest.raises(LexiconError, match="line 2"):
        parse("rule", ["good", line], score=0.5)


@given(st.text())
def test_views_point_into_the_text(text: str) -> None:
    normal, source = plain(text)
    assert len(normal) == len(source)
    for view in (dense(text), words(text)):
        assert len(view.text) == len(view.source)
        assert all(0 <= place < max(1, len(text)) for place in view.source)
        assert list(view.source) == sorted(view.source)


@pytest.mark.parametrize("apostrophe", ["'", "’", "‘", "ʼ", "＇"])
def test_apostrophes_are_one(apostrophe: str) -> None:
    assert words(f"We don{apostrophe}t allow").text == " we don't allow "
