"""What photos foretell of each other, against photos that are left out, and stones that have no facets."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from geodfx.arrays import F32, F64
from geodfx.basis import dome_nodes, evaluate
from geodfx.capture.fit import fit_stone
from geodfx.capture.fit_detail import (
    SMOOTH_SHARE,
    add_detail,
    choose_detail,
    find_smooth,
    residuals,
    towards,
)
from geodfx.capture.photos import RadianceStack
from geodfx.capture.rig import LightRig
from geodfx.capture.session import Session, read_session
from geodfx.constants import DISPLAY_GAMMA
from geodfx.render import DiscLight, Environment, View, relight
from geodfx.stone import Stone

LIGHTS = 128
RADIUS = math.radians(6)


def dome(count: int, turned: float = 0.0) -> F64:
    """Light directions (count, 3), evenly over a cap of 75 degrees."""
    i = np.arange(count)
    z = 1 - (i + 0.5) / count * (1 - math.cos(math.radians(75)))
    turn = i * math.pi * (3 - math.sqrt(5)) + turned
    return np.stack([np.sqrt(1 - z * z) * np.cos(turn), np.sqrt(1 - z * z) * np.sin(turn), z], axis=1)


def satin(size: int, lights: F64) -> F32:
    """Radiance (T, L, 3) of a satin relief whose slopes lean up to 17 degrees: Lambert's cosine, a broad gloss."""
    across = (np.arange(size) + 0.5) / size * 0.6 - 0.3
    x, y = np.meshgrid(across, -across)
    normal = np.stack([x, y, np.sqrt(1 - x * x - y * y)], axis=-1).reshape(-1, 3)
    half = lights + np.array([0.0, 0.0, 1.0])
    half /= np.linalg.norm(half, axis=1, keepdims=True)
    matte = np.maximum(normal @ lights.T, 0)
    gloss = np.maximum(normal @ half.T, 0) ** 40
    return (matte[..., None] * (0.2, 0.12, 0.08) + 0.3 * gloss[..., None]).astype(np.float32)


def flashes(count: int, lights: F64, rng: np.random.Generator) -> F32:
    """Radiance (count, L, 3) of dark texels that flash under one light each."""
    x = np.full((count, len(lights), 3), 0.02, np.float32)
    x[np.arange(count), rng.integers(0, len(lights), count)] = 0.8
    return x


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Session:
    """Return a session that only lends its name and settings."""
    folder: Path = tmp_path_factory.mktemp("session")
    (folder / "lights.lp").write_text("1\na.png 0 0 1\n")
    (folder / "session.toml").write_text(
        'stone = "satin"\ndomain = "light"\nlights = "lights.lp"\ntransfer = "linear"\n'
    )
    return read_session(folder)


def fitted(session: Session, x: F32, lights: F64, size: int) -> Stone:
    """Return the stone that the default fit makes of radiance (T, L, 3)."""
    stack = RadianceStack(x, None, None, np.arange(size * size), (size, size))
    rig = LightRig(lights, RADIUS, np.ones((len(lights), 3), np.float32), np.zeros(len(lights)))
    return fit_stone(session, stack, rig, np.full((size, size), 255, np.uint8), "lobes").stone


def displayed(x: F64 | F32, gain: float) -> F64:
    return np.clip(np.maximum(x, 0) * gain, 0, 1).astype(np.float64) ** (1 / DISPLAY_GAMMA)


def test_a_photo_is_foretold_as_if_it_had_not_been_taken():
    lights = dome(LIGHTS)
    x = satin(4, lights)
    base = np.full_like(x, 0.1)
    residual = np.empty_like(x)
    residuals(x, np.ones(x.shape[:2], np.float32), base, np.zeros_like(x), residual)
    detail, sums = choose_detail(lights, residual, x, base, 1.0)
    left = 7
    kept = np.delete(np.arange(LIGHTS), left)
    # The covariance of the others is a block of the whole, whose inverse the detail holds.
    covariance = np.linalg.inv(detail.inverse.astype(np.float64))
    assert np.diag(covariance) == pytest.approx(np.full(LIGHTS, covariance[0, 0]), rel=1e-3)
    assert 1 < covariance[0, 0] < 5
    weights = np.linalg.solve(covariance[np.ix_(kept, kept)], covariance[kept, left])
    its = np.einsum("i,nic->nc", weights, residual[:, kept])
    shown = np.clip(0.1 ** (1 / DISPLAY_GAMMA) + its, 0, 1)
    everything = np.empty((LIGHTS, len(x), 3))
    for i in range(LIGHTS):
        others = np.delete(np.arange(LIGHTS), i)
        w = np.linalg.solve(covariance[np.ix_(others, others)], covariance[others, i])
        everything[i] = np.clip(
            0.1 ** (1 / DISPLAY_GAMMA) + np.einsum("i,nic->nc", w, residual[:, others]), 0, 1
        ) - displayed(x[:, i], 1)
    assert everything[left] == pytest.approx(shown - displayed(x[:, left], 1), abs=1e-9)
    assert sums[:, 0] == pytest.approx((everything**2).sum(axis=(0, 2)), rel=1e-2)
    assert sums[:, 1] == pytest.approx(((displayed(x, 1) - displayed(base, 1)) ** 2).sum(axis=(1, 2)), rel=1e-4)


