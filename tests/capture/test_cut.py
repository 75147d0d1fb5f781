"""The step cut behind photos over tilts: its outline, its planes, its rays, and the facets that its flashes make."""

from __future__ import annotations

import math

import numpy as np
import pytest

from geodfx.arrays import evenly
from geodfx.basis import chart_encode, flat_points, light_kernel
from geodfx.capture import cut_flashes
from geodfx.capture.cut import LEAST_GAIN_DB, TracedCut, trace_cut
from geodfx.capture.cut_descend import FEW, descend
from geodfx.capture.cut_evidence import WITHIN, TiltEvidence
from geodfx.capture.cut_find import _replace_rows, _split_rows, _sweep, meets_db
from geodfx.capture.cut_flashes import start_from_cut
from geodfx.capture.cut_outline import find_outline
from geodfx.capture.cut_step import StepCut
from geodfx.capture.cut_view import list_flares, make_scene, show_planes
from geodfx.capture.facet_flash import Seen, add_flashes
from geodfx.capture.facet_reach import list_reach
from geodfx.capture.fit_settings import THOROUGH
from geodfx.capture.fit_texels import make_state
from geodfx.capture.photos import RadianceStack
from geodfx.capture.rig import make_tilt_rig
from geodfx.constants import DISPLAY_GAMMA, MOST_PLACE
from geodfx.jit import PACKET, kernel, read_packet, splat_packet, write_packet
from geodfx.rays.walks import WALK_ROOM, ask_planes, bounce, enter, follow, make_walls
from geodfx.simulate.solids import step_cut
from geodfx.tilting import Camera, TiltStage
from tests.simulate.stones import glass, trace

CROWN, PAVILION = (44.0, 35.0, 25.0), (56.0, 47.0, 39.0)
STONE = step_cut(1.3, 0.2, 0.55, CROWN, PAVILION, 0.03)
INDEX, RADIUS = 1.77, math.radians(8)
MET = 12  # faces that a ray is followed to
SIDE, FIELD, DISTANCE = 64, 1.24, 8.0
GRID = np.radians(np.arange(-9, 10, 3.0))
TILTS = np.array([(pitch, roll) for pitch in GRID for roll in GRID])
LIGHTS = np.array([[0.0, 0.33, 0.944], [0.575, -0.287, 0.766], [-0.679, 0.097, 0.728], [0.094, -0.749, 0.656]])
CAMERA = Camera((SIDE, SIDE), DISTANCE, FIELD)
STAGE = TiltStage(TILTS.astype(np.float32), 2.0, 0.0, LIGHTS.astype(np.float32))
SCENE = make_scene(CAMERA, STAGE, LIGHTS, RADIUS)
SCALE = FIELD / SIDE


def polygon(turn, middle, sides, size=256):
    """Return the mask of a polygon mirrored about two axes, and its scale. sides: azimuth and distance."""
    scale = FIELD / size
    row, column = np.mgrid[0:size, 0:size]
    x, y = (column + 0.5 - size / 2) * scale - middle[0], (size / 2 - row - 0.5) * scale - middle[1]
    mask = np.ones((size, size), bool)
    for azimuth, distance in sides:
        for each in (azimuth, math.pi - azimuth, math.pi + azimuth, -azimuth):
            mask &= math.cos(each + turn) * x + math.sin(each + turn) * y < distance
    return mask, scale


def stone_mask(size=SIDE):
    sides = [(math.atan2(abs(y), abs(x)), d) for x, y, z, d in STONE.planes if abs(z) < 1e-9]
    return polygon(0.0, (0.0, 0.0), sides, size)


def cut_of_stone():
    """Return the cut with the stone's own numbers, whose outline is the stone's."""
    mask, scale = stone_mask(256)
    cut = StepCut(find_outline(mask, scale))
    numbers = np.zeros(len(cut.step))
    numbers[:2] = INDEX, 0.0

    def distance(slope_deg, azimuth, up):
        out, rise = math.sin(math.radians(slope_deg)), up * math.cos(math.radians(slope_deg))
        normal = np.array([out * math.cos(azimuth), out * math.sin(azimuth), rise])
        (its,) = np.flatnonzero(np.abs(STONE.planes[:, :3] - normal).max(axis=1) < 0.02)
        return STONE.planes[its, 3]

    azimuths = [turns[0] for turns in cut.turns]
    numbers[2] = distance(0.0, 0.0, 1)
    numbers[6 + len(azimuths)] = math.pi / 4 - cut.turns[cut.fours[0]][0]  # the simulated corners'
    numbers[6 : 6 + len(azimuths)] = [distance(90.0, azimuth, 1) for azimuth in azimuths]
    for k, slope in enumerate([*CROWN, *PAVILION]):
        at = cut.row[k]
        numbers[at : at + 1 + len(azimuths)] = slope, *(distance(slope, each, 1 if k < 3 else -1) for each in azimuths)
    return cut, numbers


