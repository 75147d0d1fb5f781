"""The fits against stones whose exit directions are known."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import minimize

from geodfx.arrays import F64
from geodfx.basis import evaluate, light_kernel, lobe_response
from geodfx.capture import fit_settings
from geodfx.capture.fit import fit_stone
from geodfx.capture.fit_lobes import SHARES, SOFT_WIDTHS, SPREADS
from geodfx.capture.fit_settings import FAST, LobeSettings
from geodfx.capture.lobe_search import make_search
from geodfx.capture.lobe_work import make_work, set_left, set_response, start
from geodfx.capture.photos import RadianceStack
from geodfx.capture.rig import LightRig
from geodfx.capture.session import Session, read_session
from geodfx.constants import DISPLAY_GAMMA
from geodfx.errors import FitError
from geodfx.lobe_map import unpack_lobes
from geodfx.render import DiscLight, Environment, View, relight
from geodfx.stone import Stone

SIZE = 8
RADIUS = math.radians(10)
FACETS = np.array([[0.25, 0.1, 0.0], [-0.3, 0.35, 0.0], [0.05, -0.45, 0.0], [0.5, 0.3, 0.0]])
FACETS[:, 2] = np.sqrt(1 - (FACETS**2).sum(axis=1))


def dome(count: int) -> F64:
    """Light directions (count, 3), evenly over a cap of 75 degrees."""
    i = np.arange(count)
    z = 1 - (i + 0.5) / count * (1 - math.cos(math.radians(75)))
    turn = i * math.pi * (3 - math.sqrt(5))
    return np.stack([np.sqrt(1 - z * z) * np.cos(turn), np.sqrt(1 - z * z) * np.sin(turn), z], axis=1)


def seen(directions: F64, lights: F64, radius: float) -> F64:
    """Share of each light (L,) that a mirror of each direction (T,) shows, (T, L): the ramp of the data's lights."""
    cosine = directions @ lights.T
    inner, outer = math.cos(0.88 * radius), math.cos(1.12 * radius)
    return np.clip((cosine - outer) / (inner - outer), 0, 1)


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Session:
    """Return a session that only lends its name and settings."""
    folder: Path = tmp_path_factory.mktemp("session")
    (folder / "lights.lp").write_text("1\na.png 0 0 1\n")
    (folder / "session.toml").write_text(
        'stone = "facets"\ndomain = "light"\nlights = "lights.lp"\ntransfer = "linear"\n'
    )
    return read_session(folder)


