"""Whole sessions: they can be read back, are the same for the same recipe, and show what their truth says."""

from __future__ import annotations

import json
import math
import re
import shutil
import sys
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import geodfx
from geodfx.arrays import F32
from geodfx.basis import light_kernel
from geodfx.capture import find_rig
from geodfx.capture.matte import read_matte
from geodfx.capture.photos import open_photos, read_stack
from geodfx.capture.session import read_session
from geodfx.capture.spheres import calibrate
from geodfx.cli import main
from geodfx.errors import OutputError
from geodfx.images import read_image

CLEAN = "full_well = 0.0\nbits = 16\n"
STONE = 'cut = "brilliant"\nmaterial = "diamond"\n'
CAMERA = "size = [28, 26]\nsamples = 4\ndistance = 8.0\n"


def write_recipe(
    path: Path, rig: str, *, stone: str = STONE, camera: str = CAMERA, sensor: str = "", more: str = ""
) -> Path:
    parts = [
        "seed = 5\n", "[stone]\n", stone, "[camera]\n", camera, "[rig]\n", rig, "[sensor]\n", sensor, "\n", more,
    ]  # fmt: skip
    path.write_text("".join(parts), "utf-8")
    return path


def radiance_of(folder: Path) -> F32:
    """Return all photos (M, H, W, 3) in white-card units."""
    session = read_session(folder)
    full = np.iinfo(read_image(session.photos[0]).dtype).max
    return np.stack([read_image(path) / np.float32(full * session.white_value) for path in session.photos])


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


DOME = 'kind = "dome"\nlights = 9\nradius_deg = 14.0\nlowest_deg = 20.0\n'


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """Return a session with a held-out one, without noise."""
    folder = tmp_path_factory.mktemp("made")
    recipe = write_recipe(
        folder / "r.toml", DOME, sensor=CLEAN, more="[heldout]\nphotos = 3\n[truth]\nphotos = true\nlobes = 40\n"
    )
    assert geodfx.simulate(recipe, folder / "out") == (folder / "out" / "train", folder / "out" / "heldout")
    return folder / "out"


def test_a_session_is_read_as_any_other(made):
    session = read_session(made / "train")
    photos = open_photos(session)
    assert (session.domain, session.transfer, photos.size, len(photos.paths)) == ("light", "linear", (28, 26), 9)
    assert session.light_radius_rad == pytest.approx(math.radians(14))
    assert (session.camera_distance, session.field_width) == (8.0, 1.24)
    rig = find_rig(session, photos)
    assert np.degrees(np.arcsin(rig.direction[:, 2])).min() > 20
    alpha = read_matte(session, photos.size)
    assert read_stack(photos, alpha).codes.shape[1:] == (9, 3)
    assert alpha[13, 14] == 255 and alpha[0, 0] == 0
    assert alpha.mean() / 255 == pytest.approx(math.pi / 4 / (1.24 * 1.24 * 26 / 28), rel=0.04)


def test_held_out_lights_are_others_and_say_how_bright_to_show(made):
    train, heldout = read_session(made / "train"), read_session(made / "heldout")
    assert len(heldout.photos) == 3
    nearest = (heldout.light_direction @ train.light_direction.T).max()
    assert nearest < math.cos(math.radians(0.3))
    brightest = radiance_of(made / "train").max(axis=0)[read_matte(train, (28, 26)) >= 128]
    assert heldout.display_gain == pytest.approx(2 / np.quantile(brightest, 0.9), rel=0.01)


def test_photos_are_the_light_before_the_sensor(made):
    exact = np.load(made / "train" / "truth" / "photos.npy")
    white = read_session(made / "train").white_value
    assert exact.shape == (9, 26, 28, 3)
    assert exact.max() * white == pytest.approx(1 / 1.02, rel=2e-3)
    np.testing.assert_allclose(radiance_of(made / "train"), np.maximum(exact, 0), atol=1.1 / 65535 / white)


def test_the_truth_is_white_in_a_white_furnace_and_shows_the_photos(made):
    truth = np.load(made / "train" / "truth" / "truth.npz", allow_pickle=False)
    first, weight, direction = truth["lobe_first"], truth["lobe_weight"], truth["lobe_direction"]
    counts = np.diff(first)
    total = np.zeros((26 * 28, 3))
    np.add.at(total, np.repeat(np.arange(26 * 28), counts), weight)
    total += (truth["rest"] + truth["lost"] + truth["spread"]).reshape(-1, 3)
    np.testing.assert_allclose(total, np.repeat(truth["alpha"].reshape(-1, 1), 3, axis=1), atol=2e-4)
    sizes = np.linalg.norm(direction, axis=-1)
    assert np.all((np.abs(sizes - 1) < 1e-5) | (sizes == 0))
    # A photo lies between the lobes that are well inside the light's disc and those that are not well outside.
    exact = np.load(made / "train" / "truth" / "photos.npy")
    lights = read_session(made / "train").light_direction
    radiance, _, _ = light_kernel(math.radians(14))
    texel = np.repeat(np.arange(26 * 28), counts)
    positive = np.maximum(weight, 0) * (direction[..., 2] > 0)
    margin = math.radians(6)  # a lobe's exits lie this near to its middle: fire, and a texel's width
    seen = 0
    for m, light in enumerate(lights):
        angle = np.arccos(np.clip(direction @ light, -1, 1))
        least, most = np.zeros((26 * 28, 3)), np.zeros((26 * 28, 3))
        np.add.at(least, texel, radiance * positive * (angle < math.radians(14 * 0.88) - margin))
        np.add.at(most, texel, radiance * positive * (angle < math.radians(14 * 1.12) + margin))
        shown = exact[m].reshape(-1, 3)
        slack = 0.3 + 0.02 * most  # negative weights of single wavelengths, and the lobes' remainder
        assert ((least - slack <= shown) & (shown <= most + slack)).mean() > 0.99
        seen += (least > 1).sum()
    assert seen > 100


