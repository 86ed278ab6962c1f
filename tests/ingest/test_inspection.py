"""Which images pass, and what is measured on them."""

from __future__ import annotations

import io
import random
import struct
import zlib

import numpy as np
import pytest
from pictures import encoded, pixels
from PIL import Image

from components.ingest.inspection import Limits, Unfit, inspect

LIMITS = Limits(min_side=4, max_pixels=1_000_000)
COLOUR = Image.fromarray(pixels(1))
FRAMES = {"save_all": True, "append_images": [Image.fromarray(pixels(2))]}


def png(width: int, height: int, depth: int = 8) -> bytes:
    """A PNG whose header says this, and whose pixels are not there."""
    header = struct.pack(">IIBBBBB", width, height, depth, 0, 0, 0, 0)
    parts = [(b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 100)), (b"IEND", b"")]
    chunks = (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in parts
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


@pytest.mark.parametrize(
    ("mode", "options", "channels"),
    [
        ("1", {}, 1),
        ("L", {}, 1),
        ("L", {"transparency": 0}, 1),
        ("LA", {}, 2),
        ("P", {}, 3),
        ("P", {"bits": 2}, 3),
        ("P", {"transparency": b"\x00\x80"}, 3),
        ("RGB", {}, 3),
        ("RGBA", {}, 4),
    ],
)
def test_every_kind_of_png_up_to_eight_bits_passes(mode, options, channels):
    found = inspect(encoded(COLOUR.convert(mode), "PNG", **options), LIMITS, "a.png")
    assert (found.width, found.height, found.channels, found.format) == (24, 24, channels, "png")


@pytest.mark.parametrize(("mode", "channels"), [("L", 1), ("RGB", 3)])
@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"quality": 20}, {"restart_marker_blocks": 2}])
def test_grey_and_colour_jpeg_pass(mode, channels, options):
    found = inspect(encoded(COLOUR.convert(mode), "JPEG", **options), LIMITS, "a.JPG")
    assert (found.channels, found.format) == (channels, "jpeg")


@pytest.mark.parametrize(
    ("data", "name", "reason"),
    [
        (b"", "a.png", "is empty"),
        (b"not an image", "a.png", "is neither PNG nor JPEG"),
        (encoded(COLOUR, "JPEG"), "a.png", "is named .png, but holds JPEG"),
        (encoded(COLOUR, "GIF"), "a.jpg", "is named .jpg, but holds GIF"),
        (encoded(COLOUR, "PNG"), "a.jpeg", "is named .jpeg, but holds PNG"),
        (encoded(COLOUR, "GIF"), "a.gif", "is GIF; only PNG and JPEG are read"),
        (encoded(COLOUR, "BMP"), "a.bmp", "is BMP; only PNG and JPEG are read"),
        (encoded(COLOUR, "TIFF"), "a.tif", "is TIFF; only PNG and JPEG are read"),
        (encoded(COLOUR, "WEBP"), "", "is WEBP; only PNG and JPEG are read"),
        (encoded(COLOUR, "PNG", **FRAMES), "a.png", "is animated"),
        (encoded(COLOUR.convert("CMYK"), "JPEG"), "a.jpg", "is a CMYK JPEG"),
        (encoded(Image.fromarray(np.arange(100, dtype=np.uint16).reshape(10, 10))), "a.png", "16 bits a channel"),
        (png(16, 16, depth=16), "a.png", "16 bits a channel"),
        (encoded(np.zeros((1, 1), np.uint8)), "a.png", "has 1 x 1 pixels, less than data.min_side (4)"),
        (encoded(np.zeros((400, 3), np.uint8)), "a.png", "has 3 x 400 pixels"),
        (png(20_000, 20_000), "a.png", "has 20,000 x 20,000 pixels, more than data.max_pixels (1,000,000)"),
        (encoded(COLOUR)[:-300], "a.png", "is cut short"),
        (encoded(COLOUR)[:-5], "a.png", "is cut short"),
        (encoded(COLOUR, "JPEG")[:-100], "a.jpg", "is cut short"),
        (encoded(COLOUR, "JPEG")[:-2], "a.jpg", "is cut short"),
        (encoded(COLOUR).replace(b"IDAT", b"IDOT"), "a.png", "does not decode"),
        (encoded(COLOUR, "JPEG").replace(b"\xff\xc0", b"\xff\xc9"), "a.jpg", "is no baseline or progressive JPEG"),
    ],
)
def test_what_is_refused_and_why(data, name, reason):
    with pytest.raises(Unfit) as raised:
        inspect(data, LIMITS, name)
    assert reason in str(raised.value)