CUT, NUMBERS = cut_of_stone()


def evidence(texels=500, numbers=NUMBERS):
    row, column = (each.ravel() for each in np.mgrid[8 : SIDE - 8, 8 : SIDE - 8])
    some = evenly(len(row), texels)
    place = SCENE.place(column[some], row[some])
    blank = TiltEvidence(SCENE, np.zeros((texels, len(TILTS))), place, 0.05)
    every = np.arange(texels), np.arange(len(TILTS))
    return TiltEvidence(SCENE, blank.show(CUT, numbers, *every, 1.0, WITHIN), place, 0.05)


@pytest.mark.parametrize("turn", [0.0, 0.11, -0.4])
@pytest.mark.parametrize("middle", [(0.0, 0.0), (0.03, -0.05)])
def test_an_outline_tells_its_axes_middle_and_sides(turn, middle):
    sides = ((0.0, 0.34), (math.pi / 4, 0.45), (math.pi / 2, 0.47))
    found = find_outline(*polygon(turn, middle, sides))
    assert found.turn_rad == pytest.approx(turn, abs=0.006)
    assert found.middle == pytest.approx(middle, abs=0.002)
    told = sorted(found.sides)
    assert [azimuth for azimuth, _ in told] == pytest.approx([azimuth for azimuth, _ in sides], abs=0.03)
    assert [distance for _, distance in told] == pytest.approx([distance for _, distance in sides], abs=0.006)


@pytest.mark.parametrize("size", [64, 160, 256])
def test_short_corners_are_told_at_any_size(size):
    for width in (0.3, 0.36, 0.42):
        corner = (width + 0.5 - 0.12) / math.sqrt(2)
        found = find_outline(*polygon(0.0, (0.0, 0.0), ((0.0, width), (math.pi / 2, 0.5), (math.pi / 4, corner)), size))
        assert found is not None and len(found.sides) == 3


def test_other_outlines_are_no_step_cuts():
    row, column = np.mgrid[0:256, 0:256]
    assert find_outline(np.hypot(row - 128, (column - 128) / 1.4) < 70, FIELD / 256) is None
    assert find_outline(np.zeros((64, 64), bool), SCALE) is None
    triangle = (row > 60) & (abs(column - 128) < (row - 60) * 0.6) & (row < 200)
    assert find_outline(triangle, FIELD / 256) is None


def test_the_planes_are_those_of_the_cut():
    planes = CUT.planes(NUMBERS)
    for plane in STONE.planes:
        if plane[2] > -0.999:  # the simulated stone may end at a culet
            assert np.abs(planes - plane).max(axis=1).min() < 0.02


def test_a_turned_row_keeps_the_middles_of_its_facets():
    for k in range(6):
        moved = CUT.moved(NUMBERS, CUT.row[k], 2.0)
        for s in range(len(CUT.turns)):
            out = sum(CUT._ends(NUMBERS, k, s)) / 2
            slope = math.radians(NUMBERS[CUT.row[k]])
            height = (1 if k < 3 else -1) * (NUMBERS[CUT.row[k] + 1 + s] - math.sin(slope) * out) / math.cos(slope)
            for numbers in (NUMBERS, moved):
                slope = math.radians(numbers[CUT.row[k]])
                reach = math.sin(slope) * out + (1 if k < 3 else -1) * math.cos(slope) * height
                assert reach == pytest.approx(numbers[CUT.row[k] + 1 + s], abs=1e-9)
            assert 0 < out < 0.51


@kernel
def _walk(walls, place, towards, room, met):
    """Write faces, directions (3,) and weights of what leaves at the first MET faces, then what goes on."""
    one, two = np.uint64(PACKET), np.uint64(2 * PACKET)
    leaving, ray = enter(
        walls, INDEX, splat_packet(place[0]), splat_packet(place[1]), splat_packet(place[2]),
        read_packet(towards, np.uint64(0)), read_packet(towards, one), read_packet(towards, two), room,
    )  # fmt: skip
    for k in range(MET):
        at = np.uint64(5 * PACKET * k)
        write_packet(met, at, leaving.face)
        write_packet(met, at + one, leaving.dx)
        write_packet(met, at + two, leaving.dy)
        write_packet(met, at + np.uint64(3 * PACKET), leaving.dz)
        write_packet(met, at + np.uint64(4 * PACKET), leaving.weight)
        if k + 1 < MET:
            leaving, ray = bounce(walls, INDEX, 0.0, ray, room)
    write_packet(met, np.uint64(5 * PACKET * MET), ray.left)


