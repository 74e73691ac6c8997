"""Write small inference models of PaddleOCR: python paddle_export.py FOLDER CHARACTERS."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import paddle
import yaml
from paddle import nn
from paddle.static import InputSpec


class Detector(nn.Layer):
    """A smoothed brightness as the probability of text, at the size of the picture."""

    def __init__(self) -> None:
        super().__init__()
        self.smooth = nn.Conv2D(3, 1, 5, padding=2)
        self.smooth.weight.set_value(np.full((1, 3, 5, 5), 4.0 / 75, np.float32))
        self.smooth.bias.set_value(np.full(1, -4.0, np.float32))

    def forward(self, x):
        return nn.functional.sigmoid(self.smooth(x))


class Recogniser(nn.Layer):
    """One convolution over columns of eight pixels, and a softmax over the characters."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.columns = nn.Conv2D(3, 32, (48, 8), stride=(48, 8))
        self.head = nn.Linear(32, classes)

    def forward(self, x):
        features = self.columns(x).squeeze(2).transpose([0, 2, 1])
        return nn.functional.softmax(6 * self.head(features), axis=-1)


def export(network: nn.Layer, shape: list[int], folder: Path, config: dict) -> None:
    folder.mkdir(parents=True)
    network.eval()
    paddle.jit.save(network, str(folder / "inference"), input_spec=[InputSpec(shape, "float32", name="x")])
    (folder / "inference.yml").write_text(yaml.safe_dump(config, allow_unicode=True), encoding="utf-8")


def main(folder: Path, characters: str) -> None:
    paddle.seed(3)
    decode = {"DecodeImage": {"channel_first": False, "img_mode": "BGR"}}
    normalise = {
        "mean": [0.485, 0.456, 0.406],
        "std": [0.229, 0.224, 0.225],
        "scale": "1./255.",
        "order": "hwc",
    }
    det = {
        "Global": {"model_name": "PP-OCRv5_mobile_det"},
        "PreProcess": {
            "transform_ops": [decode, {"DetResizeForTest": None}, {"NormalizeImage": normalise}, {"ToCHWImage": None}]
        },
        "PostProcess": {
            "name": "DBPostProcess", "thresh": 0.3, "box_thresh": 0.6, "max_candidates": 1000, "unclip_ratio": 1.5
        },
    }  # fmt: skip
    export(Detector(), [-1, 3, -1, -1], folder / "det", det)
    rec = {
        "Global": {"model_name": "PP-OCRv5_mobile_rec"},
        "PreProcess": {"transform_ops": [decode, {"RecResizeImg": {"image_shape": [3, 48, 320]}}]},
        "PostProcess": {"name": "CTCLabelDecode", "character_dict": list(characters)},
    }
    export(Recogniser(len(characters) + 2), [-1, 3, 48, -1], folder / "rec", rec)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
