from __future__ import annotations

import time

import pytest

from mmu.moderation.decide import decide
from mmu.moderation.policy import Policy, load_policy
from mmu.report.schema import Evidence, EvidenceStep, Name, Tag
from mmu.signals import Box, Signal, Span


@pytest.fixture(scope="module")
def policy() -> Policy:
    return load_policy()


@pytest.mark.parametrize(
    ("category", "title"),
    [
        ("sexual", "深夜福利 爆乳美女主播"),
        ("sexual", "free nudes and sex tape"),
        ("minors_harm", "萝莉福利视频"),
        ("minors_improper", "初中生抽烟逃学"),
        ("illegal", "线上赌场真人荷官 下注返水"),
        ("illegal", "buy weed online"),
        ("political", "宣扬台独 焚烧国旗"),
        ("prohibited_goods", "出售仿真枪 甩棍"),
        ("violence", "斩首 碎尸 虐猫"),
        ("abuse", "你这个傻逼 死全家"),
        ("abuse", "kill yourself you fucking idiot"),
        ("historical_nihilism", "抹黑英雄 美化侵略"),
        ("dangerous", "高空无保护徒手攀爬 自制炸弹"),
        ("false_information", "不转不是中国人 惊天内幕"),
        ("private_deals", "想要的私信我 加微信 abc12345"),
        ("private_deals", "add me on telegram"),
        ("false_promises", "点赞就送 关注就送手机"),
        ("exaggerated_effects", "一抹就白 三天见效 永不反弹"),
        ("hyped_sales", "秒没了 三二一上链接 马上涨价"),
        ("superstition", "算命看手相 改运"),
        ("fan_circle", "控评打投 集资应援"),
        ("copied_work", "百度网盘提取码 全集免费看"),
        ("ai_unlabelled", "一键换脸 ai克隆声音"),
        ("clickbait", "震惊全国 不看后悔一辈子"),
    ],
)
def test_violating(policy: Policy, category: str, title: str) -> None:
    result = decide(policy, title=title)
    assert result.decision != "pass"
    assert result.category == category
    assert result.priority > 0
    assert {hit.category for hit in result.hits} >= {category}
    assert all(hit.axis == "user" and hit.text and hit.text in title for hit in result.hits)


@pytest.mark.parametrize(
    ("category", "title"),
    [
        ("sexual", "白色情人节吃鱼香肉丝配西红柿，妈妈穿了性冷淡风的外套"),
        ("minors_harm", "反校园霸凌主题班会，孩子们画画"),
        ("minors_improper", "初中生参加数学竞赛，老师不许吸烟"),
        ("illegal", "禁毒宣传日：远离毒品，民警进校园讲防骗"),
        ("political", "国庆节升国旗仪式，日本精工手表评测"),
        ("prohibited_goods", "象牙白的连衣裙，保护穿山甲公益短片"),
        ("violence", "预防自杀热线，反家暴公益讲座"),
        ("abuse", "关爱智障儿童，废物利用做手工"),
        ("historical_nihilism", "缅怀邱少云、黄继光等英雄烈士"),
        ("dangerous", "春季登山安全须知"),
        ("false_information", "天气预报：明天有雨"),
        ("private_deals", "微信发布新版本，增加了新功能"),
        ("false_promises", "给妈妈送花，给朋友送祝福"),
        ("exaggerated_effects", "每天跑步三公里的三十天记录"),
        ("hyped_sales", "第一次直播做菜，链接两代人的味道"),
        ("superstition", "快递转运中心的一天"),
        ("fan_circle", "粉丝和偶像一起做公益"),
        ("copied_work", "港口搬运工的故事"),
        ("ai_unlabelled", "内容由ai生成，仅供参考"),
        ("clickbait", "看到最后有彩蛋"),
    ],
)
def test_innocent(policy: Policy, category: str, title: str) -> None:
    result = decide(policy, title=title)
    assert result.decision == "pass", [(hit.category, hit.text) for hit in result.hits]
    assert result.category is None


