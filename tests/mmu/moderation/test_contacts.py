from __future__ import annotations

import pytest

from mmu.moderation.contacts import find_contacts


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("我的微信号：abc_12345", "wechat", "abc_12345"),
        ("vx abc12345 详聊", "wechat", "abc12345"),
        ("薇❤️信 hello2024", "wechat", None),
        ("ｗｘ：zhangsan88", "wechat", "zhangsan88"),
        ("QQ群：123456789", "qq", "123456789"),
        ("扣扣 87654321", "qq", "87654321"),
        ("电话13800138259", "phone", "13800138259"),
        ("138-0013-8259", "phone", "13800138259"),
        ("幺三八零零一三八二五九", "phone", "13800138259"),
        ("join t.me/best_deals", "telegram", None),
        ("WhatsApp: +44 7700 900123", "whatsapp", None),
        ("mail me: someone@example.com", "email", "someone@example.com"),
        ("see https://example.com/shop", "link", None),
        ("扫描下方二维码", "qr", None),
        ("Scan the QR code to join", "qr", None),
    ],
)
def test_found(text: str, kind: str, value: str | None) -> None:
    found = [contact for contact in find_contacts(text) if contact.kind == kind]
    if kind == "wechat" and value is None:
        # An emoji in the middle hides the name; the handle alone proves nothing.
        assert found == []
        return
    assert len(found) == 1
    if value is not None:
        assert found[0].value == value
    assert text[found[0].start : found[0].end].strip()


@pytest.mark.parametrize(
    "text",
    [
        "微信支付到账10元",
        "腾讯发布微信8.0版本",
        "2024年11月13日 15:30:25",
        "订单号 202411131530250001",
        "圆周率3.14159265358979",
        "播放量13800000000000",
        "增加volume和维生素",
        "身份证号不要告诉别人",
        "二维码的发明历史",
        "the QR code was invented in 1994",
    ],
)
def test_innocent(text: str) -> None:
    assert find_contacts(text) == []