def walk(place, origins):
    """Return what rays (N, 3) through a place meet: faces (N, MET), directions (N, MET, 3), weights (N, MET), the rest.

    N is PACKET.
    """
    towards = place - origins
    towards /= np.linalg.norm(towards, axis=1, keepdims=True)
    room, met = np.empty(WALK_ROOM, np.float32), np.empty((MET * 5 + 1) * PACKET, np.float32)
    _walk(make_walls(STONE.planes), place.astype(np.float32), towards.T.astype(np.float32).ravel(), room, met)
    rest, met = met[-PACKET:], met[:-PACKET].reshape(MET, 5, PACKET).transpose(2, 0, 1).astype(np.float64)
    return towards, met[..., 0].astype(np.int64), met[..., 1:4], met[..., 4], rest


def test_rays_meet_the_faces_that_the_simulator_meets_and_follow_retraces_them():
    planes, material = STONE.planes, glass(INDEX)
    hit, inside, last = np.empty((MET, 3)), np.empty((MET, len(planes))), np.empty(3)
    rng = np.random.default_rng(2)
    compared = beside = 0
    for x, y in rng.uniform(-0.3, 0.3, (8, 2)):
        place = np.array([x, y, 0.05])
        origins = np.array([0.0, 0.0, 8.0]) + rng.uniform(-2, 2, (PACKET, 3))
        for origin, *ray in zip(origins, *walk(place, origins), strict=True):
            towards, face, leaving, weight, rest = ray
            exits = trace(STONE, material, origin, towards)
            assert weight.sum() + rest == pytest.approx(1, abs=1e-5)
            for k in np.flatnonzero(weight >= 0.02):
                apart = np.linalg.norm(exits.direction - leaving[k], axis=1)
                alike = np.linalg.norm(leaving - leaving[k], axis=1) < 1e-3  # parallel faces give parallel exits
                own = (apart < 1e-3) & (exits.band == exits.band[0])
                if exits.weight[own].sum() != pytest.approx(weight[alike].sum(), abs=4e-3):
                    beside += 1  # so near to an edge that floats tell the other face
                    break
                assert follow(planes, INDEX, face, k + 1, *origin, *place, hit, last)
                ask_planes(planes, face, k + 1, hit, inside)
                np.testing.assert_allclose(last, leaving[k], atol=1e-4)
                assert inside[: k + 1].min() > -1e-5
                compared += 1
    assert compared > 100 and beside <= 2


def test_a_ray_beside_the_stone_meets_nothing():
    origins = np.array([0.0, 0.0, 8.0]) + np.random.default_rng(3).uniform(-1, 1, (PACKET, 3))
    for x in (0.6, -0.7):
        _, face, _, weight, _ = walk(np.array([x, 0.0, 0.0]), origins)
        assert (face[:, 0] == -1).all() and (weight == 0).all()
        assert (show_planes(SCENE, STONE.planes, INDEX, 0.0, np.array([[x, 0.0]]), np.arange(len(TILTS))) == 0).all()


def test_what_is_shown_is_what_is_listed():
    # 49 tilts fill no whole number of packets; places wait together, or alone where looks are listed.
    place = SCENE.place(np.arange(20, 44), np.arange(20, 44))
    planes, tilts = CUT.planes(NUMBERS), np.arange(len(TILTS))
    shown = show_planes(SCENE, planes, INDEX, 0.5, place, tilts)
    flares = list_flares(SCENE, planes, INDEX, 0.5, place)
    summed = np.zeros(shown.shape)
    np.add.at(summed, (flares.texel, flares.tilt), (flares.weight * flares.seen).astype(np.float64))
    assert shown.max() > 0.3
    np.testing.assert_allclose(shown, summed, atol=0.04)  # what is fainter than a fiftieth is not followed
    assert (np.diff(flares.texel) >= 0).all()
    for few in (1, 8, 9):
        np.testing.assert_allclose(
            show_planes(SCENE, planes, INDEX, 0.5, place, tilts[:few]), shown[:, :few], atol=1e-6
        )


