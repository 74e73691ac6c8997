"""Everyday texts of many subjects, half Chinese and half English: their mean is what all texts share.

The mean of their E5 vectors is kept in `text_background.npy`, as encoding them takes a second of every
process that starts; `python -m models.text_background` writes it anew.
"""

from __future__ import annotations

from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from models.text_e5 import E5

_FILE = "text_background.npy"

#: none is about a subject that another repeats; titles, hashtags and sentences are mixed
BACKGROUND = (
    *("今天天气真好", "猫咪", "家常红烧肉的做法", "足球比赛精彩瞬间", "新手化妆教程", "我们去海边看日出"),
    *("手机评测", "周末和朋友一起唱歌", "高考数学题讲解", "健身打卡第三十天", "他终于说出了那句话", "搞笑"),
    *("农村生活", "这首歌听哭了多少人", "新车试驾体验", "小朋友第一次上学", "股市今天大跌", "穿搭分享"),
    *("电影解说", "医生提醒大家注意", "游戏直播回放", "如何学好英语", "一分钟看懂历史", "旅行日记"),
    *("广场舞", "地震救援现场", "手工制作小礼物", "明星演唱会", "我真的太累了", "装修避坑指南"),
    *("What a lovely day", "cat", "easy dinner recipe", "best goals of the week", "makeup for beginners"),
    *("sunrise at the beach", "phone review", "singing with my friends", "math lesson", "gym motivation"),
    *(
        "he finally said it",
        "funny moments",
        "life on a farm",
        "this song makes me cry",
        "new car test drive",
    ),
    *("first day at school", "stocks fell sharply today", "outfit ideas", "movie explained", "ask a doctor"),
    *("gaming livestream", "learn a language fast", "history in one minute", "travel diary", "street dance"),
    *("rescue after the storm", "handmade gift", "live concert", "I am so tired", "home renovation tips"),
)


def mean_vector(encoder: E5) -> NDArray[np.float32]:
    """(384,) float32: the mean of the texts' vectors."""
    return np.asarray(np.mean([encoder.embed([text])[0] for text in BACKGROUND], axis=0), np.float32)


def stored_mean() -> NDArray[np.float32]:
    """What `mean_vector` gave for the shipped weights."""
    with (files("models") / _FILE).open("rb") as file:
        return np.asarray(np.load(file, allow_pickle=False), np.float32)


if __name__ == "__main__":
    from models.store import Store

    with open(str(files("models") / _FILE), "wb") as file:  # noqa: PTH123 - a Traversable
        np.save(file, mean_vector(E5(Store().file("text-e5-small"))))
