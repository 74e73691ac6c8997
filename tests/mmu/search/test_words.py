from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mmu.search.words import chunks, stem, words


def test_chinese_becomes_pairs_without_grammar() -> None:
    assert words("做饭的小男孩") == ["做饭", "小男", "男孩"]
    assert words("做飯") == ["做饭"]


def test_english_forms_meet() -> None:
    assert words("Dogs running in the snow") == words("dog runs snow")
    assert stem("cities") == stem("city")
    assert stem("makes") == stem("making") == stem("make")
    assert stem("glasses") == stem("glass")


def test_chunks() -> None:
    assert chunks("戴眼镜的女士 and a DOG") == ["戴眼镜", "女士", "dog"]


@given(st.text())
def test_any_text_gives_words_that_a_full_text_query_can_quote(text: str) -> None:
    for word in words(text):
        assert word
        assert '"' not in word
        assert not any(character.isspace() for character in word)