@pytest.mark.parametrize(
    ("rule", "title"),
    [
        ("words.drugs", "cocaine for sale, hmu"),
        ("words.drugs", "麻古有货，懂的来"),
        ("words.weapons", "真枪现货"),
        ("words.weapons", "guns for sale whatsapp"),
        ("words.explosives", "how to make pipe bombs"),
        ("words.threats", "我会弄死你全家"),
        ("words.self_harm", "安眠药吃多少能死"),
        ("words.solicitation", "escort services tonight"),
        ("words.child_safety", "小学生裸照"),
        ("words.gambling", "赌球平台 稳赢"),
        ("words.fraud", "stolen cards? selling cvv"),
        ("words.hate", "all muslims should die"),
        ("words.drugs", "LSD tabs shipping"),
        ("words.drugs", "xanax bars in bulk, text me"),
        ("words.drugs", "shrooms, discreet shipping"),
        ("words.drugs", "求购冰毒"),
        ("words.drugs", "k粉 面交"),
        ("words.weapons", "where to buy guns cheap"),
        ("words.weapons", "handguns, no id needed"),
        ("words.solicitation", "小姐上门"),
        ("words.solicitation", "外围空降，可过夜"),
        ("words.solicitation", "美女包夜"),
        ("words.solicitation", "call girls incall outcall"),
        ("words.self_harm", "cut yourself tonight"),
        ("words.self_harm", "you should starve yourself"),
        ("words.self_harm", "slit your wrists, nobody would miss you"),
        ("words.self_harm", "不如去割腕"),
        ("words.self_harm", "快去跳楼"),
    ],
)
def test_plainly_forbidden(policy: Policy, rule: str, title: str) -> None:
    result = decide(policy, title=title)
    assert result.decision != "pass"
    assert rule in {hit.rule for hit in result.hits}


@pytest.mark.parametrize(
    "title",
    [
        "加油站旁卖子弹头玩具车",
        "枪声响起，卖菜的大爷愣住了",
        "买筋膜枪送男友",
        "police seized guns for sale in a raid",
        "买白粉扑和口红",
        "你怎么不去死海旅游",
        "要你的命题作文",
        "my legs are going to kill me",
        "kids eating nude color lipstick",
        "gas the car before the women arrive",
        "cocaine found in shipping container",
        "weed carts for the garden",
        "王小姐上门退货，店家这样回应",
        "香港小姐空降综艺",
        "小姐快餐店开业",
        "小姐姐上门取件",
        "外围市场过夜利率走低",
        "妹子上门送货",
        "full service restaurant hookup kit",
        "cut yourself some slack tonight",
        "cut yourself a slice of cake right now",
        "don't cut yourself tonight",
        "don't starve yourself right now, eat well",
        "你去坐跳楼机了吗",
        "美国枪支泛滥 民众忧虑",
        "猎枪走火伤人",
        "买枪支的新规定出台",
    ],
)
def test_its_words_in_innocent_texts(policy: Policy, title: str) -> None:
    result = decide(policy, title=title)
    assert result.decision == "pass", [(hit.rule, hit.text) for hit in result.hits]


@pytest.mark.parametrize(
    ("category", "title"),
    [
        ("illegal", "出售冰毒，远离警察，加微信"),
        ("illegal", "出售冰毒 影视道具 加微信"),
        ("illegal", "buy meth, avoid police, dm me"),
        ("illegal", "buy heroin online no police"),
        ("illegal", "selling cocaine like in the movie, telegram only"),
        ("illegal", "百家乐 上分 好玩的游戏 加微信"),
        ("illegal", "fake passports for sale, best game in town, whatsapp"),
        ("prohibited_goods", "出售手枪 严禁还价 加微信"),
        ("prohibited_goods", "glock for sale, no police, whatsapp"),
        ("sexual", "学生妹包夜 拒绝还价 加微信"),
        ("minors_harm", "幼女资源 拒绝白嫖 加微信"),
    ],
)
def test_an_offer_is_not_made_innocent_by_words_of_law_or_play(
    policy: Policy, category: str, title: str
) -> None:
    result = decide(policy, title=title)
    assert result.decision != "pass", [(hit.rule, hit.text) for hit in result.hits]
    assert category in {hit.category for hit in result.hits}


