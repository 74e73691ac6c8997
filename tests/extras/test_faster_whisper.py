"""faster-whisper with a network of another size: converted in the test, batched, compared with the library."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs mmu-video[torch]")
transformers = pytest.importorskip("transformers", reason="needs mmu-video[torch]")

from ctranslate2.converters import TransformersConverter  # noqa: E402
from faster_whisper import BatchedInferencePipeline, WhisperModel  # noqa: E402

from mmu.perception.adapted.speech import number_format, place  # noqa: E402
from models.errors import ModelError  # noqa: E402
from models.store import Store  # noqa: E402
from models.whisper import Whisper  # noqa: E402
from tests.extras.small_sound import sound  # noqa: E402

RATE = 16000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small Whisper of 128 mel bands, as large-v3 has them, in CTranslate2's format."""
    store = Store()
    if not store.has("whisper-base"):
        pytest.skip("needs `mmu models pull`: the tokenizer is that of whisper-base")
    tokenizer = store.folder("whisper-base") / "tokenizer.json"
    made, out = tmp_path_factory.mktemp("hf"), tmp_path_factory.mktemp("ct2") / "network"
    config = transformers.WhisperConfig(
        vocab_size=51865,
        num_mel_bins=128,
        d_model=32,
        encoder_layers=2,
        decoder_layers=2,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=64,
        decoder_ffn_dim=64,
        max_target_positions=448,
    )
    transformers.set_seed(1)
    network = transformers.WhisperForConditionalGeneration(config)
    network.generation_config.alignment_heads = [[1, 0], [1, 1]]
    network.generation_config.suppress_tokens = None
    network.save_pretrained(made)
    shutil.copyfile(tokenizer, made / "tokenizer.json")
    transformers.PreTrainedTokenizerFast(tokenizer_file=str(tokenizer)).save_pretrained(made)
    transformers.WhisperFeatureExtractor(feature_size=128).save_pretrained(made)
    TransformersConverter(str(made), copy_files=["tokenizer.json", "preprocessor_config.json"]).convert(
        str(out)
    )
    converted = json.loads((out / "config.json").read_text())
    converted["lang_ids"] = list(range(50259, 50358))  # the converter of a random network finds none
    (out / "config.json").write_text(json.dumps(converted))
    return out


def test_several_pieces_are_read_as_the_library_reads_each(folder: Path) -> None:
    pieces = [(sound(4, seed=1), "en"), (sound(2, seed=2), "zh"), (sound(3, seed=3), "en")]
    network = Whisper(folder, compute_type="float32", batch=3, beam_size=1, source="faster-whisper:small@1")
    found = network.transcribe_many(pieces)
    library = WhisperModel(str(folder), device="cpu", compute_type="float32", local_files_only=True)
    for ours, (samples, language) in zip(found, pieces, strict=True):
        (theirs,) = BatchedInferencePipeline(library).transcribe(
            samples,
            language=language,
            beam_size=1,
            temperature=0.0,
            word_timestamps=True,
            clip_timestamps=[{"start": 0, "end": len(samples) / RATE}],
            batch_size=1,
        )[0]
        if theirs.compression_ratio > 2.4:
            continue  # a random network goes round in circles, and is asked again on its own
        assert [word.text for part in ours for word in part.words] == [word.word for word in theirs.words]
        for word, other in zip([word for part in ours for word in part.words], theirs.words, strict=True):
            assert (word.start, word.end) == pytest.approx((other.start, other.end), abs=0.03)
    assert network.source == "faster-whisper:small@1"


def test_every_language_has_a_probability(folder: Path) -> None:
    found = Whisper(folder, compute_type="float32").languages(sound(5))
    assert len(found) == 99
    assert sum(found.values()) == pytest.approx(1, abs=1e-3)


def test_a_folder_that_lacks_a_file_is_refused(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "copy")
    (tmp_path / "copy" / "tokenizer.json").unlink()
    with pytest.raises(ModelError, match=r"tokenizer\.json missing"):
        Whisper(tmp_path / "copy")
    (tmp_path / "copy" / "tokenizer.json").write_bytes((folder / "tokenizer.json").read_bytes())
    (tmp_path / "copy" / "model.bin").write_bytes(np.zeros(64, np.uint8).tobytes())
    with pytest.raises(ModelError, match="not a Whisper network"):
        Whisper(tmp_path / "copy")


def test_where_and_in_which_numbers_it_works() -> None:
    assert place("cpu") == ("cpu", 0)
    with pytest.raises(ModelError, match="works on cpu and cuda"):
        place("mps")
    with pytest.raises(ModelError, match=r"sees \d+ GPU"):
        place("cuda:77")
    assert number_format("auto", "cpu") == "int8"
    assert number_format("auto", "cuda") == "float16"
    assert number_format("bf16", "cuda") == "bfloat16"
