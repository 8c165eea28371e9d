#!/usr/bin/env python3
"""Cuts the shipped Fashion-MNIST subset out of the full set (Debian: apt-get install dataset-fashion-mnist).

The first TRAIN_PER_CLASS and TEST_PER_CLASS images of each class, in the order of the originals, as gzipped IDX.
Usage: make.py [FULL_SET_FOLDER] [OUTPUT_FOLDER]
"""
import gzip
import pathlib
import struct
import sys

TRAIN_PER_CLASS = 600
TEST_PER_CLASS = 100


def read(path):
    with gzip.open(path, "rb") as file:
        return file.read()


def write(path, data):
    # No name and no time inside: the same input gives the same bytes.
    with open(path, "wb") as file, gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=file, mtime=0) as packed:
        packed.write(data)


def cut(source, target, part, per_class):
    images = read(source / f"{part}-images-idx3-ubyte.gz")
    labels = read(source / f"{part}-labels-idx1-ubyte.gz")
    magic, count, height, width = struct.unpack(">4i", images[:16])
    assert magic == 0x803 and struct.unpack(">2i", labels[:8]) == (0x801, count)
    size = height * width
    taken = [0] * 10
    kept = []
    for index in range(count):
        label = labels[8 + index]
        if taken[label] < per_class:
            taken[label] += 1
            kept.append(index)
    assert taken == [per_class] * 10
    pixels = b"".join(images[16 + index * size:16 + (index + 1) * size] for index in kept)
    write(target / f"{part}-images-idx3-ubyte.gz", struct.pack(">4i", 0x803, len(kept), height, width) + pixels)
    write(target / f"{part}-labels-idx1-ubyte.gz", struct.pack(">2i", 0x801, len(kept)) + bytes(labels[8 + index] for index in kept))


def main():
    source = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "/usr/share/datasets/fashion-mnist")
    target = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else pathlib.Path(__file__).resolve().parent
    cut(source, target, "train", TRAIN_PER_CLASS)
    cut(source, target, "t10k", TEST_PER_CLASS)


if __name__ == "__main__":
    main()