def test_smooth_texels_are_told_from_those_that_flash():
    """The left half of a picture is satin, the right half flakes; the satin decides how far its photos speak."""
    rng = np.random.default_rng(3)
    size, lights = 40, dome(LIGHTS)
    x = satin(size, lights).reshape(size, size, LIGHTS, 3)
    x[:, size // 2 :] = flashes(size * size // 2, lights, rng).reshape(size, size // 2, LIGHTS, 3)
    x = x.reshape(size * size, LIGHTS, 3)
    base = np.repeat(np.median(x, axis=1, keepdims=True), LIGHTS, axis=1)
    residual = np.empty_like(x)
    residuals(x, np.ones(x.shape[:2], np.float32), base, np.zeros_like(x), residual)
    detail, sums = choose_detail(lights, residual, x, base, SMOOTH_SHARE)
    place = np.arange(size * size, dtype=np.int32)
    smooth = find_smooth(sums, place % size, place // size, LIGHTS).reshape(size, size)
    assert smooth[:, : size // 2 - 2].mean() > 0.95
    assert not smooth[:, size // 2 + 2 :].any()
    assert detail.reach > 0.15


def test_where_a_lobe_shines_a_photo_says_little_of_the_base():
    x = np.full((1, 2, 3), 1.0, np.float32)
    base, lobes = np.full_like(x, 0.01), np.zeros_like(x)
    lobes[0, 1] = 0.5
    residual = np.empty_like(x)
    residuals(x, np.ones((1, 2), np.float32), base, lobes, residual)
    assert residual[0, 0, 0] == pytest.approx(1 - 0.01 ** (1 / DISPLAY_GAMMA), rel=1e-5)
    assert 0 < residual[0, 1, 0] < 0.05


def test_a_clipped_photo_does_not_darken():
    x = np.full((1, 1, 3), 0.5, np.float32)
    residual = np.empty_like(x)
    residuals(x, np.zeros((1, 1), np.float32), np.full_like(x, 0.8), np.zeros_like(x), residual)
    assert not residual.any()


def test_detail_is_added_to_the_chosen_texels_alone():
    lights = dome(LIGHTS)
    x = satin(4, lights)
    base, residual = np.full_like(x, 0.1), np.empty_like(x)
    residuals(x, np.ones(x.shape[:2], np.float32), base, np.zeros_like(x), residual)
    detail, _ = choose_detail(lights, residual, x, base, 1.0)
    light = base.copy()
    chosen = np.arange(16) % 2 == 0
    add_detail(towards(detail, lights, lights), residual, chosen, light)
    np.testing.assert_array_equal(light[1::2], base[1::2])
    assert np.abs(displayed(light[::2], 1) - displayed(x[::2], 1)).max() < 0.05


def test_a_satin_relief_is_met_under_lights_that_it_was_not_shot_under(session: Session):
    """No lobes, a base of the dome's terms, and an error far below that of nine terms."""
    size, lights = 32, dome(LIGHTS)
    others = dome(23, turned=1.0)
    stone = fitted(session, satin(size, lights), lights, size)
    assert stone.base.basis == "dome"
    assert stone.lobes is not None
    assert len(stone.lobes.refs) == 0
    assert stone.provenance["smooth_share"] == 1.0
    truth = satin(size, others)
    # Nine terms a channel, fitted to the true light under those very lights, are as good as a smooth base can get.
    terms = evaluate("hsh", others)
    nine = np.einsum("lt,ntc->nlc", terms @ np.linalg.pinv(terms), truth)
    squares, best = [], []
    for i, light in enumerate(others):
        frame = relight(stone, View((DiscLight(tuple(light), RADIUS),)))[..., :3].reshape(-1, 3)
        goal = displayed(truth[:, i], stone.display_gain)
        squares.append(np.mean((displayed(frame, stone.display_gain) - goal) ** 2))
        best.append(np.mean((displayed(nine[:, i], stone.display_gain) - goal) ** 2))
    assert np.mean(squares) < 0.02**2
    assert np.mean(squares) < 0.3 * np.mean(best)


def test_a_satin_relief_under_an_even_sky_shows_the_sum_of_its_lights(session: Session):
    size, lights = 24, dome(LIGHTS)
    stone = fitted(session, satin(size, lights), lights, size)
    sky = Environment.from_radiance(np.ones((16, 32, 3), np.float32))
    frame = relight(stone, View(environment=sky))[..., :3].reshape(-1, 3)
    i = np.arange(4000)
    z = 1 - (i + 0.5) / len(i)
    turn = i * math.pi * (3 - math.sqrt(5))
    every = np.stack([np.sqrt(1 - z * z) * np.cos(turn), np.sqrt(1 - z * z) * np.sin(turn), z], axis=1)
    truth = satin(size, every).mean(axis=1) * 2  # a light of intensity L W / pi for each patch of solid angle W
    assert frame == pytest.approx(truth, rel=0.12, abs=0.01)
    assert frame.sum() == pytest.approx(truth.sum(), rel=0.03)


def test_flakes_stay_lobes(session: Session):
    size, lights = 16, dome(LIGHTS)
    stone = fitted(session, flashes(size * size, lights, np.random.default_rng(1)), lights, size)
    assert stone.base.basis == "hsh"
    assert stone.provenance["smooth_share"] == 0.0
    assert stone.lobes_per_texel > 0.5


def test_a_dome_larger_light_spreads_and_a_smaller_one_does_not(session: Session):
    """The base's light was measured under the capture light: a smaller one cannot sharpen it."""
    size, lights = 16, dome(LIGHTS)
    stone = fitted(session, satin(size, lights), lights, size)
    frames = [relight(stone, View((DiscLight((0.0, 0.6, 0.8), r),)))[..., :3] for r in (RADIUS / 3, RADIUS, 6 * RADIUS)]
    np.testing.assert_allclose(frames[0], frames[1], rtol=1e-5, atol=1e-7)
    assert frames[2].max() < 0.97 * frames[1].max()


def test_the_nodes_are_those_of_the_terms():
    terms = evaluate("dome", dome_nodes())
    above = dome_nodes()[:, 2] > 0.05
    assert terms[above][:, above] == pytest.approx(np.eye(int(above.sum())), abs=1e-5)
