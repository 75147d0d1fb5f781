"""Closed forms: borders, prisms, energy, reciprocity, spectra and materials."""

from __future__ import annotations

import colorsys
import math
from itertools import combinations

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from geodfx.colour import encode_srgb
from geodfx.rays.optics import (
    brewster_angle,
    critical_angle,
    fresnel,
    fresnel_polarised,
    minimum_deviation,
    reflect,
    refract,
)
from geodfx.simulate.exits import GLARE_PATH, jitter_normal
from geodfx.simulate.inclusions import (
    cross_inclusions,
    feather_cover,
    film_reflectance,
    join_inclusions,
    make_clouds,
    make_feathers,
)
from geodfx.simulate.materials import MATERIALS
from geodfx.simulate.rig import stage_rotation
from geodfx.simulate.spectrum import colour_matching, make_spectrum
from geodfx.simulate.stones import join_solids, make_glass
from geodfx.simulate.trace import MIN_WEIGHT
from geodfx.simulate.uniaxial import enter_uniaxial, leave_uniaxial, mirror_uniaxial, ray_direction, reflectance_inside
from tests.simulate.stones import brilliant, glass, slab, trace, wedge


@pytest.mark.parametrize("index", [1.33, 1.544, 1.77, 2.417])
@pytest.mark.parametrize("angle_deg", [0.0, 12.0, 45.0, 80.0])
def test_refraction_keeps_snells_law_and_goes_back_the_same_way(index, angle_deg):
    angle = math.radians(angle_deg)
    inside = refract(math.sin(angle), 0.0, -math.cos(angle), 0.0, 0.0, 1.0, index)
    assert index * inside[0] == pytest.approx(math.sin(angle), abs=1e-14)
    assert math.hypot(*inside) == pytest.approx(1, abs=1e-14)
    outside = refract(-inside[0], -inside[1], -inside[2], 0.0, 0.0, -1.0, 1 / index)
    assert outside == pytest.approx((-math.sin(angle), 0, math.cos(angle)), abs=1e-14)


@pytest.mark.parametrize("index", [1.5, 2.417])
def test_normal_incidence_reflects_by_the_textbook(index):
    assert fresnel(1.0, index) == pytest.approx(((index - 1) / (index + 1)) ** 2)
    assert fresnel(1.0, 1 / index) == pytest.approx(fresnel(1.0, index))


def test_a_known_oblique_reflectance():
    # Crown glass at 45 degrees, from sin and tan: rs = sin^2(i - t) / sin^2(i + t), rp = tan^2(i - t) / tan^2(i + t).
    i, t = math.radians(45), math.asin(math.sin(math.radians(45)) / 1.5)
    s, p = fresnel_polarised(math.cos(i), 1.5)
    assert s == pytest.approx((math.sin(i - t) / math.sin(i + t)) ** 2)
    assert p == pytest.approx((math.tan(i - t) / math.tan(i + t)) ** 2)


@pytest.mark.parametrize("eta", [1.5, 2.417, 1 / 2.417])
def test_p_light_is_not_reflected_at_brewsters_angle(eta):
    s, p = fresnel_polarised(math.cos(brewster_angle(eta)), eta)
    assert p == pytest.approx(0, abs=1e-25)
    assert s > 0.01


@pytest.mark.parametrize("index", [1.544, 2.417])
def test_beyond_the_critical_angle_all_is_reflected(index):
    critical = critical_angle(index)
    assert math.degrees(critical) == pytest.approx({1.544: 40.37, 2.417: 24.44}[index], abs=0.01)
    assert fresnel(math.cos(critical - 1e-3), 1 / index) < 1
    assert fresnel(math.cos(critical + 1e-9), 1 / index) == 1
    assert refract(math.sin(critical + 1e-6), 0.0, -math.cos(critical + 1e-6), 0.0, 0.0, 1.0, 1 / index) == (0, 0, 0)


def test_a_mirror_turns_only_the_part_along_its_normal():
    assert reflect(0.6, 0.0, -0.8, 0.0, 0.0, 1.0) == pytest.approx((0.6, 0.0, 0.8))


