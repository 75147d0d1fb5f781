"""Chrome spheres: rendered ones with known lights and outlines, and real photos with measured lights."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from geodfx.arrays import F32, F64
from geodfx.capture.session import SphereSource
from geodfx.capture.spheres import Circle, calibrate, find_circle, find_highlight, light_from_highlight
from geodfx.errors import CalibrationError
from geodfx.light_files import read_lp
from tests.capture.sphere_scene import BACKGROUNDS, Scene, outline, photograph, random_lights, random_scene


def run(photos: F32, *circles: tuple[float, float, float] | None) -> tuple[F64, F64]:
    """Calibrate spheres that all stand in the same photos."""
    paths = [Path(f"photo_{i}.png") for i in range(len(photos))]
    frames = dict(zip(paths, photos, strict=True))
    return calibrate([SphereSource(None, circle) for circle in circles], paths, "linear", read=frames.__getitem__)


def angles_deg(a: F64, b: F64) -> F64:
    return np.asarray(np.degrees(2 * np.arcsin(np.linalg.norm(a - b, axis=-1) / 2)), np.float64)


@pytest.mark.parametrize("background", BACKGROUNDS)
@pytest.mark.parametrize(("seed", "near"), [(1, False), (2, True), (3, False), (4, True)])
def test_random_outlines_are_found_to_one_percent_of_the_radius(background: str, seed: int, near: bool) -> None:
    scene = random_scene(seed + 10 * BACKGROUNDS.index(background), background, near=near)
    truth, found = outline(scene), find_circle(photograph(scene))
    tolerance = max(0.01 * truth.radius, 0.5)  # half a pixel: the mirrored room fades at the rim of a small ball
    assert math.hypot(found.x - truth.x, found.y - truth.y) < tolerance
    assert found.radius == pytest.approx(truth.radius, abs=tolerance)


@pytest.mark.parametrize("background", BACKGROUNDS)
def test_random_lights_are_read_to_one_degree(background: str) -> None:
    for seed in (101, 102):
        scene = random_scene(seed + 10 * BACKGROUNDS.index(background), background)
        scene = replace(scene, circle=Circle(scene.size[0] / 2 + 3.3, scene.size[1] / 2 - 2.6, 100.0))
        direction, residual = run(photograph(scene), None)
        assert angles_deg(direction, scene.lights).max() < 1.0
        assert np.linalg.norm(direction, axis=1) == pytest.approx(1, abs=1e-12)
        assert ((residual > 0) & (residual < math.radians(6))).all()


def test_a_wide_light_is_where_the_mean_of_its_directions_is() -> None:
    light = np.array([[math.cos(0.35), 0.0, math.sin(0.35)]])  # 20 degrees above the horizon
    scene = Scene(light, light_radius_deg=10, light_radiance=1, blur=0.5, noise=0.0005)
    direction, _ = run(photograph(scene), scene.circle)
    assert angles_deg(direction, light)[0] < 0.15
    # Its middle in the picture lies nearer to the ball's, so a centroid of pixels would miss by more.
    bright = np.argwhere(photograph(scene)[0] > 0.3) + 0.5
    centroid = light_from_highlight((float(bright[:, 1].mean()), float(bright[:, 0].mean())), scene.circle)
    assert angles_deg(centroid, light[0]) > 2 * angles_deg(direction, light)[0]


def test_points_of_the_picture_and_directions() -> None:
    circle = Circle(40.0, 30.0, 20.0)
    quarter = math.sin(math.pi / 8)  # the normal is half way to a light at 45 degrees
    assert light_from_highlight((40, 30), circle) == pytest.approx([0, 0, 1])
    assert light_from_highlight((40 + 20 * quarter, 30), circle) == pytest.approx([math.sqrt(0.5), 0, math.sqrt(0.5)])
    assert light_from_highlight((40, 30 - 20 * math.sqrt(0.5)), circle) == pytest.approx([0, 1, 0], abs=1e-12)
    with pytest.raises(CalibrationError, match=r"outside the sphere .*correct circle"):
        light_from_highlight((61, 30), circle)


def test_a_highlight_is_found_to_a_fraction_of_a_pixel() -> None:
    scene = Scene(random_lights(np.random.default_rng(5), 4), light_radius_deg=2, noise=0.001)
    half = scene.lights + np.array([0.0, 0.0, 1.0])
    half /= np.linalg.norm(half, axis=1, keepdims=True)
    for photo, normal in zip(photograph(scene), half, strict=True):
        x, y = find_highlight(photo, scene.circle)
        assert x == pytest.approx(scene.circle.x + scene.circle.radius * normal[0], abs=0.25)
        assert y == pytest.approx(scene.circle.y - scene.circle.radius * normal[1], abs=0.25)


def test_a_bright_lamp_that_always_stands_there_is_not_the_light() -> None:
    lights = random_lights(np.random.default_rng(6), 5)
    scene = Scene(lights, lamps=((0.3, 0.2, 0.9, 8.0), (-0.5, 0.1, 0.8, 8.0)), light_radiance=0.9, light_radius_deg=2)
    direction, _ = run(photograph(scene), scene.circle)
    assert angles_deg(direction, lights).max() < 1.0


def test_a_given_circle_is_used_as_it_is() -> None:
    scene = Scene(np.array([[0.0, 0.0, 1.0], [0.6, 0.0, 0.8]]))
    moved = scene.circle._replace(x=scene.circle.x - 9)  # a tenth of the radius: the highlight lies right of its middle
    direction, _ = run(photograph(scene), moved)
    x, z = 0.1, math.sqrt(1 - 0.01)
    assert angles_deg(direction[0], np.array([2 * x * z, 0, 2 * z * z - 1])) < 0.5


def test_two_spheres_in_one_picture_agree_and_each_photo_is_read_once() -> None:
    rng = np.random.default_rng(7)
    lights = random_lights(rng, 6)
    left, right = (Scene(lights, (240, 250), Circle(115.5, 130, r), "bright", seed=1) for r in (80.0, 60.0))
    photos = np.concatenate([photograph(left), photograph(right)], axis=2)
    reads: Counter[Path] = Counter()

    def read(path: Path) -> F32:
        reads[path] += 1
        return np.asarray(photos[int(path.stem)])

    paths = [Path(f"{i}.png") for i in range(6)]
    direction, residual = calibrate([SphereSource(None, None), SphereSource(None, None)], paths, "linear", read=read)
    assert angles_deg(direction, lights).max() < 0.7
    assert residual.max() < math.radians(0.7)
    assert reads == Counter(paths)


def test_what_is_no_sphere_is_not_taken_for_one() -> None:
    rng = np.random.default_rng(8)
    cloth = np.abs(rng.normal(0.3, 0.1, (4, 120, 160)))
    boxes = np.full((4, 240, 320), 0.02)
    for i in range(4):
        boxes[i, 60:170, 80:190] = 0.2 + 0.1 * i  # a square, at times in one corner very bright
        boxes[i, 70 + 20 * i : 75 + 20 * i, 100:104] = 1.0
    for stack in (cloth, boxes, np.zeros((3, 200, 200))):
        with pytest.raises(CalibrationError, match=r"no chrome sphere found .*give its circle"):
            find_circle(np.clip(stack, 0, 1).astype(np.float32))


def test_a_sphere_cut_off_by_the_frame_is_refused_by_name() -> None:
    scene = Scene(random_lights(np.random.default_rng(9)), circle=Circle(60.0, 130.0, 90.0), background="bright")
    with pytest.raises(CalibrationError, match=r"photo_0\.png.* cut off by the frame .* photograph it whole"):
        run(photograph(scene), None)


def test_photos_that_show_no_light_are_refused_by_name() -> None:
    scene = Scene(random_lights(np.random.default_rng(10), 4))
    photos = photograph(scene)
    dark = photos.copy()
    dark[2] = photograph(replace(scene, light_radiance=0.0))[2]
    with pytest.raises(CalibrationError, match=r"photo_2\.png: no highlight on the sphere \(brightest 0\.0.*, need"):
        run(dark, scene.circle)
    below = replace(scene, lights=np.array([*scene.lights[:3], [0.8, 0.0, -0.6]]))
    with pytest.raises(CalibrationError, match=r"photo_3\.png: highlight outside the mirrored horizon .*remove the"):
        run(photograph(below), scene.circle)
    with pytest.raises(CalibrationError, match=r"photo_0\.png: the sphere's circle .* lies outside the photo"):
        run(photos, (900.0, 100.0, 50.0))
    with pytest.raises(CalibrationError, match=r"photo_0\.png: .*\(radius 3\.0 pixels\)"):
        run(photos, (150.0, 130.0, 3.0))


def test_spheres_that_contradict_each_other_are_refused() -> None:
    scene = Scene(np.array([[0.0, 0.0, 1.0], [0.6, 0.0, 0.8], [0.0, 0.6, 0.8]]))
    photos = dict(enumerate(photograph(scene)))
    order = tuple(Path(str(i)) for i in (0, 1, 2)), tuple(Path(str(i)) for i in (0, 2, 1))
    sources = [SphereSource(paths, scene.circle) for paths in order]
    with pytest.raises(CalibrationError, match=r"^1: sphere 1 sees the light .* in the order of the object's"):
        calibrate(sources, order[0], "linear", read=lambda path: photos[int(str(path))])


def test_photos_of_different_size_are_refused() -> None:
    scene = Scene(random_lights(np.random.default_rng(11), 2))
    photos = {Path("a.png"): photograph(scene)[0], Path("b.png"): photograph(scene)[1][:-1]}
    with pytest.raises(CalibrationError, match=r"b\.png: is 320x279 pixels, a\.png is 320x280"):
        calibrate([SphereSource(None, scene.circle)], list(photos), "linear", read=photos.__getitem__)


@pytest.mark.parametrize("sphere", ["sphere1", "sphere2"])
def test_real_chrome_spheres_agree_with_the_measured_lights(shared_data: Path, sphere: str) -> None:
    _, measured = read_lp(shared_data / "cat_chrome" / "lights_measured.lp")
    photos = tuple(sorted((shared_data / "cat_chrome" / sphere).iterdir()))
    direction, residual = calibrate([SphereSource(photos, None)], [], "srgb")
    assert angles_deg(direction, measured).max() < 1.5
    assert residual.max() < math.radians(2.5)


def test_a_real_satin_sphere_agrees_with_the_shadows(shared_data: Path) -> None:
    photos = sorted((shared_data / "rock_and_sphere").glob("*.jpg"))
    direction, _ = run_files(photos, (782.6, 782.2, 64.9))
    assert (direction[:, 2] > 0).all()
    # Azimuth and elevation in degrees, read by eye off the tip of the ball's shadow: it falls at cot(elevation / 2).
    shadows = {0: (-65.4, 16.8), 2: (13.7, 22.2), 3: (84.7, 23.7), 4: (123.7, 17.2), 8: (-104.9, 16.7)}
    for photo, (azimuth, elevation) in shadows.items():
        x, y, z = direction[photo]
        assert math.degrees(math.atan2(y, x)) == pytest.approx(azimuth, abs=6)
        assert math.degrees(math.asin(z)) == pytest.approx(elevation, abs=8)
    found = run_files(photos, None)[0]
    assert angles_deg(found, direction).max() < 2


def run_files(photos: list[Path], circle: tuple[float, float, float] | None) -> tuple[F64, F64]:
    return calibrate([SphereSource(None, circle)], photos, "srgb")
