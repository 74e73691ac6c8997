"""A small SenseVoice in the form that sherpa-onnx publishes: true inputs, outputs, metadata and list of tokens.

One layer of masked attention with random weights between the queries and the outputs; a bias keeps
each of the first four places to tokens of its own kind, as training does.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

LANGUAGES = ["zh", "en", "yue", "ja", "ko", "nospeech"]
EMOTIONS = ["HAPPY", "SAD", "ANGRY", "NEUTRAL", "FEARFUL", "DISGUSTED", "SURPRISED", "EMO_UNKNOWN"]
EVENTS = ["Speech", "BGM", "Laughter", "Applause", "Cry", "Sneeze", "Breath", "Cough", "Event_UNK"]
STYLES = ["withitn", "woitn"]
TEXT = ["▁hello", "▁wor", "ld", "▁the", "s", "'", "▁", "你", "好", "开放", "时间", "，", "。", "は", "▁안녕"]
TOKENS = [
    "<unk>", "<s>", "</s>", *TEXT,
    *(f"<|{name}|>" for name in (*LANGUAGES, *EMOTIONS, *EVENTS, *STYLES)),
]  # fmt: skip
_WIDTH, _HIDDEN = 560, 24
_IDS = {"auto": 0, "zh": 3, "en": 4, "yue": 7, "ja": 11, "ko": 12, "nospeech": 13}


def metadata() -> dict[str, str]:
    """What the export script writes, with means and deviations near those of speech."""
    draw = np.random.default_rng(7)
    return {
        "lfr_window_size": "7",
        "lfr_window_shift": "6",
        "normalize_samples": "0",
        "neg_mean": ",".join(f"{value:.6f}" for value in -draw.normal(9.0, 1.0, _WIDTH)),
        "inv_stddev": ",".join(f"{value:.6f}" for value in draw.uniform(0.2, 0.3, _WIDTH)),
        "model_type": "sense_voice_ctc",
        "version": "2",
        "model_author": "iic",
        "maintainer": "k2-fsa",
        "vocab_size": str(len(TOKENS)),
        "comment": "iic/SenseVoiceSmall",
        **{f"lang_{name}": str(number) for name, number in _IDS.items()},
        "with_itn": "14",
        "without_itn": "15",
        "url": "https://huggingface.co/FunAudioLLM/SenseVoiceSmall",
    }


def export(
    folder: Path,
    *,
    file: str = "model.int8.onnx",
    meta: dict[str, str] | None = None,
    inputs: tuple[str, ...] = ("x", "x_length", "language", "text_norm"),
    blank: float = 1.0,
    seed: int = 0,
) -> Path:
    """Write the network and `tokens.txt`; gives the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    graph = _graph(inputs, blank, seed)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    helper.set_model_props(model, metadata() if meta is None else meta)
    onnx.checker.check_model(model)
    onnx.save(model, folder / file)
    lines = [f"{token} {number}" for number, token in enumerate(TOKENS)]
    (folder / "tokens.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def _graph(inputs: tuple[str, ...], blank: float, seed: int) -> onnx.GraphProto:
    draw = np.random.default_rng(seed)
    x, length, language, style = inputs
    weights = {
        "embed": draw.normal(0, 1.0, (16, _WIDTH)),
        "w_in": draw.normal(0, 1.5 / np.sqrt(_WIDTH), (_WIDTH, _HIDDEN)),
        "w_out": draw.normal(0, 1.2, (_HIDDEN, len(TOKENS))),
        "ahead": _bias_ahead(),
        "after": _bias_after(blank),
        "scale": np.float32(_HIDDEN**-0.5),
        "hidden_away": np.float32(-1e9),
    }
    whole = {
        "asked": np.asarray([1, 2]), "one": np.asarray([1]), "two": np.asarray([2]), "zero": np.asarray([0]),
        "four": np.asarray([4]), "end": np.asarray([2**31 - 1]), "scalar_0": np.asarray(0), "scalar_1": np.asarray(1),
        "scalar_4": np.asarray(4),
    }  # fmt: skip
    node = helper.make_node
    nodes = [
        node("Gather", ["embed", language], ["q_language"]),
        node("Unsqueeze", ["q_language", "one"], ["q0"]),
        node("Gather", ["embed", style], ["q_style"]),
        node("Unsqueeze", ["q_style", "one"], ["q3"]),
        node("Gather", ["embed", "asked"], ["q_asked"]),
        node("Unsqueeze", ["q_asked", "zero"], ["q12"]),
        node("Shape", [x], ["size"]),
        node("Gather", ["size", "zero"], ["n"]),
        node("Concat", ["n", "one", "one"], ["n11"], axis=0),
        node("Expand", ["q12", "n11"], ["q12n"]),
        node("Concat", ["q0", "q12n", "q3", x], ["h0"], axis=1),
        node("MatMul", ["h0", "w_in"], ["h1"]),
        node("Tanh", ["h1"], ["h2"]),
        # attention over what belongs to the row: x_length + 4
        node("Shape", ["h2"], ["size4"]),
        node("Gather", ["size4", "scalar_1"], ["t4"]),
        node("Range", ["scalar_0", "t4", "scalar_1"], ["places"]),
        node("Cast", [length], ["length"], to=TensorProto.INT64),
        node("Add", ["length", "scalar_4"], ["length4"]),
        node("Unsqueeze", ["length4", "one"], ["ends"]),
        node("Less", ["places", "ends"], ["inside"]),
        node("Not", ["inside"], ["outside"]),
        node("Cast", ["outside"], ["outside_f"], to=TensorProto.FLOAT),
        node("Mul", ["outside_f", "hidden_away"], ["mask2"]),
        node("Unsqueeze", ["mask2", "one"], ["mask"]),
        node("Transpose", ["h2"], ["h2t"], perm=[0, 2, 1]),
        node("MatMul", ["h2", "h2t"], ["scores"]),
        node("Mul", ["scores", "scale"], ["scaled"]),
        node("Add", ["scaled", "mask"], ["masked"]),
        node("Softmax", ["masked"], ["shares"], axis=-1),
        node("MatMul", ["shares", "h2"], ["seen"]),
        node("Add", ["h2", "seen"], ["h3"]),
        node("MatMul", ["h3", "w_out"], ["plain"]),
        node("Slice", ["plain", "zero", "four", "one"], ["p_ahead"]),
        node("Slice", ["plain", "four", "end", "one"], ["p_after"]),
        node("Add", ["p_ahead", "ahead"], ["b_ahead"]),
        node("Add", ["p_after", "after"], ["b_after"]),
        node("Concat", ["b_ahead", "b_after"], ["logits"], axis=1),
    ]  # fmt: skip
    arrays = [numpy_helper.from_array(np.asarray(one, np.float32), name) for name, one in weights.items()]
    arrays += [numpy_helper.from_array(np.asarray(one, np.int64), name) for name, one in whole.items()]
    info = helper.make_tensor_value_info
    return helper.make_graph(
        nodes,
        "sense_voice",
        [
            info(x, TensorProto.FLOAT, ["N", "T", _WIDTH]),
            *(info(name, TensorProto.INT32, ["N"]) for name in (length, language, style)),
        ],
        [info("logits", TensorProto.FLOAT, ["N", "T4", len(TOKENS)])],
        arrays,
    )


def _bias_ahead() -> NDArray[np.float32]:
    bias = np.full((4, len(TOKENS)), -60.0, np.float32)
    for place, names in enumerate((LANGUAGES, EMOTIONS, EVENTS, STYLES)):
        bias[place, [TOKENS.index(f"<|{name}|>") for name in names]] = 0.0
    return bias


def _bias_after(blank: float) -> NDArray[np.float32]:
    bias = np.full(len(TOKENS), -60.0, np.float32)
    bias[[TOKENS.index(token) for token in TEXT]] = 0.0
    bias[0] = blank
    return bias