def test_numbers_that_are_a_little_off_are_found_again():
    shown = evidence(100)
    rng = np.random.default_rng(0)
    off = NUMBERS + rng.uniform(-1, 1, len(NUMBERS)) * 0.12 * CUT.reach
    off[3:6] = 0.0
    before = meets_db(shown, CUT, off)
    found = descend(shown, CUT, descend(shown, CUT, off, 4, 2.0, FEW), 4, 1.0, FEW)
    assert meets_db(shown, CUT, found) > before + 5
    assert np.abs(found[CUT.row] - NUMBERS[CUT.row]).max() < 0.6


def test_a_name_draws_the_index_to_its_own():
    shown = evidence(100)
    named = TiltEvidence(SCENE, shown.shown, shown.place, shown.gain, INDEX)
    off, met = np.zeros(2), np.zeros(2)
    for by in (0.03, -0.03):  # crown and index are told apart slowly
        for k, each in enumerate((shown, named)):
            numbers = NUMBERS.copy()
            numbers[0] += by
            numbers = descend(each, CUT, descend(each, CUT, numbers, 6, 2.0, FEW), 6, 1.0, FEW)
            off[k] += abs(numbers[0] - INDEX)
            met[k] += meets_db(shown, CUT, numbers)
    assert off[1] < 0.5 * off[0]
    assert met[1] > met[0] + 4


def test_two_rows_at_one_place_are_told_apart():
    shown = evidence(100)
    twice = NUMBERS.copy()
    own, other = CUT.row[3], CUT.row[4]
    twice[own : own + 1 + len(CUT.turns)] = NUMBERS[other : other + 1 + len(CUT.turns)]
    found = _replace_rows(shown, CUT, twice)
    slopes = np.sort(found[CUT.row[3:]])
    assert slopes == pytest.approx(sorted(PAVILION), abs=1.5)


def test_a_plane_far_from_where_it_should_be_is_swept_there():
    shown = evidence(100)
    off = NUMBERS.copy()
    off[CUT.row[3] + 2] += 0.05
    stuck = descend(shown, CUT, off, 4, 1.0, FEW)
    assert meets_db(shown, CUT, stuck) < meets_db(shown, CUT, NUMBERS) - 2
    swept = _sweep(shown, CUT, off, 1.0)
    assert swept[CUT.row[3] + 2] == pytest.approx(NUMBERS[CUT.row[3] + 2], abs=0.003)
    assert meets_db(shown, CUT, swept) > meets_db(shown, CUT, NUMBERS) - 1


def test_a_row_is_split_where_it_is():
    spare = CUT.without_row(NUMBERS, 0)
    split = CUT.split_row(spare, 0, 1, 1.5)
    assert split[CUT.row[:2]] == pytest.approx([CROWN[1] + 1.5, CROWN[1] - 1.5])
    for s in range(len(CUT.turns)):
        inner, outer = CUT._ends(spare, 1, s)
        (first, one), (second, two) = ((math.radians(split[CUT.row[k]]), split[CUT.row[k] + 1 + s]) for k in (0, 1))
        between = (one * math.cos(second) - two * math.cos(first)) / math.sin(first - second)
        assert between == pytest.approx((inner + outer) / 2, abs=0.01)


def test_one_row_between_two_is_split_into_them():
    two = CUT.moved(NUMBERS, CUT.row[0], -5.0)
    shown = evidence(100, two)
    merged = descend(shown, CUT, CUT.without_row(CUT.moved(two, CUT.row[1], 1.5), 0), 6, 1.0, FEW)
    found = _split_rows(shown, CUT, merged)
    assert meets_db(shown, CUT, found) > meets_db(shown, CUT, merged) + 3
    assert found[CUT.row[:2]] == pytest.approx(two[CUT.row[:2]], abs=0.5)


def test_a_stone_that_no_cut_explains_has_none():
    shown = evidence(40)
    noise = TiltEvidence(SCENE, np.random.default_rng(1).random(shown.shown.shape), shown.place, shown.gain)
    stages = []
    round_mask = np.hypot(*(np.mgrid[0:SIDE, 0:SIDE] - 31.5)) < 25
    mask = (round_mask * 255).astype(np.uint8)
    assert trace_cut(noise, mask, SCALE, "diamond", lambda *told: stages.append(told)) is None
    assert stages == []
    assert LEAST_GAIN_DB > 0