def photographed(weight: float, body: float, lights: F64) -> tuple[RadianceStack, F64]:
    """Return the stack of four mirror facets on a matte body, and each texel's exit direction."""
    quarter = (np.arange(SIZE)[:, None] // (SIZE // 2)) * 2 + np.arange(SIZE) // (SIZE // 2)
    exits = FACETS[quarter.ravel()]
    radiance = weight * light_kernel(RADIUS)[0] * seen(exits, lights, RADIUS) + body * lights[:, 2]
    codes = np.repeat(radiance[..., None], 3, axis=2).astype(np.float32)
    texels = np.arange(SIZE * SIZE, dtype=np.int64)
    return RadianceStack(codes, None, None, texels, (SIZE, SIZE)), exits


def rig(lights: F64) -> LightRig:
    return LightRig(lights, RADIUS, np.ones(lights.shape, np.float32), np.zeros(len(lights)))


def fitted(session: Session, stack: RadianceStack, lights: F64, model: str = "lobes") -> Stone:
    alpha = np.full((SIZE, SIZE), 255, np.uint8)
    return fit_stone(session, stack, rig(lights), alpha, model).stone


def test_facets_are_found_where_they_are(session: Session):
    lights = dome(96)
    stack, exits = photographed(0.3, 0.0, lights)
    stone = fitted(session, stack, lights)
    assert stone.lobes is not None
    lobes = unpack_lobes(stone.lobes, SIZE)
    found = lobes.direction[np.searchsorted(lobes.texel, np.arange(SIZE * SIZE)), 1]  # the strongest of each texel
    off = np.degrees(2 * np.arcsin(np.linalg.norm(found - exits, axis=1) / 2))
    assert off.max() < 2.0
    assert stone.lobes_per_texel < 2


def test_unseen_lights_are_met_and_a_matte_body_stays(session: Session):
    lights = dome(96)
    stack, exits = photographed(0.3, 0.4, lights)
    stone = fitted(session, stack, lights)
    for light in dome(17)[3:12]:
        frame = relight(stone, View(lights=(DiscLight(tuple(light), RADIUS),)))[..., 0].ravel()
        mirror = seen(exits, light[None], RADIUS)[:, 0]
        dark = mirror == 0
        if (mirror == 1).any():
            expected = 0.3 * light_kernel(RADIUS)[0] + 0.4 * light[2]
            assert np.median(frame[mirror == 1]) == pytest.approx(expected, rel=0.25)
        assert np.median(frame[dark]) == pytest.approx(0.4 * light[2], rel=0.1, abs=0.02)


def test_gloss_is_a_wide_lobe_and_fills_the_gaps_between_lights(session: Session):
    """A highlight that several lights see is one lobe of its width, not a sharp one below each light."""
    lights = dome(96)
    _, area, blur = light_kernel(RADIUS)
    width = 0.35
    middle = np.array([0.2, -0.1, math.sqrt(0.95)])

    def shown(directions: F64) -> F64:
        q = ((directions - middle) ** 2).sum(axis=1)
        return np.array([lobe_response(np.float32(x), np.float32(area), np.float32(blur + width**2)) for x in q])

    radiance = np.tile(6.0 * shown(lights) + 0.05 * lights[:, 2], (SIZE * SIZE, 1))
    codes = np.repeat(radiance[..., None], 3, axis=2).astype(np.float32)
    texels = np.arange(SIZE * SIZE, dtype=np.int64)
    stone = fitted(session, RadianceStack(codes, None, None, texels, (SIZE, SIZE)), lights)
    assert stone.lobes_per_texel < 2.5
    between = dome(311)[5:60:5]
    frames = [relight(stone, View(lights=(DiscLight(tuple(light), RADIUS),)))[..., 0].mean() for light in between]
    assert frames == pytest.approx(6.0 * shown(between) + 0.05 * between[:, 2], rel=0.15, abs=0.02)


def test_a_matte_slope_keeps_its_light_under_an_even_sky(session: Session, monkeypatch: pytest.MonkeyPatch):
    """Its shadow side does not take light away: a card of albedo a that leans by t shows a (1 + cos t) / 2.

    Each texel leans by itself, so that none shares a facet, and they get the bytes for it. Within 24 bytes, where four
    planes hold the base and not eight, the lowest share is 0.83.
    """
    monkeypatch.setattr(fit_settings, "TEXEL_BYTES", 64.0)
    lights = dome(96)
    lean = np.linspace(0, math.radians(70), SIZE * SIZE)
    normal = np.stack([np.sin(lean), np.zeros_like(lean), np.cos(lean)], axis=1)
    radiance = 0.5 * np.maximum(normal @ lights.T, 0)
    codes = np.repeat(radiance[..., None], 3, axis=2).astype(np.float32)
    texels = np.arange(SIZE * SIZE, dtype=np.int64)
    stone = fitted(session, RadianceStack(codes, None, None, texels, (SIZE, SIZE)), lights)
    sky = Environment.from_radiance(np.ones((8, 16, 3), np.float32))
    share = relight(stone, View(environment=sky))[..., 1].ravel() / (0.25 * (1 + np.cos(lean)))
    assert share[lean < math.radians(42)] == pytest.approx(1, abs=0.15)
    assert share.min() > 0.6  # nine terms fit a steep slope's shadow badly


def test_lights_add_up(session: Session):
    lights = dome(64)
    stone = fitted(session, photographed(0.3, 0.4, lights)[0], lights)
    one, other = (DiscLight(tuple(lights[i]), RADIUS) for i in (3, 20))
    both = relight(stone, View(lights=(one, other)))[..., :3]
    apart = relight(stone, View(lights=(one,)))[..., :3] + relight(stone, View(lights=(other,)))[..., :3]
    assert both == pytest.approx(apart, rel=1e-4, abs=1e-4)


def test_clipped_photos_say_at_least():
    """A lobe brighter than a clipped photo leaves nothing to mend there; in a clear photo it does."""
    lights = dome(12)
    search = make_search(lights, RADIUS, 10.0, 0.1)
    work = make_work(search)
    x = np.full((12, 3), 0.5, np.float32)
    clear = np.ones(12, np.float32)
    clear[4] = 0
    start(work, x, clear, np.zeros_like(x))
    work.direction[0], work.width[0] = (0, 0, 1), 2.0  # so wide that it sees lights 4 and 5 much alike
    set_response(search, work, 0)
    assert {4, 5} <= set(work.lit[0, : work.lit_count[0]])
    work.response[0] = 1
    for amplitude, left, left_clipped in ((0.8, -0.3, 0.0), (0.2, 0.3, 0.3)):
        work.amplitude[0] = amplitude
        set_left(work, 1)
        assert work.left[4] == pytest.approx([left_clipped] * 3)
        assert work.left[5] == pytest.approx([left] * 3)


@pytest.mark.parametrize("model", ["ptm", "hsh"])
def test_smooth_models_give_their_own_functions_back(session: Session, model: str):
    lights = dome(48)
    terms = evaluate(model, lights)
    rng = np.random.default_rng(3)
    truth = rng.normal(0, 0.02, (SIZE * SIZE, terms.shape[1], 3))
    constant = 5 if model == "ptm" else 0
    truth[:, constant] = 0.5 / terms[0, constant]
    shown = np.einsum("lt,ntc->nlc", terms, truth)
    gain = 0.7  # a display's white lies below 1 / 0.7 everywhere, so that nothing clips
    assert shown.min() > 0
    assert shown.max() < 0.8
    codes = (shown**DISPLAY_GAMMA / gain).astype(np.float32)
    stack = RadianceStack(codes, None, None, np.arange(SIZE * SIZE, dtype=np.int64), (SIZE, SIZE))
    codes *= np.float32(0.5)
    stone = fitted(session, stack, lights, model)
    for i in (0, 9, 30):
        frame = relight(stone, View(lights=(DiscLight(tuple(lights[i]), RADIUS),)))[..., :3]
        clip = stack.codes[:, i].reshape(frame.shape) * stone.display_gain < 1
        assert frame[clip] == pytest.approx(stack.codes[:, i].reshape(frame.shape)[clip], rel=0.25, abs=0.02)


def test_too_few_photos(session: Session):
    lights = dome(8)
    with pytest.raises(FitError, match=r"8 photos are too few for hsh, which needs 9"):
        fitted(session, photographed(0.3, 0.4, lights)[0], lights, "hsh")


def test_black_photos(session: Session):
    lights = dome(12)
    with pytest.raises(FitError, match="black in all photos"):
        fitted(session, photographed(0.0, 0.0, lights)[0], lights)


def test_the_same_bytes_on_any_number_of_threads(session: Session, monkeypatch: pytest.MonkeyPatch):
    lights = dome(64)
    stack, _ = photographed(0.3, 0.4, lights)
    words = []
    for threads in ("1", "3"):
        monkeypatch.setenv("GEODFX_THREADS", threads)
        stone = fitted(session, stack, lights)
        assert stone.lobes is not None
        words.append((stone.lobes.refs.tobytes(), stone.lobes.facets.tobytes(), stone.base.planes.tobytes()))
    assert words[0] == words[1]


@pytest.mark.parametrize("spread", SPREADS[1::3])
def test_softened_lobes_solve_the_expected_display(spread: float):
    """The table of shares and widths is the least-squares answer over the disc, found here by another minimiser."""
    _, area, blur = light_kernel(math.radians(10))
    blur /= area  # in units of the disc's own area: radius 1
    i = np.arange(300)
    far, turn = 2 * spread * np.sqrt((i + 0.5) / len(i)), i * math.pi * (3 - math.sqrt(5))
    x = np.linspace(0, 2.6, 80)

    def response(q: F64, width: float) -> F64:
        variance = 12 * (blur + width * width)
        if variance <= 1:
            half = math.sqrt(variance)
            return np.clip((1 + half - q) / (2 * half), 0, 1)
        reach = 1.5 + 0.5 * variance
        return np.clip(2 / reach * (1 - q / reach), 0, None)

    moved = (x[:, None] - far * np.cos(turn)) ** 2 + (far * np.sin(turn)) ** 2
    expected = (response(moved, 0.0) ** (1 / DISPLAY_GAMMA)).mean(axis=1)

    def loss(share_and_width: F64) -> float:
        shown = (share_and_width[0] * response(x * x, share_and_width[1])) ** (1 / DISPLAY_GAMMA)
        return float(((expected - shown) ** 2 * x).sum())

    k = SPREADS.index(spread)
    best = minimize(loss, [0.8, 0.7 * spread], bounds=[(0.1, 1.2), (0.0, 1.0)], method="Powell")
    assert loss(np.array([SHARES[k], SOFT_WIDTHS[k]])) <= 1.1 * best.fun + 1e-6


@pytest.mark.parametrize(
    "settings",
    [LobeSettings(passes=0), LobeSettings(widths=False), LobeSettings(fire=False, doubt=False, detail=False), FAST],
    ids=["alone", "points", "plain", "fast"],
)
def test_facets_are_found_with_less_effort_and_fewer_ideas(session: Session, settings: LobeSettings):
    """On facets of twelve texels a side: a quick fit searches one texel in nine."""
    lights, times = dome(96), 3
    stack, exits = photographed(0.3, 0.0, lights)
    side = np.arange(SIZE * times) // times
    enlarged = (side[:, None] * SIZE + side).ravel()
    large = RadianceStack(stack.codes[enlarged], None, None, np.arange(len(enlarged)), (SIZE * times, SIZE * times))
    alpha = np.full((SIZE * times, SIZE * times), 255, np.uint8)
    stone = fit_stone(session, large, rig(lights), alpha, "lobes", settings).stone
    assert stone.lobes is not None
    lobes = unpack_lobes(stone.lobes, SIZE * times)
    found = lobes.direction[np.searchsorted(lobes.texel, np.arange(len(enlarged))), 1]
    off = np.degrees(2 * np.arcsin(np.linalg.norm(found - exits[enlarged], axis=1) / 2))
    assert off.max() < 4.0
    assert (stone.provenance.get("effort") == "fast") == (settings == FAST)


def test_a_stone_without_lobes_is_its_base(session: Session):
    lights = dome(96)
    stack, _ = photographed(0.3, 0.1, lights)
    alpha = np.full((SIZE, SIZE), 255, np.uint8)
    stone = fit_stone(session, stack, rig(lights), alpha, "lobes", LobeSettings(lobes=False)).stone
    assert stone.lobes_per_texel == 0
    assert stone.base.basis == "hsh"