def test_a_bomb_is_refused_by_its_header(monkeypatch):
    """The header says 20,000 x 20,000; nothing of it is decoded."""
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", lambda self: pytest.fail("decoded"))
    with pytest.raises(Unfit, match=r"data\.max_pixels"):
        inspect(png(20_000, 20_000), Limits(4, 89_478_485))


def test_eight_pixels_are_enough():
    assert inspect(encoded(np.zeros((8, 8), np.uint8)), LIMITS).width == 8


def test_what_stands_behind_an_image_does_not_matter():
    for form in ("PNG", "JPEG"):
        inspect(encoded(COLOUR, form) + b"a note of the camera's", LIMITS)


def test_brightness_is_the_mean_of_luma():
    black, white = np.zeros((10, 10, 3), np.uint8), np.full((10, 10, 3), 255, np.uint8)
    grey = np.full((10, 10), 51, np.uint8)
    assert [inspect(encoded(image), LIMITS).brightness for image in (black, white, grey)] == [0, 1, pytest.approx(0.2)]
    assert inspect(encoded(pixels(1, light=0.1)), LIMITS).brightness < inspect(encoded(pixels(1)), LIMITS).brightness


def test_sharpness_is_the_variance_of_the_laplacian():
    """Source: Pech-Pacheco et al. 2000, "Diatom autofocusing in brightfield microscopy"."""
    chess = np.indices((6, 6)).sum(axis=0) % 2 * 100
    assert inspect(encoded(chess.astype(np.uint8)), LIMITS).sharpness == pytest.approx(400**2)
    assert inspect(encoded(np.full((6, 6), 100, np.uint8)), LIMITS).sharpness == 0
    blurred = COLOUR.resize((6, 6), Image.Resampling.BOX).resize((24, 24), Image.Resampling.BICUBIC)
    assert inspect(encoded(blurred), LIMITS).sharpness < 0.1 * inspect(encoded(COLOUR), LIMITS).sharpness


def test_the_largest_images_are_measured_on_a_small_copy():
    large = Image.fromarray(pixels(3, side=1024))
    found = inspect(encoded(large, "JPEG"), Limits(4, 1024**2))
    assert found.brightness == pytest.approx(np.asarray(large.convert("L")).mean() / 255, abs=0.01)
    assert found.width == 1024


def test_whatever_passes_decodes_in_tensorflow_too():
    """Flipped bits, bytes put in, taken out and cut off: TensorFlow reads each mutant that passes inspection."""
    import tensorflow as tf

    random_ = random.Random(3)
    sources = [encoded(COLOUR.convert(mode), "PNG") for mode in ("1", "L", "LA", "P", "RGB", "RGBA")]
    sources += [encoded(COLOUR.convert(mode), "JPEG", progressive=late) for mode in ("L", "RGB") for late in (0, 1)]
    passed = 0
    for data in [*sources, *(_mutant(random_.choice(sources), random_) for _ in range(1500))]:
        try:
            inspect(data, LIMITS)
        except Unfit:
            continue
        passed += 1
        for channels in (1, 3):
            decoded = tf.io.decode_image(data, channels=channels, expand_animations=False)
            assert decoded.shape == (*Image.open(io.BytesIO(data)).size[::-1], channels)
    assert passed > 100


def _mutant(data: bytes, random_: random.Random) -> bytes:
    mutant, at = bytearray(data), random_.randrange(len(data))
    match random_.choice(["flip", "flip", "insert", "remove", "cut"]):
        case "flip":
            mutant[at] ^= 1 << random_.randrange(8)
        case "insert":
            mutant[at:at] = random_.randbytes(random_.randint(1, 4))
        case "remove":
            del mutant[at : at + random_.randint(1, 8)]
        case "cut":
            del mutant[at:]
    return bytes(mutant)