@pytest.mark.parametrize("nm", [430.8, 486.1, 589.3, 656.3])
def test_a_prism_deviates_least_as_its_index_says(nm):
    apex = math.radians(40)
    quartz = float(MATERIALS["quartz"].index(np.array([nm]))[0])
    prism, inside = wedge(apex), glass(quartz)

    def deviation(tilt: float) -> float:
        # A ray in the x z plane, through the left face and out of the right one.
        direction = np.array([math.cos(tilt), 0.0, math.sin(tilt)])
        exits = trace(prism, inside, np.array([-0.05, 0, 0.05]) - 2 * direction, direction)
        first = exits.direction[exits.band == 0][1]  # 0 is glare; 1 left at the first face that was met inside
        return math.acos(min(float(first @ direction), 1.0))

    least = minimize_scalar(deviation, bounds=(0.1, 0.7), method="bounded", options={"xatol": 1e-5})
    assert least.fun == pytest.approx(minimum_deviation(quartz, apex), abs=1e-8)
    assert deviation(least.x + 0.05) > least.fun + 1e-4 < deviation(least.x - 0.05)


@pytest.mark.parametrize("origin", [(0.1, 0.07, 3), (-0.31, 0.2, 3), (0.4, -0.05, 3), (0.02, -0.01, 3)])
@pytest.mark.parametrize("index", [1.544, 2.417])
def test_without_absorption_all_weights_add_up_to_one(origin, index):
    exits = trace(brilliant(), glass(index), origin, (0.02, -0.01, -1))
    for band in range(9):
        assert exits.weight[exits.band == band].sum() == pytest.approx(1, abs=1e-4)
    shown = exits.weight @ glass(index).rgb[0][exits.band]
    np.testing.assert_allclose(shown + exits.lost, 1, atol=1e-12)  # what is not shown is told
    assert 0 < np.abs(exits.lost).max() <= 9 * MIN_WEIGHT


def test_a_plate_answers_by_its_closed_form():
    # Between two faces at normal incidence: upwards R + T^2 R a^2 / (1 - R^2 a^2), downwards T^2 a / (1 - R^2 a^2).
    index, absorbance, thickness = 1.8, 0.7, 0.4
    r = ((index - 1) / (index + 1)) ** 2
    a = math.exp(-absorbance * thickness)
    exits = trace(slab(thickness), glass(index, absorbance=absorbance), (0.1, 0.1, 2), (0, 0, -1))
    mine = exits.band == 4
    up = exits.weight[mine & (exits.direction[:, 2] > 0)].sum()
    down = exits.weight[mine & (exits.direction[:, 2] < 0)].sum()
    assert up == pytest.approx(r + (1 - r) ** 2 * r * a * a / (1 - r * r * a * a), abs=1e-4)
    assert down == pytest.approx((1 - r) ** 2 * a / (1 - r * r * a * a), abs=1e-4)


@pytest.mark.parametrize("splits", [False, True])
@pytest.mark.parametrize("name", ["diamond", "ruby", "zircon"])
def test_light_takes_the_same_way_back(name, splits):
    stone = brilliant()
    material = make_glass(MATERIALS[name], make_spectrum(1), splits=splits, axis=(0.48, 0.6, 0.64))
    there = trace(stone, material, (0.12, 0.05, 3), (0, 0, -1))
    tried = 0
    for i in np.argsort(-there.weight * (there.direction[:, 2] > 0.05))[:30]:
        back = trace(stone, material, there.position[i] + 3 * there.direction[i], -there.direction[i])
        same = back.band == there.band[i]
        off = np.abs(back.direction[same] - (0, 0, 1)).max(axis=1)
        homes = np.flatnonzero(off < 1e-5)  # glare of both kinds of ray comes home by one way
        if there.weight[i] < 1e-3:
            continue
        tried += 1
        assert 1 <= len(homes) <= 2
        home = homes[np.argmin(np.abs(back.weight[same][homes] - there.weight[i]))]
        assert np.linalg.norm((back.position[same][home] - (0.12, 0.05, 0))[:2]) < 1e-5
        assert back.weight[same][home] == pytest.approx(there.weight[i], rel=1e-9)
    assert tried >= 5


def test_turning_stone_and_ray_together_changes_nothing():
    stone = brilliant()
    rotation = stage_rotation(0.3, -0.2)
    turned = join_solids([stone])._replace(plane=np.vstack([rotation @ stone.planes[:, :3].T, stone.planes[:, 3]]))
    origin, direction = np.array([0.2, -0.1, 2.0]), np.array([0.01, 0.03, -1.0])
    one = trace(stone, glass(2.4), origin, direction)
    other = trace(turned, glass(2.4), rotation @ origin, rotation @ direction)
    assert one.path.tolist() == other.path.tolist()
    np.testing.assert_allclose(one.direction @ rotation.T, other.direction, atol=1e-9)