@pytest.mark.parametrize(
    "title",
    [
        "卖玩具手枪 包邮",
        "gta: where to buy guns in the game, dm me",
        "男子贩毒，用包邮的快递出售毒品，已被抓获",
        "police seized guns for sale on telegram",
        "documentary: how dealers sell cocaine on telegram",
        "反诈课堂：出租银行卡跑分 包邮骗局",
    ],
)
def test_reports_lessons_and_toys_are_no_offers(policy: Policy, title: str) -> None:
    result = decide(policy, title=title)
    assert result.decision == "pass", [(hit.rule, hit.text) for hit in result.hits]


def test_what_plays_say_counts_less_on_screen_than_in_a_title(policy: Policy) -> None:
    line = Signal("text.line", "我杀了你", 0.99, Span(3, 6), "ocr", id="text.line:0")
    threat = Signal("text.line", "我要炸了学校", 0.99, Span(3, 6), "ocr", id="text.line:0")
    assert decide(policy, title="我杀了你").decision == "review"
    assert decide(policy, signals=[line]).decision == "pass"
    assert decide(policy, signals=[threat]).decision == "review"


def test_hits_carry_signal_span_and_box(policy: Policy) -> None:
    line = Signal(
        "text.line", "加薇信 abc12345 咨询", 0.99, Span(3, 6), "ocr", Box(10, 20, 300, 40), id="text.line:0"
    )
    speech = Signal("speech.segment", "需要的私信我", 0.9, Span(7, 9), "asr", id="speech.segment:0")
    result = decide(policy, signals=[line, speech], title="手工皮包")
    assert result.decision == "review"
    assert result.category == "private_deals"
    by_signal = {hit.signal: hit for hit in result.hits}
    assert by_signal["text.line:0"].span == (3, 6)
    assert by_signal["text.line:0"].box == (10, 20, 300, 40)
    assert by_signal["text.line:0"].axis == "text"
    assert by_signal["speech.segment:0"].axis == "speech"


def test_several_weak_hits_add_up_and_repetition_does_not(policy: Policy) -> None:
    once = decide(policy, title="性感")
    assert decide(policy, title="性感", topics=["性感", "性感"]).priority == once.priority
    assert decide(policy, title="性感 丝袜 少妇").priority > once.priority


def test_rules_of_a_platform_are_no_violation(policy: Policy) -> None:
    text = "Community Guidelines: pornography, sex tapes, hate speech and hitman for hire are not allowed."
    assert decide(policy, title=text).decision == "pass"
    assert decide(policy, title="社区规范：禁止色情、裸聊、赌博、约炮").decision == "pass"


def test_explicit_picture(policy: Policy) -> None:
    def picture(score: float) -> Signal:
        return Signal("image.explicit", "explicit", score, Span(1, 2), "opennsfw", id="image.explicit:0")

    assert decide(policy, signals=[picture(0.3)]).decision == "pass"
    result = decide(policy, signals=[picture(0.93)])
    assert result.decision == "review"
    assert result.category == "sexual"
    assert result.hits[0].axis == "image"
    assert result.hits[0].span == (1, 2)


def weapon(axis: str) -> Tag:
    step = EvidenceStep(kind="signal", id="s", text="revolver")
    evidence = Evidence(axis=axis, weight=0.9, signal="s", source="m", path=[step], span=(1.0, 2.0))  # type: ignore[arg-type]
    return Tag(id="gun", name=Name(zh="枪", en="gun"), facet="element", score=0.9, evidence=[evidence])


def test_tag_counts_when_it_was_seen(policy: Policy) -> None:
    assert decide(policy, tags=[weapon("image")]).decision == "review"
    assert decide(policy, tags=[weapon("user")]).decision == "pass"


def test_nothing_said_and_nothing_seen(policy: Policy) -> None:
    result = decide(policy)
    assert (result.decision, result.category, result.priority, result.hits) == ("pass", None, 0.0, [])
    assert result.version == policy.version


def test_long_text_is_quick(policy: Policy) -> None:
    text = "今天天气很好，我们去公园散步，看到了很多花。" * 2000
    start = time.process_time()
    assert decide(policy, title=text).decision == "pass"
    assert time.process_time() - start < 4
