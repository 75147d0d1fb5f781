"""Sessions of a stone that tilts, from photos to frames: a mirror whose flashes are known, and a sample."""

from __future__ import annotations

import json
import math
from pathlib import Path

import cv2
import numpy as np
import pytest

import geodfx
from geodfx.__main__ import main
from geodfx.capture.photos import open_photos
from geodfx.capture.rectify import find_plane, read_tilted_stack, rectify_matte
from geodfx.capture.rig import make_tilt_rig, tilt_stretch
from geodfx.capture.session import read_session
from geodfx.simulate.rig import stage_rotation
from geodfx.tilting import Camera, TiltStage, plane_to_picture, warp

SIZE, FIELD, DISTANCE = 32, 1.3, 8.0
RADIUS_DEG, WHITE = 8.0, 0.02
LIGHT = np.array([0.14, 0.06, 0.0])
MIRROR = np.array([0.03, -0.02, 0.0])  # normal of the facet, in the stone frame
AXIS_DEG = (-9.0, -6.0, -3.0, 0.0, 3.0, 6.0, 9.0)


def unit(v):
    return np.array([v[0], v[1], math.sqrt(1 - v[0] ** 2 - v[1] ** 2)])


def mirror_light(tilt, points):
    """Return what a flat mirror at points (N, 3) of the stone shows of a light, white card = 1: a tenth of it."""
    turn = stage_rotation(*tilt)
    world, normal = points @ turn.T, turn @ unit(MIRROR)
    towards = np.array([0, 0, DISTANCE]) - world
    towards /= np.linalg.norm(towards, axis=1, keepdims=True)
    mirrored = 2 * (towards @ normal)[:, None] * normal - towards
    off = np.degrees(np.arccos(np.clip(mirrored @ unit(LIGHT), -1, 1)))
    share = np.clip((1.12 * RADIUS_DEG - off) / (0.24 * RADIUS_DEG), 0, 1)
    return 0.1 * share / (2 * (1 - math.cos(math.radians(RADIUS_DEG))))


def photograph(tilt, plane_height=0.0):
    """Return the picture (SIZE, SIZE) of a square mirror on a plane of the stone, under a matte glow."""
    matrix = plane_to_picture(Camera((SIZE, SIZE), DISTANCE, FIELD), plane_height, tilt)
    y, x = np.mgrid[:SIZE, :SIZE] + 0.5
    seen = np.stack([x, y, np.ones_like(x)], axis=-1) @ np.linalg.inv(matrix).T
    column, row = seen[..., 0] / seen[..., 2], seen[..., 1] / seen[..., 2]
    scale = FIELD / SIZE
    across, up = (column - SIZE / 2) * scale, (SIZE / 2 - row) * scale
    there = (abs(across) < 0.4) & (abs(up) < 0.4)
    points = np.stack([across, up, np.full_like(up, plane_height)], axis=-1).reshape(-1, 3)
    glow = 0.1 + 0.05 * np.sin(40 * across) * np.cos(30 * up)
    return np.where(there, mirror_light(tilt, points).reshape(SIZE, SIZE) + glow, 0)


def write_session(folder: Path, tilts_deg, plane_height=0.0, extra="") -> Path:
    folder.mkdir(parents=True)
    rows, covered = ["file,pitch_deg,roll_deg"], np.zeros((SIZE, SIZE), bool)
    for i, tilt_deg in enumerate(tilts_deg):
        picture = photograph(np.radians(tilt_deg), plane_height)
        covered |= picture > 0
        codes = np.rint(np.clip(picture * WHITE, 0, 1) * 65535).astype(np.uint16)
        cv2.imwrite(str(folder / f"p{i:02}.png"), np.dstack([codes] * 3))
        rows.append(f"p{i:02}.png,{tilt_deg[0]:.4f},{tilt_deg[1]:.4f}")
    cv2.imwrite(str(folder / "mask.png"), covered.astype(np.uint8) * 255)
    (folder / "tilts.csv").write_text("\n".join(rows) + "\n")
    (folder / "session.toml").write_text(
        f'domain = "tilt"\ntilts = "tilts.csv"\nmask = "mask.png"\ntransfer = "linear"\nwhite_value = {WHITE}\n'
        f"light_radius_deg = {RADIUS_DEG}\ncamera_distance = {DISTANCE}\nfield_width = {FIELD}\n{extra}"
    )
    return folder


GRID_DEG = [(pitch, roll) for pitch in AXIS_DEG for roll in AXIS_DEG]
BETWEEN_DEG = [(1.3, 3.4), (-1.6, 4.5), (2.5, 1.5), (-4.2, 7.4), (5.1, -4.4), (-7.0, -1.0)]


@pytest.fixture(scope="module")
def sessions(tmp_path_factory):
    root = tmp_path_factory.mktemp("tilt")
    return write_session(root / "train", GRID_DEG), write_session(root / "heldout", BETWEEN_DEG)


@pytest.fixture(scope="module")
def stone(sessions):
    return geodfx.process(sessions[0])


def test_a_mirrors_flash_is_met_at_tilts_between(stone, sessions):
    score = geodfx.evaluate(stone, sessions[1])
    assert score.psnr_db > 22
    assert score.flash_f1 > 0.85
    assert 0.9 < score.flux < 1.1