def test_a_birefringent_stone_sends_out_two_rays():
    spectrum = make_spectrum(1)
    zircon = make_glass(MATERIALS["zircon"], spectrum, axis=(1.0, 0.0, 0.0))
    assert zircon.modes == 2
    exits = trace(brilliant(), zircon, (0.3, 0.1, 3), (0, 0, -1))
    band = exits.band == 4
    assert exits.weight[band].sum() == pytest.approx(1, abs=1e-4)
    shown = exits.weight @ zircon.rgb[0][exits.band]
    np.testing.assert_allclose(shown + exits.lost, 1, atol=1e-12)
    plain = make_glass(MATERIALS["zircon"], spectrum, splits=False)
    assert plain.modes == 1
    alone = trace(brilliant(), plain, (0.3, 0.1, 3), (0, 0, -1))
    ordinary = np.isin(exits.path, alone.path[alone.band == 4]) & band & (exits.path != GLARE_PATH)
    assert exits.weight[ordinary].sum() == pytest.approx(alone.weight[(alone.band == 4)][1:].sum() / 2, rel=1e-3)


CRYSTALS = {"calcite": (1.6584, 1.4864), "zircon": (1.9250, 1.9840)}  # n_o, n_e at 589 nm
UPRIGHT = np.array([0.0, 0.0, 1.0])  # an optic axis


def wave(theta: float, no: float, ne: float) -> np.ndarray:
    """Return the wave vector at an angle to an upright axis: 1 / n^2 = cos^2 / n_o^2 + sin^2 / n_e^2, Born & Wolf."""
    index = 1 / math.sqrt((math.cos(theta) / no) ** 2 + (math.sin(theta) / ne) ** 2)
    return index * np.array([math.sin(theta), 0.0, math.cos(theta)])


@pytest.mark.parametrize("name", CRYSTALS)
@pytest.mark.parametrize("theta_deg", [0.0, 20.0, 45.0, 70.0, 90.0])
def test_light_walks_off_its_wave_by_the_closed_form(name, theta_deg):
    # tan of the ray's angle to the axis = (n_o / n_e)^2 tan of the wave's.
    no, ne = CRYSTALS[name]
    theta = math.radians(theta_deg)
    x, y, z = ray_direction(*wave(theta, no, ne), no, ne, UPRIGHT)
    assert math.hypot(x, z) == pytest.approx(1, abs=1e-14) and y == 0
    off = math.atan2(x, z) - theta
    assert off == pytest.approx(math.atan((no / ne) ** 2 * math.tan(theta)) - theta, abs=1e-14)
    if theta_deg in (0, 90):
        assert off == pytest.approx(0, abs=1e-14)
    else:
        assert (off < 0) == (ne > no)  # a positive crystal's light runs nearer to the axis
    if theta_deg == 45:
        assert math.degrees(off) == pytest.approx({"calcite": 6.224, "zircon": -1.729}[name], abs=1e-3)


@pytest.mark.parametrize("name", CRYSTALS)
def test_an_extraordinary_wave_keeps_its_part_along_a_border(name):
    no, ne = CRYSTALS[name]
    rng = np.random.default_rng(8)
    for _ in range(50):
        axis, normal, inside = (each / np.linalg.norm(each) for each in rng.normal(size=(3, 3)))
        if inside @ normal > 0:
            inside = -inside
        k = np.array(enter_uniaxial(*inside, *normal, no, ne, axis))
        mirrored = np.array(mirror_uniaxial(*k, *normal, no, ne, axis))
        for each, inwards in ((k, True), (mirrored, False)):
            index = np.linalg.norm(each)
            cosine = each @ axis / index
            assert index == pytest.approx(1 / math.sqrt((cosine / no) ** 2 + (1 - cosine**2) / ne**2), abs=1e-12)
            np.testing.assert_allclose(np.cross(each, normal), np.cross(inside, normal), atol=1e-12)
            assert (np.array(ray_direction(*each, no, ne, axis)) @ normal < 0) == inwards
        np.testing.assert_allclose(mirror_uniaxial(*mirrored, *normal, no, ne, axis), k, atol=1e-12)
        np.testing.assert_allclose(
            leave_uniaxial(*mirrored, *normal), inside - 2 * (inside @ normal) * normal, atol=1e-12
        )


