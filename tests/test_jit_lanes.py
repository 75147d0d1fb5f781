"""Lanes beside the same arithmetic on single numbers, which they must equal to the last digit."""

from __future__ import annotations

import numpy as np
import pytest
from numba.core.errors import TypingError

from geodfx.jit import (
    PACKET,
    clamp_lanes,
    clamp_packet,
    kernel,
    lanes_of,
    less_bits,
    pick_less,
    read_lanes,
    read_packet,
    root,
    splat,
    splat_packet,
    write_lanes,
    write_packet,
)


@kernel
def _mix(nodes, at, share, out, to):
    mixed = read_lanes(nodes, at) * splat(share) + read_lanes(nodes, at + np.uint64(5)) * lanes_of(
        np.float32(1.5), np.float32(-0.25), share, np.float32(0.0)
    )
    write_lanes(out, to, mixed)
    write_lanes(out, to + np.uint64(4), clamp_lanes(mixed))


def test_lanes_are_single_numbers_side_by_side():
    rng = np.random.default_rng(5)
    nodes = rng.normal(0, 2, 40).astype(np.float32)
    for at in (0, 1, 6, 31):
        share, out = np.float32(rng.random()), np.full(12, 9, np.float32)
        _mix(nodes, np.uint64(at), share, out, np.uint64(3))
        weight = np.array([1.5, -0.25, share, 0], np.float32)
        expected = nodes[at : at + 4] * share + nodes[at + 5 : at + 9] * weight
        np.testing.assert_array_equal(out[3:7], expected)
        np.testing.assert_array_equal(out[7:11], np.clip(expected, 0, 1))
        assert (out[:3] == 9).all()  # nothing beside them is touched
        assert out[11] == 9


def test_lanes_clamp_what_is_no_number_to_nought():
    out = np.zeros(8, np.float32)
    _mix(np.full(9, np.nan, np.float32), np.uint64(0), np.float32(1), out, np.uint64(0))
    np.testing.assert_array_equal(out[4:], 0)


@pytest.mark.parametrize("nodes", [np.zeros(9), np.zeros((3, 3), np.float32), np.zeros(18, np.float32)[::2]])
def test_lanes_are_read_from_flat_floats_alone(nodes):
    with pytest.raises(TypingError):
        _mix(nodes, np.uint64(0), np.float32(1), np.zeros(8, np.float32), np.uint64(0))


@kernel
def _mix_packets(one, other, number, out):
    a, b = read_packet(one, np.uint64(0)), read_packet(other, np.uint64(1))
    write_packet(out, np.uint64(0), a * 2.0 - b / number)
    write_packet(out, np.uint64(PACKET), number - (-a) + 1)
    write_packet(out, np.uint64(2 * PACKET), root(a * a + b * b))
    write_packet(out, np.uint64(3 * PACKET), pick_less(a, b, splat_packet(np.float32(7)), clamp_packet(b)))
    return less_bits(a, b)


def test_packets_are_single_numbers_side_by_side():
    rng = np.random.default_rng(6)
    one, other = rng.normal(0, 2, PACKET).astype(np.float32), rng.normal(0, 2, PACKET + 1).astype(np.float32)
    one[3], one[4] = other[4], np.nan  # equal is not less, and what is no number is neither
    out = np.empty(4 * PACKET, np.float32)
    bits = _mix_packets(one, other, 3.0, out)
    b, rows = other[1:], out.reshape(4, PACKET)
    np.testing.assert_allclose(rows[0], one * 2 - b / np.float32(3), atol=1e-6)
    np.testing.assert_allclose(rows[1], 3 + one + 1, atol=1e-6)
    np.testing.assert_allclose(rows[2], np.hypot(one, b), rtol=1e-6)
    np.testing.assert_array_equal(rows[3], np.where(one < b, 7, np.clip(b, 0, 1)))
    assert [bits >> i & 1 for i in range(PACKET)] == (one < b).astype(int).tolist()
