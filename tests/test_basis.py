"""The angular functions against their textbook forms."""

from __future__ import annotations

import math

import numpy as np
import pytest

from geodfx.basis import (
    chart_decode,
    chart_encode,
    disc_averages,
    evaluate,
    horizon_share,
    light_kernel,
    lobe_reach,
    lobe_response,
)
from geodfx.constants import LIGHT_EDGE


def hemisphere(count: int) -> np.ndarray:
    """Directions of equal area over the upper hemisphere, (count, 3)."""
    i = np.arange(count)
    z = (i + 0.5) / count
    turn = i * math.pi * (3 - math.sqrt(5))
    return np.stack([np.sqrt(1 - z * z) * np.cos(turn), np.sqrt(1 - z * z) * np.sin(turn), z], axis=1)


def profile(radius_deg: float, width: float, points: int = 4001) -> tuple[np.ndarray, np.ndarray, float]:
    """Squared chords over the sphere, the responses there, and the light's area."""
    _, area, blur = light_kernel(math.radians(radius_deg))
    q = np.linspace(0, 4, points) ** 2 / 4  # denser where the lobe is
    response = [lobe_response(np.float32(x), np.float32(area), np.float32(blur + width**2)) for x in q]
    return q, np.array(response, np.float64), area


def test_ptm_terms_are_malzbenders():
    x, y, z = 0.48, -0.6, 0.64
    assert evaluate("ptm", np.array([[x, y, z]]))[0] == pytest.approx([x * x, y * y, x * y, x, y, 1])


def test_hsh_terms_are_orthonormal_over_the_hemisphere():
    # The nine functions of .rti files are orthonormal in the measure of solid angle, up to the clamp at the horizon.
    terms = evaluate("hsh", hemisphere(40000))
    products = terms.T @ terms * (2 * math.pi / len(terms))
    assert products == pytest.approx(np.eye(9), abs=5e-3)  # the clamp takes up to 0.003


def test_hsh_matches_angles():
    theta, phi = 0.7, -2.1
    d = np.array([[math.sin(theta) * math.cos(phi), math.sin(theta) * math.sin(phi), math.cos(theta)]])
    c = math.cos(theta)
    s = math.sqrt(c - c * c)
    pi = math.pi
    expected = [
        1 / math.sqrt(2 * pi),
        math.sqrt(6 / pi) * math.cos(phi) * s,
        math.sqrt(3 / (2 * pi)) * (2 * c - 1),
        math.sqrt(6 / pi) * math.sin(phi) * s,
        math.sqrt(30 / pi) * math.cos(2 * phi) * (c * c - c),
        math.sqrt(30 / pi) * math.cos(phi) * (2 * c - 1) * s,
        math.sqrt(5 / (2 * pi)) * (1 - 6 * c + 6 * c * c),
        math.sqrt(30 / pi) * math.sin(phi) * (2 * c - 1) * s,
        math.sqrt(30 / pi) * math.sin(2 * phi) * (c * c - c),
    ]
    assert evaluate("hsh", d)[0] == pytest.approx(expected)


def test_an_unknown_basis_is_refused():
    with pytest.raises(ValueError, match="sh9"):
        evaluate("sh9", np.array([[0.0, 0.0, 1.0]]))


@pytest.mark.parametrize("width", [0.0, 0.02, 0.1, 0.3])
@pytest.mark.parametrize("radius_deg", [1, 5, 10, 25])
def test_a_blurred_disc_keeps_its_total_and_its_second_moment(radius_deg: float, width: float):
    q, response, area = profile(radius_deg, width, 20001)
    _, _, blur = light_kernel(math.radians(radius_deg))
    assert np.trapezoid(response, q) == pytest.approx(area, rel=2e-3)
    moment = area**2 / 2 + 2 * area * (blur + width**2)
    assert np.trapezoid(response * q, q) == pytest.approx(moment, rel=4e-3)


def test_a_sharp_lobe_sees_the_disc_and_its_soft_edge():
    radius = math.radians(10)
    q, response, _ = profile(10, 0.0)
    angle = np.arccos(np.clip(1 - q / 2, -1, 1))
    inner, outer = math.cos(radius * (1 - LIGHT_EDGE)), math.cos(radius * (1 + LIGHT_EDGE))
    ramp = np.clip((np.cos(angle) - outer) / (inner - outer), 0, 1)
    assert response == pytest.approx(ramp, abs=1e-4)


@pytest.mark.parametrize("width", [0.0, 0.02, 0.1, 0.3])
@pytest.mark.parametrize("radius_deg", [1, 5, 10, 25])
def test_a_lobe_sees_lights_as_far_as_its_reach_and_no_further(radius_deg: float, width: float):
    _, area, blur = light_kernel(math.radians(radius_deg))
    parts = np.float32(area), np.float32(blur + width**2)
    reach = float(lobe_reach(*parts))
    assert lobe_response(np.float32((reach * 0.999) ** 2), *parts) > 0
    assert lobe_response(np.float32((reach * 1.001) ** 2), *parts) == 0


def test_total_of_a_light_does_not_depend_on_its_radius():
    totals = [light_kernel(math.radians(r))[0] * light_kernel(math.radians(r))[1] for r in (0.5, 2, 10, 25, 45)]
    assert totals == pytest.approx([totals[0]] * len(totals), rel=6e-3)


def test_disc_average_of_a_linear_term_shrinks_by_the_cap():
    # Over a cap of half angle a the mean of the axis' cosine is (1 + cos a) / 2.
    d = np.array([0.0, 0.6, 0.8])
    radius = math.radians(20)
    _, area, _ = light_kernel(radius)
    cap = 1 - area / 4
    assert disc_averages("ptm", d[None], [radius])[0, 3:] == pytest.approx([0, 0.6 * cap, 1], abs=1e-3)


def test_what_is_below_the_horizon_adds_nothing():
    low = disc_averages("ptm", np.array([[1.0, 0.0, 0.0], [0.0, 0.6, -0.8]]), [0.2, 0.2])
    assert low[0, 5] == pytest.approx(0.5, abs=0.05)
    assert low[1] == pytest.approx(np.zeros(6))


def test_the_chart_gives_directions_back():
    d = hemisphere(500)
    points = chart_encode(d)
    np.testing.assert_allclose(np.linalg.norm(points, axis=1), np.linalg.norm(d - [0, 0, 1], axis=1), rtol=1e-9)
    back = np.array([chart_decode(np.float32(a), np.float32(b)) for a, b in points])
    assert back == pytest.approx(d, abs=2e-6)


def test_the_chart_keeps_areas():
    rng = np.random.default_rng(0)
    d = hemisphere(100)
    step = np.cross(d, rng.normal(size=d.shape)) * 1e-4
    other = np.cross(d, step)
    inside = d[:, 2] > 0.05
    a, b = ((chart_encode(d + e) - chart_encode(d - e)) / 2 for e in (step, other))
    area = np.abs(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0])
    np.testing.assert_allclose(area[inside], np.linalg.norm(np.cross(step, other), axis=1)[inside], rtol=1e-3)


def test_a_light_fades_only_as_it_sets():
    shares = [horizon_share(z, 0.2) for z in (0.5, 0.0, -0.1, -0.25)]
    assert shares == pytest.approx([1, 1, 1 - 0.1 / math.sin(0.2), 0], abs=0.01)