def test_a_crystal_of_one_index_is_a_glass():
    axis, normal, into = np.array([0.6, 0.0, 0.8]), (0.0, 0.0, 1.0), (0.6, 0.0, -0.8)
    k = enter_uniaxial(*into, *normal, 1.7, 1.7, axis)
    assert np.array(k) / 1.7 == pytest.approx(refract(*into, *normal, 1.7))
    mirrored = mirror_uniaxial(*k, *normal, 1.7, 1.7, axis)
    assert mirrored == pytest.approx(reflect(*k, *normal))
    assert ray_direction(*k, 1.7, 1.7, axis) == pytest.approx(np.array(k) / 1.7)
    assert reflectance_inside(*k, *mirrored, *normal) == pytest.approx(fresnel(0.8, 1.7))
    steep = 1.7 * np.array([0.8, 0.0, 0.6])  # beyond the critical angle of 36 degrees
    assert reflectance_inside(*steep, *mirror_uniaxial(*steep, *normal, 1.7, 1.7, axis), *normal) == 1


def test_a_plate_of_zircon_shows_two_pictures_side_by_side():
    # Upright through a plate whose axis leans by 45 degrees towards +x: both rays leave upright, one of them aside.
    thickness, half = 0.4, math.sqrt(0.5)
    zircon = make_glass(MATERIALS["zircon"], make_spectrum(1), axis=(half, 0.0, half))
    exits = trace(slab(thickness), zircon, (0.1, 0.1, 2), (0, 0, -1))
    for band in range(9):
        out = np.flatnonzero((exits.band == band) & (exits.direction[:, 2] < 0))
        ordinary, extraordinary = (exits.position[i] for i in out[np.argsort(-exits.weight[out])][:2])
        if abs(ordinary[0] - 0.1) > abs(extraordinary[0] - 0.1):
            ordinary, extraordinary = extraordinary, ordinary
        np.testing.assert_allclose(exits.direction[out], np.tile([0, 0, -1.0], (len(out), 1)), atol=1e-12)
        assert ordinary == pytest.approx((0.1, 0.1, -thickness / 2))
        no, ne = zircon.ordinary[0, band], zircon.extraordinary[0, band]
        off = math.pi / 4 - math.atan((no / ne) ** 2)
        # Downwards the axis runs to -x, and a positive crystal's light nearer to it.
        assert extraordinary == pytest.approx((0.1 - thickness * math.tan(off), 0.1, -thickness / 2))


@pytest.mark.parametrize(
    ("name", "n_d", "b_g"),
    [
        ("diamond", 2.4173, 0.0444),
        ("ruby", 1.7681, 0.0181),
        ("quartz", 1.5442, 0.0133),
        ("spinel", 1.7161, 0.0202),
        ("demantoid", 1.888, 0.057),
        ("zircon", 1.925, 0.039),
        ("emerald", 1.579, 0.014),
    ],
)
def test_materials_have_the_gem_trades_index_and_dispersion(name, n_d, b_g):
    d, b, g = MATERIALS[name].index(np.array([589.3, 430.8, 686.7]))
    assert d == pytest.approx(n_d, abs=6e-4)
    assert b - g == pytest.approx(b_g, abs=4e-4)


@pytest.mark.parametrize("widths", [1.0, 2.0, 3.0])
def test_colours_are_those_of_the_stones(widths):
    # Hues in degrees of sRGB (0 red, 120 green, 240 blue) that the trade calls by the name; a ray through a cut stone
    # goes 1 to 3 widths. Emerald: (80, 200, 120) of the colour's own name is at 140; amethyst: (153, 102, 204), 270.
    hues = {
        "ruby": (330, 365), "sapphire": (205, 255), "emerald": (130, 160), "amethyst": (262, 290),
        "demantoid": (65, 110), "tourmaline": (110, 160), "pyrope": (-20, 25), "tsavorite": (110, 150),
    }  # fmt: skip
    spectrum = make_spectrum(16)
    for name, material in MATERIALS.items():
        passed = np.exp(-widths * material.absorbance(spectrum.wavelength_nm))
        rgb = np.clip(np.einsum("sb,sbc->c", passed, spectrum.rgb) / 16, 0, 1)
        if name not in hues:
            assert rgb == pytest.approx([1, 1, 1]), name
            continue
        hue = 360 * colorsys.rgb_to_hsv(*encode_srgb(rgb.astype(np.float32)))[0]
        low, high = hues[name]
        assert (hue - low) % 360 <= high - low, f"{name}: {hue:.0f}"