def test_a_brilliants_light_leaves_in_few_directions(tmp_path):
    # Another tracer of ideal brilliants: the 1, 2, 3 strongest lobes hold .71, .90, .99 of what leaves upwards.
    camera = "size = [72, 72]\nsamples = 1\n"
    recipe = write_recipe(tmp_path / "r.toml", DOME, camera=camera, more="[truth]\nlobes = 64\n")
    geodfx.simulate(recipe, tmp_path / "out")
    truth = np.load(tmp_path / "out" / "truth" / "truth.npz")
    first, weight = truth["lobe_first"], truth["lobe_weight"][:, 1]
    up = np.where(truth["lobe_direction"][:, 1, 2] > 0, weight, 0)
    held = []
    for begin, end in pairwise(first):
        strongest = np.cumsum(np.sort(up[begin:end])[::-1])
        if end - begin > 3 and strongest[-1] > 0.02:
            held.append(strongest[:3] / strongest[-1])
    assert np.mean(held, axis=0) == pytest.approx([0.71, 0.90, 0.99], abs=0.02)


def test_the_same_recipe_gives_the_same_bytes_on_any_number_of_threads(tmp_path, monkeypatch):
    sensor = "shift = 0.4\nblur = 0.3\nvignette = 0.2\nexposures_ev = [0, 2]\n"
    recipe = write_recipe(tmp_path / "r.toml", DOME, sensor=sensor, more="[frame]\nwhite_card = [1, 1]\nchart = [1]\n")
    for threads in "12":
        monkeypatch.setenv("GEODFX_THREADS", threads)
        geodfx.simulate(recipe, tmp_path / threads)
    one, two = files_of(tmp_path / "1"), files_of(tmp_path / "2")
    assert one == two
    assert {"session.toml", "lights.lp", "mask.png", "r_0008.png", "brackets/+2ev/chart/r_0008.png"} <= set(one)
    other = write_recipe(tmp_path / "r2.toml", DOME, sensor=sensor)
    other.write_text(
        other.read_text().replace("seed = 5", "seed = 6").replace("[stone]", "[stone]\npolish_deg = 0.0", 1)
    )
    geodfx.simulate(other, tmp_path / "other")
    assert (tmp_path / "other" / "r2_0003.png").read_bytes() != one["r_0003.png"]


def test_brackets_are_sessions_of_their_own(tmp_path):
    recipe = write_recipe(tmp_path / "r.toml", DOME, sensor="exposures_ev = [0, 2, -1]\n" + CLEAN)
    geodfx.simulate(recipe, tmp_path / "out")
    longer = read_session(tmp_path / "out" / "brackets" / "+2ev")
    open_photos(longer)
    base = read_session(tmp_path / "out")
    assert longer.white_value == pytest.approx(4 * base.white_value)
    exact, exposed = radiance_of(tmp_path / "out"), radiance_of(longer.folder)
    clear = exact * longer.white_value < 0.99
    np.testing.assert_allclose(exposed[clear], exact[clear], atol=2e-4 / base.white_value)
    assert (~clear).any() and exposed[~clear].max() <= 1 / longer.white_value + 1e-5


@pytest.mark.parametrize("form", ["exr", "jpeg", "png8"])
def test_other_formats_read_the_same(tmp_path, form):
    recipe = write_recipe(tmp_path / "r.toml", DOME, sensor=f'format = "{form}"\nfull_well = 0.0\nquality = 100\n')
    png = write_recipe(tmp_path / "p.toml", DOME, sensor=CLEAN)
    geodfx.simulate(recipe, tmp_path / "out")
    geodfx.simulate(png, tmp_path / "png")
    session = read_session(tmp_path / "out")
    photos = open_photos(session)
    alpha = np.full((26, 28), 255, np.uint8)
    got, _ = read_stack(photos, alpha).at(slice(None))
    wanted, _ = read_stack(open_photos(read_session(tmp_path / "png")), alpha).at(slice(None))
    tolerance = {"exr": 1e-5, "jpeg": 0.06, "png8": 0.5 / 255 * 2.4 + 1 / 4095}[form] / session.white_value
    assert np.abs(np.maximum(got, 0) - wanted).max() < tolerance