def traced_state(tint=(1.0, 1.0, 1.0)):
    """Return the fit's state of photos that rays of the cut would show, and their displayed light (T, L), untinted."""
    mask, _ = stone_mask()
    texels = np.flatnonzero(mask)
    gain, white = 0.05, 1000
    rig = make_tilt_rig(TILTS, 2.0, "tilts.csv", radius_rad=RADIUS)
    place = SCENE.place(texels % SIDE, texels // SIDE)
    flares = list_flares(SCENE, CUT.planes(NUMBERS), INDEX, 0.0, place)  # the faint ones, too
    traced = np.zeros((len(texels), len(TILTS)))
    np.add.at(traced, (flares.texel, flares.tilt), flares.weight * flares.seen)
    light = traced * light_kernel(RADIUS)[0]
    codes = np.rint(np.clip(light[..., None] * np.array(tint) * white, 0, 60000)).astype(np.uint16)
    table = (np.arange(1 << 16) / white).astype(np.float32)
    stack = RadianceStack(codes, table, None, texels, (SIDE, SIDE))
    state = make_state(stack, rig, gain, THOROUGH, None, formed=True)
    state.search = state.search._replace(light=flat_points(state.directions).astype(np.float32))
    return state, light * gain


def shown_by(state, flashes, seers):
    """Return the displayed light (T, L, 3) of flashes that some texels each see."""
    count = len(state.stack.texels)
    reach = list_reach(seers, count)
    seen = Seen(reach.facet_start, reach.facet, flashes.weight[reach.facet])
    shown = np.zeros((count, len(TILTS), 3), np.float32)
    point, places = chart_encode(state.directions), state.places
    add_flashes(state.search, point, flashes, seen, places.column, places.row, np.arange(count), shown)
    return shown


def test_the_flashes_of_a_cut_show_what_its_rays_do(monkeypatch):
    state, light = traced_state()
    traced = TracedCut(SCENE, CUT, NUMBERS, (INDEX, INDEX, INDEX), 20.0)
    flashes, seers = start_from_cut(state, traced, 1e6)
    few, _ = start_from_cut(state, traced, 2e4)
    assert 10 < len(few.width) < len(flashes.width) and (few.place == flashes.place[: len(few.width)]).all()
    assert len(flashes.width) > 50
    assert all(len(each) > 0 for each in seers) and np.isfinite(flashes.edge).all()
    assert np.abs(flashes.place).max() <= MOST_PLACE and np.hypot(*flashes.form.T).max() <= 0.9991

    shown = shown_by(state, flashes, seers)
    ours, theirs = (np.clip(each, 0, 1) ** (1 / DISPLAY_GAMMA) for each in (shown[..., 1], light))
    assert np.corrcoef(ours.ravel(), theirs.ravel())[0, 1] > 0.75
    assert 0.9 < shown[..., 1].sum() / light.sum() < 1.1

    monkeypatch.setattr(cut_flashes, "meet_rays", lambda *_: None)
    first = np.clip(shown_by(state, *start_from_cut(state, traced, 1e6))[..., 1], 0, 1) ** (1 / DISPLAY_GAMMA)
    assert np.mean((ours - theirs) ** 2) < 0.8 * np.mean((first - theirs) ** 2)


def test_a_flash_has_the_colour_of_the_looks_at_which_it_is_alone():
    tint = np.array([1.0, 0.6, 0.3])
    state, _ = traced_state(tint)
    flashes, _ = start_from_cut(state, TracedCut(SCENE, CUT, NUMBERS, (INDEX, INDEX, INDEX), 20.0), 1e6)
    bright = flashes.weight[:, 0] > 0.05
    assert bright.sum() > 20
    colour = flashes.weight[bright] / flashes.weight[bright].max(axis=1, keepdims=True)
    np.testing.assert_allclose(np.median(colour, axis=0), tint, atol=0.02)
    assert np.abs(colour - tint).max(axis=1).mean() < 0.1


def test_flares_do_not_depend_on_the_threads(monkeypatch):
    place = SCENE.place(np.arange(10, 50), np.arange(10, 50))
    found = []
    for threads in ("1", "3"):
        monkeypatch.setenv("GEODFX_THREADS", threads)
        found.append(list_flares(SCENE, CUT.planes(NUMBERS), INDEX, 0.5, place))
    for name in ("key", "texel", "tilt", "light", "face", "weight", "seen"):
        np.testing.assert_array_equal(getattr(found[0], name), getattr(found[1], name))
    assert len(found[0].key) > 100