def test_a_ruby_is_red_and_not_pink():
    spectrum = make_spectrum(16)
    passed = np.exp(-1.5 * MATERIALS["ruby"].absorbance(spectrum.wavelength_nm))
    red, green, blue = np.einsum("sb,sbc->c", passed, spectrum.rgb) / 16
    assert max(green, blue) < 0.15 * red


@pytest.mark.parametrize("samples", [1, 4, 16, 7])
def test_a_flat_spectrum_is_white_in_every_sample(samples):
    spectrum = make_spectrum(samples)
    np.testing.assert_allclose(spectrum.rgb.sum(axis=1), 1, atol=1e-12)
    assert spectrum.wavelength_nm.min() > 400 and spectrum.wavelength_nm.max() < 700
    assert (np.diff(spectrum.wavelength_nm, axis=1) > 0).all()


def test_the_colour_matching_functions_peak_as_tabulated():
    # CIE 1931 2 degree observer: y(555) = 1.0000, x(600) = 1.0622, z(445) = 1.7826 (z peaks there), y(480) = 0.1390.
    x, y, z = colour_matching(np.array([555.0, 600.0, 445.0, 480.0])).T
    assert (y[0], x[1], z[2], y[3]) == pytest.approx((1.0, 1.0622, 1.7826, 0.139), abs=0.035)


def test_slopes_of_a_polish_are_gaussian_and_do_not_follow_from_the_bounce_before():
    slope, draws = 0.05, 1024
    normals = [
        np.array([jitter_normal(0.0, 0.0, 1.0, slope, np.uint32(9), draw, bounce) for draw in range(draws)])
        for bounce in range(6)
    ]
    turns = []
    for each in normals:
        leans = each[:, :2] / each[:, 2:]
        squared = (leans**2).sum(axis=1)
        assert squared.mean() == pytest.approx(slope**2, rel=0.02)
        assert (squared > slope**2).mean() == pytest.approx(math.exp(-1), abs=0.02)  # Rayleigh's distribution
        turns.append(np.exp(1j * np.arctan2(leans[:, 1], leans[:, 0])))
    for one, other in combinations(turns, 2):
        assert abs(np.mean(one * np.conj(other))) < 0.1  # 1 where the turn at one bounce tells that at the other


def test_a_cloud_is_thin_at_its_rim():
    # Along a chord that passes the centre at b, 1 - (distance / R)^2 adds up to 4 / 3 (R^2 - b^2)^1.5 / R^2.
    radius, extinction = 0.2, 3.0
    cloud = join_inclusions([], [], [np.array([[0.0, 0.0, 0.0, radius, extinction, 0.5]])])
    for b in (0.0, 0.1, 0.19):
        depth = 4 / 3 * (radius**2 - b**2) ** 1.5 / radius**2
        whole, albedo = cross_inclusions(cloud, b, 0.0, 1.0, 0.0, 0.0, -1.0, 2.0)
        half, _ = cross_inclusions(cloud, b, 0.0, 0.0, 0.0, 0.0, -1.0, 2.0)
        assert whole == pytest.approx(math.exp(-extinction * depth)) and albedo == pytest.approx(0.5)
        assert half == pytest.approx(math.exp(-extinction * depth / 2))
    assert cross_inclusions(cloud, 0.0, 0.0, 1.0, 0.0, 0.0, -1.0, 0.7)[0] == 1


def test_a_cloud_keeps_within_its_radius():
    radius = 0.1
    balls = make_clouds(np.random.default_rng(2), 1, radius, 2.0, 0.9)
    reach = np.linalg.norm(balls[:, None, :3] - balls[None, :, :3], axis=2) + balls[:, 3] + balls[:, None, 3]
    assert len(balls) > 1 and reach.max() <= 2 * radius + 1e-12


