"""Positions told to attention by turning queries and keys."""

from keras import ops

from ..precision import full_precision

# Of the slowest pair, in frames over two pi.
MAX_WAVELENGTH = 10000.0


def rotate_by_position(vectors, heads):
    """Turn each pair of channels by an angle that grows with the frame.

    The product of a query and a key that are turned so depends on how far apart their
    frames are, not on where they are.

    The first halves of all heads come before their second halves, and a channel is
    paired with the one of the same place in the other half: so all is done on whole
    rows, which takes a CPU half as long as one head after another.

    Args:
        vectors: `[batch, frames, units]`, of all heads; units are a multiple of
            `2 * heads`.
        heads: Number of heads.

    Returns:
        `[batch, heads, frames, units / heads]`.

    Reference:
        Su et al., 2021, "RoFormer: Enhanced Transformer with Rotary Position
        Embedding", section 3.2.
    """
    batch, frames = ops.shape(vectors)[:2]
    pairs = vectors.shape[-1] // (2 * heads)
    speeds = [MAX_WAVELENGTH ** (-pair / pairs) for pair in range(pairs)]
    places = full_precision(ops.arange(frames, dtype="int32"))
    angles = places[:, None] * ops.convert_to_tensor(speeds * heads, places.dtype)
    cosines = ops.cast(ops.cos(angles), vectors.dtype)
    sines = ops.cast(ops.sin(angles), vectors.dtype)
    first, second = ops.split(vectors, 2, axis=-1)
    turned = ops.concatenate(
        [first * cosines - second * sines, second * cosines + first * sines], axis=-1
    )
    turned = ops.reshape(turned, (batch, frames, 2, heads, pairs))
    turned = ops.transpose(turned, (0, 3, 1, 2, 4))
    return ops.reshape(turned, (batch, heads, frames, 2 * pairs))