def test_eight_bits_keep_the_dark_apart(tmp_path):
    # As sRGB, 8 bits tell steps of 1 / 255 / 12.92 of full scale near black; a linear 8-bit photo only 1 / 255.
    recipe = write_recipe(tmp_path / "r.toml", DOME, sensor='format = "png8"\nfull_well = 0.0\nbits = 16\n')
    exact = write_recipe(tmp_path / "e.toml", DOME, sensor='format = "exr"\nfull_well = 0.0\n')
    geodfx.simulate(recipe, tmp_path / "out")
    geodfx.simulate(exact, tmp_path / "exact")
    session = read_session(tmp_path / "out")
    codes = np.stack([read_image(path) for path in session.photos])
    assert session.transfer == "srgb" and codes.dtype == np.uint8
    shown = np.stack([read_image(path) for path in read_session(tmp_path / "exact").photos])
    dark = (shown > 0) & (shown < 0.0031308)  # where sRGB is a straight line
    assert dark.sum() > 100
    np.testing.assert_allclose(
        codes[dark] / 255 / 12.92, shown[dark], atol=0.53 / 255 / 12.92
    )  # half a step, and half one of 16 bits


def test_the_converters_steps_show_in_every_format_of_integers(tmp_path):
    for form in ("png8", "jpeg"):  # 8 bits linear give few codes to a dark photo's sRGB
        sensor = f'format = "{form}"\nfull_well = 0.0\nbits = 8\nquality = 100\n'
        geodfx.simulate(write_recipe(tmp_path / "r.toml", DOME, sensor=sensor), tmp_path / form)
        photos = np.stack([read_image(path) for path in read_session(tmp_path / form).photos])
        # Linear 1 / 255 is sRGB 12.6 / 255: nothing lies between black and it (JPEG smears codes a little).
        share = np.mean((photos > 3) & (photos < 10))
        assert share < {"png8": 1e-9, "jpeg": 0.02}[form]


def test_noise_is_that_of_photons_and_of_the_reader(tmp_path):
    sensor = "full_well = 2000.0\nread_noise = 10.0\nbits = 16\nwhite_value = 0.5\n"
    card = "[frame]\nwhite_card = [0.0, 0.0, 6.0, 6.0]\n"
    zenith = 'kind = "rings"\nlights = 2\nheights_deg = [89.0]\n'
    camera = "size = [96, 96]\nsamples = 1\nfield_width = 3.0\n"
    recipe = write_recipe(tmp_path / "r.toml", zenith, camera=camera, sensor=sensor, more=card)
    geodfx.simulate(recipe, tmp_path / "out")
    corner = radiance_of(tmp_path / "out")[:, :24]
    assert corner.mean() == pytest.approx(math.sin(math.radians(89)), abs=0.002)
    assert corner.std() * 0.5 * 2000 == pytest.approx(math.sqrt(1000 + 100), rel=0.05)


def test_a_tilt_session_turns_the_stone_and_not_the_lights(tmp_path):
    rig = 'kind = "tilt"\nper_side = 3\nstep_deg = 10.0\nlights = 2\nradius_deg = 20.0\n'
    recipe = write_recipe(tmp_path / "r.toml", rig, sensor=CLEAN, more="[heldout]\nphotos = 2\n")
    geodfx.simulate(recipe, tmp_path / "out")
    session = read_session(tmp_path / "out" / "train")
    photos = open_photos(session)
    assert (session.domain, len(photos.paths), session.rig_lights.shape) == ("tilt", 9, (2, 3))
    assert np.degrees(session.tilt_rad[2]) == pytest.approx([-10, 10])
    shown = radiance_of(tmp_path / "out" / "train")
    assert np.abs(shown[0] - shown[4]).max() > 0.5
    assert len(read_session(tmp_path / "out" / "heldout").tilt_rad) == 2
    # The upright photo is what a light session adds up to under the same two lights.
    lights = "\n".join(["2", *(f"x {x} {y} {z}" for x, y, z in session.rig_lights)])
    assert lights.count("\n") == 2
    turned = write_recipe(tmp_path / "t.toml", rig.replace("per_side = 3", "per_side = 1"), sensor=CLEAN)
    geodfx.simulate(turned, tmp_path / "upright")
    np.testing.assert_allclose(radiance_of(tmp_path / "upright")[0], shown[4], atol=2e-3)


def test_a_turntable_turns_about_the_upright_axis(tmp_path):
    rig = 'kind = "turntable"\nphotos = 3\nspan_deg = 40.0\nlights = 1\n'
    geodfx.simulate(write_recipe(tmp_path / "r.toml", rig), tmp_path / "out")
    session = read_session(tmp_path / "out")
    np.testing.assert_allclose(np.degrees(session.tilt_rad), [[0, -20], [0, 0], [0, 20]], atol=1e-6)


