#!/usr/bin/python3
"""Writes operations.json and resize.json: small images, what Pillow makes of them, for the tests of Data/Augmentation and Data/Sources.

Made with Debian's python3-pil (the version is stored in the files): /usr/bin/python3 make.py
Pixels are base64, in the order of Image.tobytes(): rows of interleaved channels.
"""
import base64
import json
import pathlib
import random

import PIL
from PIL import Image, ImageEnhance, ImageOps

HERE = pathlib.Path(__file__).resolve().parent
FILL = (125, 123, 114)  # the CIFAR mean colour, as the references fill with


def picture(width, height, mode, seed):
    """Soft colour gradients, two hard edges and some noise, not using the whole range of values."""
    noise = random.Random(seed)
    pixels = []
    for y in range(height):
        for x in range(width):
            base = [40 + 150 * x / width, 200 - 140 * y / height, 60 + 90 * (x + y) / (width + height)]
            if (x - width / 2) ** 2 + (y - height / 3) ** 2 < (width / 4) ** 2:
                base = [base[2], base[0], 230]
            if y == height - 3:
                base = [20, 20, 20]
            value = tuple(max(8, min(247, int(channel + noise.gauss(0, 12)))) for channel in base)
            pixels.append(value if mode == "RGB" else value[0])
    image = Image.new(mode, (width, height))
    image.putdata(pixels)
    return image


def text(data):
    return base64.b64encode(data).decode()


def affine(image, matrix, fill):
    return image.transform(image.size, Image.AFFINE, matrix, resample=Image.BICUBIC, fillcolor=fill)


def solarize_add(image, add):
    table = [min(255, value + add) if value < 128 else value for value in range(256)]
    return image.point(table * len(image.getbands()))


OPERATIONS = {
    "AutoContrast": (lambda image, _, fill: ImageOps.autocontrast(image), [0]),
    "Equalize": (lambda image, _, fill: ImageOps.equalize(image), [0]),
    "Invert": (lambda image, _, fill: ImageOps.invert(image), [0]),
    "Rotate": (lambda image, degrees, fill: image.rotate(degrees, resample=Image.BICUBIC, fillcolor=fill), [-30, -7.3, 0, 12.75, 27, 90]),
    "Posterize": (lambda image, bits, fill: ImageOps.posterize(image, bits), [0, 1, 3, 4]),
    "Solarize": (lambda image, threshold, fill: ImageOps.solarize(image, threshold), [0, 26, 130, 256]),
    "SolarizeAdd": (lambda image, add, fill: solarize_add(image, add), [0, 37, 99, 128]),
    "Color": (lambda image, factor, fill: ImageEnhance.Color(image).enhance(factor), [0.1, 0.55, 1.0, 1.37, 1.9]),
    "Contrast": (lambda image, factor, fill: ImageEnhance.Contrast(image).enhance(factor), [0.1, 0.55, 1.0, 1.37, 1.9]),
    "Brightness": (lambda image, factor, fill: ImageEnhance.Brightness(image).enhance(factor), [0.1, 0.55, 1.0, 1.37, 1.9]),
    "Sharpness": (lambda image, factor, fill: ImageEnhance.Sharpness(image).enhance(factor), [0.1, 0.55, 1.0, 1.37, 1.9]),
    "ShearX": (lambda image, factor, fill: affine(image, (1, factor, 0, 0, 1, 0), fill), [-0.3, 0.11, 0.27]),
    "ShearY": (lambda image, factor, fill: affine(image, (1, 0, 0, factor, 1, 0), fill), [-0.3, 0.11, 0.27]),
    "TranslateXRel": (lambda image, part, fill: affine(image, (1, 0, part * image.size[0], 0, 1, 0), fill), [-0.45, 0.1, 0.405]),
    "TranslateYRel": (lambda image, part, fill: affine(image, (1, 0, 0, 0, 1, part * image.size[1]), fill), [-0.45, 0.1, 0.405]),
}


def operations():
    # Not square, so that height and width cannot be exchanged; the last one has a channel of one value only.
    images = [picture(18, 14, "RGB", 1), picture(17, 19, "L", 2), picture(20, 20, "RGB", 3)]
    images[2] = Image.merge("RGB", (images[2].getchannel(0), Image.new("L", (20, 20), 77), images[2].getchannel(2)))
    cases = []
    for name, (apply, arguments) in OPERATIONS.items():
        for number, image in enumerate(images):
            fill = FILL if image.mode == "RGB" else FILL[0]
            for argument in arguments:
                result = apply(image, argument, fill)
                assert result.size == image.size and result.mode == image.mode
                cases.append({"operation": name, "image": number, "argument": argument, "result": text(result.tobytes())})
    return {
        "pillow": PIL.__version__,
        "fill": FILL,
        "images": [{"width": image.width, "height": image.height, "channels": len(image.getbands()), "pixels": text(image.tobytes())} for image in images],
        "cases": cases,
    }


def resizes():
    cases = []
    for (width, height), mode, (new_width, new_height) in [
        ((40, 30), "RGB", (16, 16)), ((33, 47), "L", (12, 20)), ((11, 9), "RGB", (24, 24)), ((28, 28), "L", (32, 32)), ((64, 64), "RGB", (7, 7)),
    ]:
        image = picture(width, height, mode, width)
        result = image.resize((new_width, new_height), Image.BICUBIC)
        cases.append({"width": width, "height": height, "channels": len(image.getbands()), "pixels": text(image.tobytes()),
                      "new_width": new_width, "new_height": new_height, "result": text(result.tobytes())})
    colour = picture(25, 21, "RGB", 9)
    grey = {"width": 25, "height": 21, "pixels": text(colour.tobytes()), "result": text(colour.convert("L").tobytes())}
    return {"pillow": PIL.__version__, "cases": cases, "grey": grey}


if __name__ == "__main__":
    for name, content in (("operations", operations()), ("resize", resizes())):
        (HERE / f"{name}.json").write_text(json.dumps(content, indent=0) + "\n")
