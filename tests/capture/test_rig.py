"""The light rig: directions that can be used, and those that cannot."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from geodfx.capture.rig import make_rig
from geodfx.capture.session import read_session
from geodfx.errors import CalibrationError, GeodfxWarning

SOURCE = Path("dome") / "lights.lp"


def ring(height, count=8):
    turn = np.arange(count) * 2 * np.pi / count
    rim = np.sqrt(1 - height * height)
    return np.stack([rim * np.cos(turn), rim * np.sin(turn), np.full(count, height)], axis=1)


def rig_of(direction, **options):
    return make_rig(direction, [f"p{i}" for i in range(len(direction))], SOURCE, **options)


def test_directions_come_out_at_length_one():
    rig = rig_of(3.0 * np.concatenate([ring(0.4), ring(0.8)]), radius_rad=0.1)
    np.testing.assert_allclose(rig.direction, np.concatenate([ring(0.4), ring(0.8)]), atol=1e-12)
    assert rig.radius_rad == 0.1
    assert rig.irradiance.shape == (16, 3)
    assert (rig.irradiance == 1).all()
    assert (rig.residual_rad == 0).all()


def test_residuals_are_kept():
    residual = np.linspace(0, 0.1, 16)
    rig = rig_of(np.concatenate([ring(0.4), ring(0.8)]), radius_rad=0.1, residual_rad=residual)
    np.testing.assert_array_equal(rig.residual_rad, residual)


def test_an_untold_radius_is_a_share_of_the_spacing_with_a_warning():
    # Four lights around the zenith, 90 degrees apart, 30 from it: neighbours differ by acos(cos^2 30 deg) = 41.41 deg.
    lights = ring(np.cos(np.radians(30)), 4)
    lights = np.concatenate([lights, [[0.0, 0.0, 1.0]]])  # 30 degrees from each, which is nearer
    with pytest.warns(GeodfxWarning, match=r"lights\.lp: .* 10\.50 degrees is taken, 0\.35 of their mean spacing"):
        rig = rig_of(lights)
    assert rig.radius_rad == pytest.approx(0.35 * np.radians(30))


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ((0, 0, 0), "is zero"),
        ((np.nan, 0, 1), "is not finite"),
        ((0, np.inf, 1), "is not finite"),
        ((0.5, 0.5, -0.1), "is not above the horizon"),
        ((1, 0, 0), "is not above the horizon"),
    ],
)
def test_a_direction_that_cannot_be_names_photo_and_file(row, reason):
    lights = np.concatenate([ring(0.4), ring(0.8)])
    lights[5] = row
    with pytest.raises(CalibrationError, match=f"'p5'.*{reason}") as told:
        rig_of(lights, radius_rad=0.1)
    assert str(SOURCE) in str(told.value)


@pytest.mark.parametrize(
    ("lights", "what"),
    [
        (np.tile([[0.0, 0.6, 0.8]], (6, 1)), "one place"),
        (np.array([[0.001 * i, 0, 1.0] for i in range(6)]), "one place"),
        (np.array([[0.02 * i, 0, 1.0] for i in range(6)]), "one line"),
        (np.array([[0.3 * i, 0, 1.0] for i in range(-3, 3)]), "one plane"),
        (ring(0.5), "one plane"),
        (ring(0.5) + np.array([0, 0, 0.001]), "one plane"),
    ],
)
def test_lights_that_span_no_space_are_refused(lights, what):
    with pytest.raises(CalibrationError, match=f"all {len(lights)} lights stand in {what}"):
        rig_of(lights, radius_rad=0.1)


def test_three_lights_are_left_to_the_model():
    assert len(rig_of(ring(0.5, 3), radius_rad=0.1).direction) == 3


def test_the_reference_rigs_are_accepted(shared_data):
    for name in ("diamond/train", "sapphire/train", "aventurine/train", "icon_dome/train", "icon_dome/heldout"):
        session = read_session(shared_data / name)
        rig = make_rig(session.light_direction, session.names, session.listing, radius_rad=0.1)
        assert len(rig.direction) == len(session.photos)