def test_a_film_mirrors_twice_what_its_wall_does_and_all_beyond_its_critical_angle():
    wall = ((1.77 - 1.33) / (1.77 + 1.33)) ** 2
    assert film_reflectance(1.0, 1.77) == pytest.approx(2 * wall / (1 + wall))
    critical = math.asin(1.33 / 1.77)
    assert film_reflectance(math.cos(critical + 1e-9), 1.77) == 1 > film_reflectance(math.cos(critical - 1e-3), 1.77)
    assert film_reflectance(0.5, 1.33) == pytest.approx(0, abs=1e-20)


def test_a_feather_is_uneven_and_fades_to_its_rim():
    rows, waves = make_feathers(np.random.default_rng(4), 6, 0.2, 0.2, 0.8, 0.7)
    for row, wave in zip(rows, waves, strict=True):
        across = np.cross(row[3:6], [0.3, 0.5, 0.8])
        across /= np.linalg.norm(across)
        up = np.cross(row[3:6], across)
        assert np.abs(wave[:, :3] @ row[3:6]).max() < 1e-9  # its waves lie in its plane
        turns = np.linspace(0, 2 * math.pi, 180, endpoint=False)
        rings = [
            np.array(
                [feather_cover(row, wave, *(r * row[6] * (math.cos(t) * across + math.sin(t) * up))) for t in turns]
            )
            for r in (0.0, 0.4, 0.75, 0.99, 1.0)
        ]
        means = [ring.mean() for ring in rings]
        assert all(ring.min() >= 0 and ring.max() <= 1 for ring in rings)
        assert rings[1].std() > 0.1 and means[2] < 0.5 * max(means[:2]) and means[3] < 0.01 and means[4] == 0


def test_a_feather_shares_light_out_and_mirrors_it_by_its_lean():
    # Upright into a plate, onto a feather whose film leans by 20 degrees: what it mirrors goes up at 40 degrees inside.
    lean, index = math.radians(20), 1.5
    normal = np.array([math.sin(lean), 0.0, math.cos(lean)])
    wave = np.zeros((12, 4))  # four of the outline, eight of islands
    wave[:, :3] = np.cross(normal, [0, 1, 0]) * 1e-9  # hardly any waves: whole, and flat
    wave[:4, 3] = np.array([1, -1, 1, -1]) * math.pi / 2  # no outline, and its slopes cancel
    feather = np.array([[0.0, 0.0, 0.0, *normal, 0.1, 0.0, 1.0, 0.6]])
    crystal = glass(index)
    plain = trace(slab(0.4), crystal, (0, 0, 2), (0, 0, -1))
    exits = trace(
        slab(0.4), crystal, (0, 0, 2), (0, 0, -1), inclusions=join_inclusions([], [(feather, wave[None])], [])
    )
    shown = exits.weight @ crystal.rgb[0][exits.band]
    np.testing.assert_allclose(shown + exits.lost, 1, atol=1e-12)
    mine = (exits.band == 4) & ~np.isin(exits.path, plain.path)
    strongest = np.flatnonzero(mine)[np.argmax(exits.weight[mine])]
    entered, film = 1 - fresnel(1.0, index), 0.6 * film_reflectance(math.cos(lean), index)
    inside = math.radians(40)
    assert exits.direction[strongest] == pytest.approx(
        (index * math.sin(inside), 0, math.sqrt(1 - (index * math.sin(inside)) ** 2))
    )
    passed = 1 - fresnel(math.cos(inside), 1 / index)
    assert exits.weight[strongest] == pytest.approx(entered * film * passed)


def test_a_hazy_feather_is_denser_seen_along_its_plane():
    rows, waves = make_feathers(np.random.default_rng(4), 1, 0.2, 0.3, 0.8, 0.0)
    row = rows[0]
    stone = join_inclusions([], [(rows, waves)], [])
    across = np.cross(row[3:6], [0.3, 0.5, 0.8])
    across /= np.linalg.norm(across)
    cover = feather_cover(row, waves[0], 0.0, 0.0, 0.0)
    assert cover > 0
    for slope_deg in (0, 60):
        slope = math.radians(slope_deg)
        way = math.cos(slope) * row[3:6] + math.sin(slope) * across
        passed, albedo = cross_inclusions(stone, *(row[:3] - way), *way, 2.0)
        assert passed == pytest.approx(0.7 ** (cover / math.cos(slope))) and albedo == pytest.approx(0.8)
