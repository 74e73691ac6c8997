"""Everyday texts of many subjects, half Chinese and half English: their mean is what all texts share."""

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
