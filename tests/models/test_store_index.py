"""Where wheels are looked for: pip's configuration, index pages, links."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from models.errors import ModelError
from models.index import Index, NotOnIndexError, is_wheel_of, links_of_html, normalise
from models.manifest import Wheel
from models.pipconfig import DEFAULT_INDEX, PipConfig, hide_password, parse_pip_config, read_pip_config

LISTING = """global.index-url='https://mirror.example/simple/'
global.extra-index-url='https://one.example/simple\\nhttps://two.example/simple'
global.timeout='60'
download.timeout='90'
install.proxy='http://wrong:1'
"""


def test_defaults() -> None:
    assert parse_pip_config("", {}) == PipConfig(indexes=(DEFAULT_INDEX,))


def test_listing_and_environment_are_merged_as_pip_does() -> None:
    config = parse_pip_config(LISTING, {"PIP_PROXY": "http://proxy:3128", "PIP_TRUSTED_HOST": "one.example"})
    assert config.indexes == (
        "https://mirror.example/simple",
        "https://one.example/simple",
        "https://two.example/simple",
    )
    assert config.timeout == 90
    assert config.proxy == "http://proxy:3128"
    assert config.trusted_hosts == {"one.example"}
    assert (
        parse_pip_config(LISTING, {"PIP_INDEX_URL": "https://env.example/s"}).indexes[0]
        == "https://env.example/s"
    )
    assert parse_pip_config(LISTING, {"PIP_NO_INDEX": "1"}).indexes == ()


def test_the_real_pip_is_asked(tmp_path: Path) -> None:
    path = tmp_path / "pip.conf"
    path.write_text("[global]\nindex-url = https://mirror.example/simple\nfind-links = /some/wheels\n")
    env = {k: v for k, v in os.environ.items() if not k.startswith("PIP_")} | {"PIP_CONFIG_FILE": str(path)}
    config = read_pip_config(env)
    assert config.indexes[0] == "https://mirror.example/simple"
    assert config.find_links == ("/some/wheels",)


def test_html_page() -> None:
    page = (
        '<html><head><base href="https://files.example/x/"></head><body>'
        f'<a href="a_b-1.0-py3-none-any.whl#sha256={"AB" * 32}">x</a>'
        '<a href="/y/a%2Bb-1.0.tar.gz#md5=123">y</a><a name="none">z</a></body></html>'
    )
    first, second = links_of_html(page, "https://index.example/simple/a-b/")
    assert first.url == "https://files.example/x/a_b-1.0-py3-none-any.whl"
    assert first.sha256 == "ab" * 32
    assert (second.url, second.filename) == ("https://files.example/y/a%2Bb-1.0.tar.gz", "a+b-1.0.tar.gz")
    assert second.sha256 is None


@pytest.mark.parametrize(
    ("filename", "fits"),
    [
        ("ina_Speech-1.0-py3-none-any.whl", True),
        ("Ina.Speech-1.0-cp311-cp311-linux_x86_64.whl", True),
        ("ina_speech-1.0.1-py3-none-any.whl", False),
        ("ina_speech_more-1.0-py3-none-any.whl", False),
        ("ina_speech-1.0.tar.gz", False),
    ],
)
def test_wheel_names(filename: str, fits: bool) -> None:
    assert is_wheel_of(filename, Wheel("ina-speech", "1.0")) is fits
    assert not is_wheel_of(filename, Wheel("ina-speech", "1.0", "ina_speech-1.0-other.whl"))


def test_local_places(tmp_path: Path) -> None:
    flat, simple = tmp_path / "flat", tmp_path / "simple" / "net-work"
    for folder in (flat, simple):
        folder.mkdir(parents=True)
    (flat / "net_work-1.0-py3-none-any.whl").write_bytes(b"x")
    (simple / "net_work-2.0-py3-none-any.whl").write_bytes(b"x")
    (simple / "index.html").write_text('<a href="net_work-2.0-py3-none-any.whl">x</a>')
    index = Index(
        PipConfig(indexes=(simple.parent.as_uri(),), find_links=(str(flat), str(tmp_path / "none")))
    )
    assert index.find(Wheel("net-work", "1.0")).local == flat / "net_work-1.0-py3-none-any.whl"
    assert index.find(Wheel("Net.Work", "2.0")).local == simple / "net_work-2.0-py3-none-any.whl"
    with pytest.raises(NotOnIndexError, match=r"net-work==3\.0 is on none"):
        index.find(Wheel("net-work", "3.0"))
    assert issubclass(NotOnIndexError, ModelError)


def test_passwords_are_not_shown() -> None:
    assert hide_password("https://me:secret@host:8443/simple") == "https://host:8443/simple"


def test_normalise() -> None:
    assert normalise("Ina__Speech.-Segmenter") == "ina-speech-segmenter"