LAMPS = "3\nright lamp.jpg 2 0 2\nb.jpg 0 0.5 0.5\nc.jpg -0.1 -0.2 0.9\n"


def test_a_real_rigs_lights_are_taken_from_its_light_file(tmp_path):
    (tmp_path / "rig.lp").write_text(LAMPS)
    recipe = write_recipe(tmp_path / "r.toml", 'kind = "lights"\nfile = "rig.lp"\n', more="[heldout]\nphotos = 2\n")
    geodfx.simulate(recipe, tmp_path / "out")
    wanted = np.array([[2, 0, 2], [0, 0.5, 0.5], [-0.1, -0.2, 0.9]])
    wanted /= np.linalg.norm(wanted, axis=1, keepdims=True)
    session = read_session(tmp_path / "out" / "train")
    np.testing.assert_allclose(session.light_direction, wanted, atol=1e-7)
    assert [path.name for path in session.photos] == ["r_0000.png", "r_0001.png", "r_0002.png"]
    assert len(read_session(tmp_path / "out" / "heldout").photos) == 2


@pytest.mark.parametrize(
    ("lamps", "told"),
    [
        (LAMPS.replace("0 0.5 0.5", "0 0.5 -0.5"), r"rig\.lp: light of photo 'b\.jpg', .* is not above the horizon"),
        (LAMPS.replace("2 0 2", "2 0"), r"rig\.lp: line 2 is .*; correct it"),
        (LAMPS.replace("3\n", "4\n"), r"rig\.lp: line 1 says '4' photos, but 3 lines follow; correct the number"),
        (LAMPS.replace("2 0 2", "0 0 0"), r"rig\.lp: line 2 .* is zero; correct or remove it"),
    ],
)
def test_a_broken_light_file_is_told_and_nothing_is_written(tmp_path, capsys, lamps, told):
    (tmp_path / "rig.lp").write_text(lamps)
    recipe = write_recipe(tmp_path / "r.toml", 'kind = "lights"\nfile = "rig.lp"\n')
    assert main(["simulate", str(recipe), "-o", str(tmp_path / "out")]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 and re.search(told, lines[0]), lines
    assert sorted(path.name for path in tmp_path.iterdir()) == ["r.toml", "rig.lp"]


def test_chrome_spheres_give_the_lights_back(tmp_path):
    frame = "[frame]\ntell_lights = false\n[[frame.spheres]]\nradius = 0.1\n"
    rig = 'kind = "path"\nlights = 6\nradius_deg = 3.0\nlowest_deg = 35.0\n'
    geodfx.simulate(write_recipe(tmp_path / "r.toml", rig, more=frame), tmp_path / "out")
    session = read_session(tmp_path / "out")
    assert session.light_direction is None and len(session.spheres) == 1
    found, _ = calibrate(session.spheres, session.photos, session.transfer)
    lines = (tmp_path / "out" / "truth" / "lights.lp").read_text().splitlines()[1:]
    true = np.array([[float(x) for x in line.split()[1:]] for line in lines])
    apart = np.degrees(np.arccos(np.clip((found * true).sum(axis=1), -1, 1)))
    assert apart.max() < 1.5


def test_what_lies_beside_the_stone_is_where_it_is_told(tmp_path):
    frame = "[frame]\nwhite_card = [1.2, 0.9, 0.4, 0.3]\nchart = [-1.1, -0.9, 0.9]\n"
    camera = "size = [120, 96]\nsamples = 1\nfield_width = 3.6\n"
    rig = 'kind = "rings"\nlights = 3\nheights_deg = [60.0]\n'
    recipe = write_recipe(tmp_path / "r.toml", rig, camera=camera, sensor=CLEAN, more=frame)
    geodfx.simulate(recipe, tmp_path / "out")
    shown = radiance_of(tmp_path / "out")[0]
    scale = 120 / 3.6
    card = shown[int(48 - 0.9 * scale), int(60 + 1.2 * scale)]
    assert card == pytest.approx(math.sin(math.radians(60)), abs=1e-3)
    white = shown[int(48 + (0.9 + 1.5 * 0.15) * scale), int(60 + (-1.1 - 2.5 * 0.15) * scale)]
    assert white == pytest.approx(card * (243 / 255) ** 2.2, rel=0.02)  # the patch after the last dark row's left end
    assert shown[2, 2] == pytest.approx(0)


HIGH = 'kind = "rings"\nlights = 2\nheights_deg = [60.0, 30.0]\nradius_deg = 4.0\n'
PLACE = "size = [60, 40]\nsamples = 4\nfield_width = 3.0\n"  # 20 texels a stone width
OWN = "[frame]\nwhite_card = [2.0, 1.4]\nchart = [2.4]\n"
# The chart's corners as its maker tells them: dark skin, bluish green, white, black.
CORNERS = {(0, 0): (115, 82, 68), (5, 0): (103, 189, 170), (0, 3): (243, 243, 242), (5, 3): (52, 52, 52)}


def photos_in(folder: Path, session: Path) -> F32:
    """Return the photos of a folder whose names a session has, in white-card units."""
    told = read_session(session)
    assert sorted(path.name for path in folder.iterdir()) == sorted(told.names)
    return np.stack([read_image(folder / name) / np.float32(65535 * told.white_value) for name in told.names])


def patch(photo, column: int, row: int):
    """Return the middle of a patch of a chart 2.4 wide in a picture of PLACE."""
    return photo[round(20 + (row - 1.5) * 8), round(30 + (column - 2.5) * 8)]


def test_a_card_of_its_own_reads_the_cosine_of_each_light(tmp_path):
    for name, size in (("card", "2.0, 1.4"), ("field", "50, 50")):
        sensor = CLEAN + ("vignette = 0.4\n" if name == "field" else "")
        recipe = write_recipe(
            tmp_path / "r.toml", HIGH, camera=PLACE, sensor=sensor, more=f"[frame]\nwhite_card = [{size}]\n"
        )
        geodfx.simulate(recipe, tmp_path / name)
    cosine = np.sin(np.radians([60, 60, 30, 30]))
    shown = photos_in(tmp_path / "card" / "white_card", tmp_path / "card")
    wanted = np.zeros((4, 40, 60, 3))
    wanted[:, 6:34, 10:50] = cosine[:, None, None, None]
    step = 1 / 65535 / read_session(tmp_path / "card").white_value
    np.testing.assert_allclose(shown, wanted, atol=2 * step)
    # One that fills the picture shows what the lens takes from its corners.
    x, y = (np.arange(60) + 0.5) / 30 - 1, (np.arange(40) + 0.5) / 20 - 1
    lens = 1 - 0.4 * (x**2 + y[:, None] ** 2) / 2
    shown = photos_in(tmp_path / "field" / "white_card", tmp_path / "field")
    np.testing.assert_allclose(shown[..., 1], cosine[:, None, None] * lens, atol=2 * step)


def test_a_near_light_falls_off_over_a_card_of_its_own(tmp_path):
    more = "[frame]\nwhite_card = [9, 9]\n"
    recipe = write_recipe(tmp_path / "r.toml", HIGH + "distance = 3.0\n", camera=PLACE, sensor=CLEAN, more=more)
    geodfx.simulate(recipe, tmp_path / "out")
    shown = photos_in(tmp_path / "out" / "white_card", tmp_path / "out")[..., 0]
    x, y = (np.arange(60) + 0.5) / 20 - 1.5, 1 - (np.arange(40) + 0.5)[:, None] / 20
    for photo, light in zip(shown, read_session(tmp_path / "out").light_direction, strict=True):
        lamp = 3 * light
        size = np.sqrt((lamp[0] - x) ** 2 + (lamp[1] - y) ** 2 + lamp[2] ** 2)
        np.testing.assert_allclose(photo, 9 * lamp[2] / size**3, rtol=2e-3)


@pytest.mark.parametrize("form", ["png8", "jpeg"])
def test_a_charts_own_photos_hold_its_published_codes(tmp_path, form):
    zenith = 'kind = "rings"\nlights = 1\nheights_deg = [89.0]\n'
    sensor = f'format = "{form}"\nfull_well = 0.0\nbits = 16\nwhite_value = 1.0\nquality = 100\n'
    recipe = write_recipe(tmp_path / "r.toml", zenith, camera=PLACE, sensor=sensor, more="[frame]\nchart = [2.4]\n")
    geodfx.simulate(recipe, tmp_path / "out")
    (photo,) = (read_image(path) for path in (tmp_path / "out" / "chart").iterdir())
    for place, wanted in CORNERS.items():
        assert np.abs(patch(photo, *place).astype(int) - wanted).max() <= (1 if form == "png8" else 3), place
    assert photo[:3].max() <= 3 and photo[:, :5].max() <= 3  # nothing but the chart is there


def test_cards_of_their_own_go_through_brackets_and_noise_of_their_own(tmp_path):
    sensor = "exposures_ev = [0, -1]\nwhite_value = 0.5\nfull_well = 2000.0\nread_noise = 10.0\nbits = 16\n"
    more = OWN.replace("2.0, 1.4", "9, 9") + "[heldout]\nphotos = 4\n"
    recipe = write_recipe(tmp_path / "r.toml", HIGH, camera=PLACE, sensor=sensor, more=more)
    geodfx.simulate(recipe, tmp_path / "out")
    noise = []
    for session, white in (("train", 0.5), ("train/brackets/-1ev", 0.25), ("heldout", 0.5)):
        folder = tmp_path / "out" / session
        height = read_session(folder).light_direction[:, 2]
        shown = photos_in(folder / "white_card", folder)
        off = shown - height[:, None, None, None]
        electrons = 2000 * white * height
        np.testing.assert_allclose(off.std(axis=(1, 2, 3)) * 2000 * white, np.sqrt(electrons + 100), rtol=0.06)
        noise.append((off / off.std(axis=(1, 2, 3), keepdims=True)).ravel())
        white_patch = patch(photos_in(folder / "chart", folder)[0], 0, 3)
        assert white_patch == pytest.approx(height[0] * (243 / 255) ** 2.2, abs=0.25)
    assert np.abs(np.corrcoef(noise) - np.eye(3)).max() < 0.05


def test_a_card_of_its_own_tilts_as_the_stone_did(tmp_path):
    rig = 'kind = "tilt"\nper_side = 2\nstep_deg = 20.0\nlights = 2\n'
    recipe = write_recipe(tmp_path / "r.toml", rig, camera=PLACE, sensor=CLEAN, more="[frame]\nwhite_card = [1, 1]\n")
    geodfx.simulate(recipe, tmp_path / "out")
    session = read_session(tmp_path / "out")
    middle = photos_in(tmp_path / "out" / "white_card", tmp_path / "out")[:, 20, 30, 1]
    pitch, roll = session.tilt_rad.T
    normal = np.stack([np.cos(pitch) * np.sin(roll), -np.sin(pitch), np.cos(pitch) * np.cos(roll)], axis=1)
    np.testing.assert_allclose(middle, (normal @ session.rig_lights.T).sum(axis=1), atol=1e-3)


def test_a_session_is_processed_as_if_it_had_no_card_beside_it(tmp_path):
    spheres = "[[frame.spheres]]\nradius = 0.1\n"
    rig = 'kind = "path"\nlights = 6\nradius_deg = 3.0\nlowest_deg = 35.0\n'
    for name, frame in (("plain", "[frame]\n"), ("cards", OWN)):
        more = frame + "tell_lights = false\n" + spheres
        geodfx.simulate(write_recipe(tmp_path / "r.toml", rig, camera=PLACE, more=more), tmp_path / name)
    plain, cards = files_of(tmp_path / "plain"), files_of(tmp_path / "cards")
    more = {name for name in cards if name.startswith(("white_card/", "chart/"))}
    assert len(more) == 12 and set(cards) - more == set(plain)
    assert [name for name in plain if plain[name] != cards[name]] == ["session.toml"]
    session = read_session(tmp_path / "cards")
    assert [path.name for path in session.photos] == [f"r_{i:04d}.png" for i in range(6)]
    assert {path.parent for path in session.photos} == {tmp_path / "cards"}
    stones = [geodfx.process(tmp_path / name, model="ptm") for name in ("plain", "cards")]
    assert stones[0].size == stones[1].size == (60, 40)
    np.testing.assert_array_equal(stones[0].base.planes, stones[1].base.planes)


def test_an_opaque_stone_is_its_albedo_and_its_flashes(tmp_path):
    stone = 'cut = "pebble"\nmaterial = "aventurine"\nplates = 220\nplate_size = 0.03\nbump = 0.0\n'
    recipe = write_recipe(tmp_path / "r.toml", DOME, stone=stone, sensor=CLEAN, more="[truth]\nphotos = true\n")
    geodfx.simulate(recipe, tmp_path / "out")
    exact = np.load(tmp_path / "out" / "truth" / "photos.npy")
    truth = np.load(tmp_path / "out" / "truth" / "truth.npz")
    lights = read_session(tmp_path / "out").light_direction
    inside = truth["alpha"] > 0.99
    matte = np.median(exact, axis=0)[inside]
    assert matte[:, 1].mean() > 2 * matte[:, 0].mean()  # green
    expected = np.median(np.maximum(np.einsum("hwk,lk->lhw", truth["normal"], lights), 0), axis=0)[inside]
    np.testing.assert_allclose(np.median(matte[:, 1] / truth["body"][inside][:, 1] / expected), 1, atol=0.02)
    assert exact.max() > 5 * matte.max()  # flakes and glare


def test_opal_plays_in_colours(tmp_path):
    stone = 'cut = "cabochon"\nmaterial = "opal"\nplates = 60\n'
    recipe = write_recipe(tmp_path / "r.toml", DOME, stone=stone, more="[truth]\nphotos = true\n")
    geodfx.simulate(recipe, tmp_path / "out")
    bright = np.load(tmp_path / "out" / "truth" / "photos.npy").max(axis=0)
    bright = bright[bright.max(axis=-1) > 0.8]
    assert {0, 1, 2} <= set(bright.argmax(axis=-1).tolist())


@pytest.mark.parametrize(
    "stone",
    [
        'cut = "cabochon"\nmaterial = "ruby"\n[[stone.inclusions]]\nkind = "needles"\n[[stone.inclusions]]\n'
        'kind = "clouds"\n[[stone.inclusions]]\nkind = "feathers"\n',
        'cut = "point"\nmaterial = "amethyst"\npolish_deg = 1.0\n',
        'cut = "druse"\nmaterial = "quartz"\ncrystals = 9\n',
        'cut = "step"\nmaterial = "emerald"\n',
    ],
    ids=["cabochon", "point", "druse", "step"],
)
def test_each_kind_of_stone_shows_light_and_keeps_energy(tmp_path, stone):
    camera = "size = [16, 16]\nsamples = 4\n"
    recipe = write_recipe(tmp_path / "r.toml", DOME, stone=stone, camera=camera, more="[truth]\nlobes = 64\n")
    geodfx.simulate(recipe, tmp_path / "out")
    truth = np.load(tmp_path / "out" / "truth" / "truth.npz")
    total = np.zeros((256, 3))
    np.add.at(total, np.repeat(np.arange(256), np.diff(truth["lobe_first"])), truth["lobe_weight"])
    total += (truth["rest"] + truth["lost"] + truth["body"] + truth["spread"]).reshape(-1, 3)
    alpha = truth["alpha"].ravel()
    assert total.min() > -0.02 and (total <= alpha[:, None] + 0.05).all()
    assert total[alpha > 0.9].mean() > 0.05
    assert radiance_of(tmp_path / "out").max() > 0.1


def test_the_rock_behind_a_druses_crystals_faces_as_their_faces_do(tmp_path):
    druse = 'cut = "druse"\nmaterial = "quartz"\ncrystals = 30\n'
    more = "[truth]\nphotos = true\n"
    recipe = write_recipe(tmp_path / "r.toml", DOME, stone=druse, camera="size = [40, 40]\nsamples = 1\n", more=more)
    geodfx.simulate(recipe, tmp_path / "out")
    truth = np.load(tmp_path / "out" / "truth" / "truth.npz")
    photos = np.load(tmp_path / "out" / "truth" / "photos.npy")
    lights = read_session(tmp_path / "out").light_direction
    assert np.abs(truth["spread"]).max() == 0 and truth["body"].max() > 0.01
    matte = np.maximum(truth["normal"] @ lights.T, 0)[..., None] * truth["body"][:, :, None]  # of far lights
    shown = photos.transpose(1, 2, 0, 3)
    assert (shown >= matte - 1e-5).mean() > 0.98  # exits add to it; a wavelength's negative colour hardly takes away
    assert (np.abs(shown - matte) < 1e-5).mean() > 0.7


def test_a_flake_that_does_not_flash_is_hardly_darker_than_the_body(tmp_path):
    stone = 'cut = "pebble"\nmaterial = "aventurine"\nbump = 0.0\n'
    recipe = write_recipe(tmp_path / "r.toml", DOME, stone=stone, camera="size = [80, 80]\nsamples = 1\n")
    geodfx.simulate(recipe, tmp_path / "out")
    truth = np.load(tmp_path / "out" / "truth" / "truth.npz")
    facing = truth["normal"][..., 2] > 0.9
    flake, plain = (truth["body"][facing & kind, 1].mean() for kind in (truth["face"] > 0, truth["face"] == 0))
    assert 0.85 * plain < flake < 0.95 * plain


def test_a_white_stage_makes_a_clear_stone_and_its_surround_bright(tmp_path):
    for name, stage in (("dark", "false"), ("white", "true")):
        recipe = write_recipe(tmp_path / f"{name}.toml", DOME, sensor=CLEAN, more=f"[stage]\nwhite = {stage}\n")
        geodfx.simulate(recipe, tmp_path / name)
    lights = read_session(tmp_path / "white").light_direction
    dark, white = radiance_of(tmp_path / "dark"), radiance_of(tmp_path / "white")
    np.testing.assert_allclose(white[:, 0, 0], np.repeat(lights[:, 2:], 3, axis=1), atol=1e-3)
    assert (white - dark).min() > -2e-3 and white[:, 13, 14].mean() >= dark[:, 13, 14].mean()


def test_near_lights_stand_where_they_are_seen_from_the_stone(tmp_path):
    card = "[frame]\nwhite_card = [0.0, 0.0, 9.0, 9.0]\n[[frame.spheres]]\nradius = 0.2\nat = [1.0, 0.0]\n"
    camera = "size = [480, 120]\nsamples = 1\nfield_width = 4.0\n"
    rig = 'kind = "rings"\nlights = 2\nheights_deg = [60.0]\nradius_deg = 4.0\n'
    places = []
    for name, distance in (("far", ""), ("near", "distance = 3.0\n")):
        recipe = write_recipe(tmp_path / f"{name}.toml", rig + distance, camera=camera, sensor=CLEAN, more=card)
        geodfx.simulate(recipe, tmp_path / name)
        photo = radiance_of(tmp_path / name)[0].mean(axis=-1)[:, 320:420]
        places.append(np.average(np.arange(320, 420) + 0.5, weights=photo.max(axis=0) > 2))
    # Light 0 stands along +x: seen from the sphere at x = 1 it is nearer to overhead when it is near.
    for place, light in zip(places, ((0.5, 0, 0.866025), (0.5, 0, 2.598076)), strict=True):
        half = np.array(light) / np.linalg.norm(light) + (0, 0, 1)
        assert (place - 240) / 120 == pytest.approx(1 + 0.2 * (half / np.linalg.norm(half))[0], abs=0.02)


def test_near_lights_fall_off_over_a_card(tmp_path):
    card = "[frame]\nwhite_card = [0.0, 0.0, 9.0, 9.0]\n"
    camera = "size = [120, 60]\nsamples = 1\nfield_width = 4.0\n"
    rig = 'kind = "rings"\nlights = 2\nheights_deg = [60.0]\nradius_deg = 4.0\ndistance = 3.0\n'
    geodfx.simulate(write_recipe(tmp_path / "r.toml", rig, camera=camera, sensor=CLEAN, more=card), tmp_path / "out")
    photo = radiance_of(tmp_path / "out")[0][..., 1]
    lamp = 3 * np.array([math.cos(math.radians(60)), 0, math.sin(math.radians(60))])
    for x, y in ((-1.5, 0.8), (0.8, 0.7), (1.9, -0.9)):
        way = lamp - (x, y, 0)
        size = np.linalg.norm(way)
        assert photo[round(30 - y * 30 - 0.5), round(60 + x * 30 - 0.5)] == pytest.approx(
            9 * way[2] / size**3, rel=0.02
        )


def test_the_command_tells_what_it_made(tmp_path, capsys):
    recipe = write_recipe(tmp_path / "r.toml", 'kind = "dome"\nlights = 4\n')
    assert main(["simulate", str(recipe), "-o", str(tmp_path / "out"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["sessions"] == [str(tmp_path / "out")] and told["size"] == [28, 26]
    assert main(["simulate", str(recipe), "-o", str(tmp_path / "out")]) == 1
    assert "not empty" in capsys.readouterr().err
    assert not list(tmp_path.glob(".*.part"))


def test_many_photos_go_through_a_file_and_show_the_same(tmp_path, monkeypatch):
    recipe = write_recipe(tmp_path / "r.toml", DOME)
    geodfx.simulate(recipe, tmp_path / "memory")
    monkeypatch.setattr(sys.modules["geodfx.simulate.shoot"], "IN_MEMORY", 0)
    geodfx.simulate(recipe, tmp_path / "file")
    assert files_of(tmp_path / "memory") == files_of(tmp_path / "file")


def test_a_disk_without_room_is_told_before_the_work(tmp_path, monkeypatch):
    recipe = write_recipe(tmp_path / "r.toml", DOME, more="[truth]\nphotos = true\n")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1000))
    with pytest.raises(OutputError, match=r"out/truth: its photos need 0 MB .* the disk has 0 MB left"):
        geodfx.simulate(recipe, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["r.toml"]


def test_a_satin_polish_spreads_a_flash_and_keeps_its_light(tmp_path):
    camera = "size = [40, 40]\nsamples = 64\n"
    rig = 'kind = "rings"\nlights = 1\nheights_deg = [88.0]\nradius_deg = 3.0\n'
    glare = {}
    for polish in (0, 4):
        stone = f'cut = "pebble"\nmaterial = "opal"\nbump = 0.0\nplates = 1\npolish_deg = {polish}\n'
        recipe = write_recipe(tmp_path / f"{polish}.toml", rig, stone=stone, camera=camera, sensor=CLEAN)
        geodfx.simulate(recipe, tmp_path / str(polish))
        photo = radiance_of(tmp_path / str(polish))[0].mean(axis=-1)
        glare[polish] = np.maximum(photo - np.median(photo[photo > 0]) * 1.3, 0)
    assert glare[4].max() < 0.7 * glare[0].max()
    assert glare[4].sum() == pytest.approx(glare[0].sum(), rel=0.15)


def test_a_full_folder_is_left_alone(tmp_path):
    recipe = write_recipe(tmp_path / "r.toml", DOME)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("keep")
    with pytest.raises(OutputError, match="not empty"):
        geodfx.simulate(recipe, tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine.txt"]


def test_a_folder_that_cannot_be_is_told(tmp_path):
    recipe = write_recipe(tmp_path / "r.toml", DOME)
    with pytest.raises(OutputError, match=r"aaa: cannot be written: File name too long; choose another place"):
        geodfx.simulate(recipe, tmp_path / ("a" * 300))


def test_a_long_name_makes_short_file_names(tmp_path):
    recipe = write_recipe(tmp_path / "r.toml", DOME)
    recipe.write_text(f'name = "{"long " * 80}"\n' + recipe.read_text())
    geodfx.simulate(recipe, tmp_path / "out")
    session = read_session(tmp_path / "out")
    assert session.stone == "long " * 80 and max(map(len, session.names)) < 120


def test_progress_is_told_stage_by_stage(tmp_path):
    told: list[tuple[str, int, int]] = []
    recipe = write_recipe(tmp_path / "r.toml", 'kind = "dome"\nlights = 4\n')
    geodfx.simulate(recipe, tmp_path / "out", progress=lambda *state: told.append(state))
    assert {stage for stage, *_ in told} == {"session: trace", "session: write"}
    assert told[-1] == ("session: write", 4, 4)