def test_the_stone_knows_its_tilts(stone):
    assert stone.domain == "tilt"
    np.testing.assert_allclose(np.degrees(stone.tilting.tilt_rad), GRID_DEG, atol=1e-4)
    assert stone.light_radius_rad == pytest.approx(math.radians(RADIUS_DEG))
    assert stone.alpha[SIZE // 2, SIZE // 2] == 255
    assert stone.alpha[0, 0] == 0


@pytest.mark.parametrize("height", [-0.15, 0.0, 0.12])
def test_the_plane_of_what_is_seen_is_found(tmp_path, height):
    session = read_session(write_session(tmp_path / "s", GRID_DEG[::2], height))
    camera = Camera((SIZE, SIZE), DISTANCE, FIELD)
    mask = np.full((SIZE, SIZE), 255, np.uint8)
    assert find_plane(open_photos(session), camera, session.tilt_rad, mask) == pytest.approx(height, abs=0.06)


def test_the_outline_is_the_girdle_and_texels_are_all_that_comes_into_view():
    """A disc that tilts: the mask is white where it is at any tilt, a texel below it is seen beyond its rim."""
    size, stage = 96, TiltStage(np.radians(np.array(GRID_DEG, np.float32)), 2.0, -0.2, np.zeros((0, 3), np.float32))
    camera = Camera((size, size), DISTANCE, 1.4)
    column, row = np.meshgrid(np.arange(size) + 0.5 - size / 2, np.arange(size) + 0.5 - size / 2)
    disc = np.where(np.hypot(column, row) < 30, 255, 0).astype(np.float32)
    mask = np.max(
        [warp(disc, plane_to_picture(camera, 0.0, tilt), back=True) for tilt in stage.tilt_rad.tolist()], axis=0
    )
    alpha, shown = rectify_matte(np.minimum(mask, 255).astype(np.uint8), camera, stage)
    assert np.mean((alpha > 127) != (disc > 127)) < 0.004
    assert shown[disc > 0].all()
    beyond = np.flatnonzero(shown[size // 2])
    reach = 0.2 * math.sin(math.radians(9.0)) / 1.4 * size  # of a plane that lies so deep
    assert beyond[-1] - (size // 2 + 29) == pytest.approx(reach, abs=1.5)


def test_photos_reach_the_texels_clear_only_where_they_are(tmp_path):
    session = read_session(write_session(tmp_path / "s", GRID_DEG[::4]))
    photos, camera = open_photos(session), Camera((SIZE, SIZE), DISTANCE, FIELD)
    stage = TiltStage(session.tilt_rad.astype(np.float32), 2.0, 0.0, np.zeros((0, 3), np.float32))
    _, shown = rectify_matte(np.full((SIZE, SIZE), 255, np.uint8), camera, stage)
    stack = read_tilted_stack(photos, shown, camera, stage)
    radiance, clear = stack.at(slice(None))
    upright = GRID_DEG[::4].index((0.0, 0.0))
    texel = SIZE * SIZE // 2 + SIZE // 2
    here = int(np.flatnonzero(stack.texels == texel)[0])
    seen = photograph((0.0, 0.0))[SIZE // 2, SIZE // 2]
    np.testing.assert_allclose(radiance[here, upright], seen, rtol=2e-3)
    assert clear[here].all()
    assert radiance.min() >= 0
    assert set(np.unique(clear)) <= {0.0, 1.0}


def test_wide_tilts_are_stretched_less_so_that_pseudo_lights_stay_above_the_horizon():
    assert tilt_stretch(np.radians([[18.0, -18.0]])) == 2.0
    wide = np.radians([[60.0, 0.0], [0.0, -60.0], [0.0, 0.0]])
    rig = make_tilt_rig(wide, tilt_stretch(wide), Path("tilts.csv"), radius_rad=0.2)
    assert rig.direction[:, 2].min() > 0.2
    assert rig.radius_rad == pytest.approx(0.2 * tilt_stretch(wide) / 2)


def test_an_untold_radius_is_guessed_with_a_warning():
    with pytest.warns(geodfx.GeodfxWarning, match=r"the lights' angular radius is not told; 2\.\d\d degrees is taken"):
        make_tilt_rig(np.radians(GRID_DEG), 2.0, Path("tilts.csv"))


def test_commands_take_a_sample(tmp_path, capsys):
    sample = Path(__file__).parents[2] / "samples" / "sapphire_tilt"
    out = tmp_path / "t.gdfx"
    assert main(["process", str(sample / "train"), "-o", str(out)]) == 0
    page = (tmp_path / "t.html").read_text()
    assert (tmp_path / "t.png").exists() and "<h2>Tilts</h2>" in page and "step, crown 4" in page
    capsys.readouterr()
    assert main(["info", str(out), "--json"]) == 0
    about = json.loads(capsys.readouterr().out)
    assert about["domain"] == "tilt" and about["tilts"][1] == [-9.0, -6.0] and "lights" not in about
    assert about["texel_bytes"] <= 30
    tilts = sample / "heldout" / "tilts.csv"
    words = ["relight", str(out), "--tilts", str(tilts), "--frame-suffix", ".npy", "-o", str(tmp_path / "frames")]
    assert main(words) == 0
    assert len(list((tmp_path / "frames").iterdir())) == 8
    capsys.readouterr()
    assert main(["evaluate", str(out), str(sample / "heldout"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["psnr_db"] > 20
    light = ["relight", str(out), "-o", str(tmp_path / "a.png"), "--light", "0,0,1"]
    assert main(light) == 1
    assert "captured by its tilt" in capsys.readouterr().err
    assert not (tmp_path / "a.png").exists()
