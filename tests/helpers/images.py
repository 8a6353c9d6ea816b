"""Image files of every kind, made by Pillow."""

import io

import numpy as np
from PIL import Image


def noise(height=40, width=60, seed=0, mode="RGB"):
    """A smooth random image, as natural as a codec needs it."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)
    image = Image.fromarray(small).resize((width, height), Image.BICUBIC)
    return image.convert(mode)


def encode(image, format="PNG", **options):
    """Returns the bytes of a PIL image or of a uint8 array in a file format."""
    if isinstance(image, np.ndarray):
        image = Image.fromarray(image)
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def pixels(contents, mode="RGB"):
    """Decodes by Pillow, the oracle."""
    image = np.asarray(Image.open(io.BytesIO(contents)).convert(mode))
    return image if image.ndim == 3 else image[..., None]


def animation(format, frames=3, **options):
    """The bytes of an animated GIF or WebP."""
    first, *rest = (noise(seed=seed) for seed in range(frames))
    return encode(first, format, save_all=True, append_images=rest, **options)


def kinds():
    """Name -> bytes of one image in every kind that can be decoded."""
    rgb = noise()
    wide = np.linspace(0, 65535, 40 * 60).reshape(40, 60).astype(np.uint16)
    return {
        "jpeg": encode(rgb, "JPEG", quality=95),
        "jpeg-grey": encode(rgb.convert("L"), "JPEG", quality=95),
        "jpeg-cmyk": encode(rgb.convert("CMYK"), "JPEG", quality=95),
        "jpeg-progressive": encode(rgb, "JPEG", quality=95, progressive=True),
        "png": encode(rgb, "PNG"),
        "png-grey": encode(rgb.convert("L"), "PNG"),
        "png-grey-alpha": encode(rgb.convert("LA"), "PNG"),
        "png-alpha": encode(rgb.convert("RGBA"), "PNG"),
        "png-palette": encode(rgb.convert("P"), "PNG"),
        "png-1-bit": encode(rgb.convert("1"), "PNG"),
        "png-16-bit": encode(wide, "PNG"),
        "gif": encode(rgb.convert("P"), "GIF"),
        "gif-animated": animation("GIF"),
        "bmp": encode(rgb, "BMP"),
        "bmp-grey": encode(rgb.convert("L"), "BMP"),
        "bmp-alpha": encode(rgb.convert("RGBA"), "BMP"),
        "webp": encode(rgb, "WEBP", quality=95),
        "webp-lossless": encode(rgb, "WEBP", lossless=True),
        "webp-alpha": encode(rgb.convert("RGBA"), "WEBP", lossless=True),
    }
