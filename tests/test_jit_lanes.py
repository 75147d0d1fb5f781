"""Lanes beside the same arithmetic on single numbers, which they must equal to the last digit."""

from __future__ import annotations

import numpy as np
import pytest
from numba.core.errors import TypingError

from geodfx.jit import clamp_lanes, kernel, lanes_of, read_lanes, splat, write_lanes


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
