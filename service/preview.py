"""A small picture of an anonymized window. Never of a raw one."""

import io

import numpy as np
from PIL import Image

from service.message import Message

_ON = np.array([255, 145, 60], np.float32)
_OFF = np.array([70, 150, 255], np.float32)


def preview_png(message: Message) -> bytes:
    """PNG of ``H x W``: on minus off, summed over the bins, on orange and off blue on black.

    Scaled so that the 99th percentile of its magnitude is full brightness.
    """
    tensor = message.tensor
    balance = tensor[1::2].sum(axis=0) - tensor[0::2].sum(axis=0)
    scale = float(np.percentile(np.abs(balance), 99)) or 1.0
    strength = np.clip(balance / scale, -1, 1)[..., None]
    pixels = np.where(strength > 0, strength * _ON, -strength * _OFF)
    file = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8), "RGB").save(file, "PNG")
    return file.getvalue()
