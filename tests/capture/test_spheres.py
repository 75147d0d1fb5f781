"""Chrome spheres: a small ray caster with known lights and outlines, and real photos with measured ones."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from geodfx.arrays import F32, F64, Bool
from geodfx.capture.light_files import read_lp
from geodfx.capture.session import SphereSource
from geodfx.capture.spheres import Circle, calibrate, find_circle, find_highlight, light_from_highlight
from geodfx.errors import CalibrationError

BACKGROUNDS = ("black", "grey", "bright", "cloth", "table", "pedestal")
FINE = 2  # rays a pixel and side


BALL = Circle(150.0, 130.0, 90.0)


@dataclass(frozen=True)
class Scene:
    """A mirror ball before a background, lit by one disc light a photo."""

    lights: F64  # (L, 3) unit
    size: tuple[int, int] = (320, 280)  # width, height
    circle: Circle = BALL  # with a near camera: where the ball's axis meets the picture
    background: str = "grey"
    light_radius_deg: float = 4.0
    light_radiance: float = 20.0
    secondary: int = 0  # smaller, darker images of the light, as bounced off other things
    lamps: tuple[tuple[float, float, float, float], ...] = ()  # what always stands there: direction, radiance
    distance: float | None = None  # of a pinhole camera, in ball radii; None: orthographic
    glare: float = 0.0
    blur: float = 0.7  # pixels
    noise: float = 0.004
    seed: int = 0


def rays(scene: Scene) -> tuple[F64, F64, Bool, F64]:
    """Return pixel coordinates x and y, which rays meet the ball, and the mirrored directions (N, 3) of those."""
    width, height = scene.size
    centre_x, centre_y, radius = scene.circle
    y, x = (np.mgrid[: height * FINE, : width * FINE] + 0.5) / FINE
    if scene.distance is None:
        u, v = (x - centre_x) / radius, (centre_y - y) / radius
        met = u * u + v * v < 1
        w = np.sqrt(1 - u[met] ** 2 - v[met] ** 2)
        return x, y, met, np.stack([2 * w * u[met], 2 * w * v[met], 2 * w * w - 1], axis=1)
    focal = radius * math.sqrt(scene.distance**2 - 1)
    ray = np.stack([(x - width / 2) / focal, (height / 2 - y) / focal, np.full_like(x, -1)], axis=-1)
    ray /= np.linalg.norm(ray, axis=-1, keepdims=True)
    ball = scene.distance * np.array([(centre_x - width / 2) / focal, (height / 2 - centre_y) / focal, -1])
    along = ray @ ball
    met = along**2 > ball @ ball - 1
    near = along[met] - np.sqrt(along[met] ** 2 - ball @ ball + 1)
    normal = ray[met] * near[:, None] - ball
    return x, y, met, ray[met] - 2 * (ray[met] * normal).sum(axis=1, keepdims=True) * normal


def outline(scene: Scene) -> Circle:
    """Return the true outline; with a near camera, the circle of the ellipse's centre and area."""
    x, y, met, _ = rays(scene)
    if scene.distance is None:
        return scene.circle
    return Circle(float(x[met].mean()), float(y[met].mean()), math.sqrt(np.count_nonzero(met) / math.pi) / FINE)


def disc(mirrored: F64, middle: F64, radius_rad: float) -> F64:
    """Return how much of a light (0..1) is seen in each direction (N, 3); its edge is one ray wide."""
    angle = 2 * np.arcsin(np.minimum(np.linalg.norm(mirrored - middle, axis=1) / 2, 1))
    return np.clip((radius_rad - angle) / 0.01 + 0.5, 0, 1)


def surroundings(scene: Scene, x: F64, y: F64, light: F64, rng: np.random.Generator) -> tuple[F64, float]:
    """Return the background (H, W) and how bright the table below reads in the ball."""
    bright = rng.uniform(0.3, 1)  # the lights reach the background unequally
    cloth = cv2.resize(rng.normal(size=(y.shape[0] // 4, y.shape[1] // 4)), x.shape[::-1])
    flat = {"black": 0.0004, "grey": 0.03, "bright": 0.7, "cloth": 0.15, "table": 0.35, "pedestal": 0.05}
    back = flat[scene.background] * bright * np.ones_like(x)
    if scene.background in ("cloth", "table"):
        back *= np.maximum(1 + (0.4 if scene.background == "cloth" else 0.1) * cloth, 0.05)
    centre_x, centre_y, radius = scene.circle
    if scene.background == "table":  # seen from above: the ball's shadow, beside it
        away = radius * light[:2] / max(light[2], 0.1)
        back[np.hypot(x - centre_x + away[0], y - centre_y - away[1]) < radius] *= 0.1
    if scene.background == "pedestal":
        back[y > centre_y + 0.95 * radius] *= 0.3
    return back, 0.2 * bright


def photograph(scene: Scene) -> F32:
    """Return the photos (L, H, W), linear, with sRGB's 8-bit steps."""
    rng = np.random.default_rng(scene.seed)
    x, y, met, mirrored = rays(scene)
    radius_rad = math.radians(scene.light_radius_deg)
    room = 0.01 * (1 + mirrored[:, 1])
    for *direction, radiance in scene.lamps:
        room += radiance * disc(mirrored, np.array(direction) / np.linalg.norm(direction), 0.08)
    photos = []
    for light in scene.lights:
        photo, table = surroundings(scene, x, y, light, rng)
        seen = room + scene.light_radiance * disc(mirrored, light, radius_rad)
        if scene.background == "table":
            seen += np.where(mirrored[:, 2] < 0, table * np.clip(-2 * mirrored[:, 2], 0.15, 1), 0)
        for _ in range(scene.secondary):
            bounce = light + rng.normal(size=3)
            bounce /= np.linalg.norm(bounce)
            seen += 0.1 * scene.light_radiance * disc(mirrored, bounce, radius_rad * rng.uniform(0.2, 0.5))
        photo[met] = 0.65 * seen
        if scene.background == "pedestal":
            stand = y > scene.circle.y + 0.88 * scene.circle.radius
            photo[stand & (abs(x - scene.circle.x) < 0.8 * scene.circle.radius)] = 0.1
        photos.append(develop(scene, photo, rng))
    return np.stack(photos)


def develop(scene: Scene, photo: F64, rng: np.random.Generator) -> F32:
    """Return what a camera makes of radiance: glare, blur, shot and read noise, clipping, 8 bits of sRGB."""
    photo = cv2.resize(photo, scene.size, interpolation=cv2.INTER_AREA)
    if scene.glare:
        halo = cv2.GaussianBlur(photo, (0, 0), 0.08 * scene.circle.radius)
        photo = (1 - scene.glare) * photo + scene.glare * halo
    photo = cv2.GaussianBlur(photo, (0, 0), scene.blur)
    photo = photo + rng.normal(size=photo.shape) * scene.noise * np.sqrt(0.02 + photo)
    photo = np.clip(photo, 0, 1)
    encoded = np.where(photo <= 0.0031308, 12.92 * photo, 1.055 * photo ** (1 / 2.4) - 0.055)
    encoded = np.rint(255 * encoded) / 255
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4).astype(np.float32)


def random_lights(rng: np.random.Generator, count: int = 7) -> F64:
    z = rng.uniform(0.3, 1, count)
    turn = rng.uniform(0, 2 * np.pi, count)
    return np.stack([np.sqrt(1 - z * z) * np.cos(turn), np.sqrt(1 - z * z) * np.sin(turn), z], axis=1)


def random_scene(seed: int, background: str, *, near: bool = False) -> Scene:
    rng = np.random.default_rng(seed)
    width, height = (int(n) for n in rng.integers(260, 420, 2))
    radius = 0.5 * min(width, height) * math.exp(rng.uniform(math.log(0.2), math.log(0.9)))
    margin = 1.03 * radius + 2
    circle = Circle(rng.uniform(margin, width - margin), rng.uniform(margin, height - margin), radius)
    off_axis = math.hypot(circle.x - width / 2, circle.y - height / 2) / radius
    return Scene(
        random_lights(rng),
        (width, height),
        circle,
        background,
        light_radius_deg=rng.uniform(1, 10),
        light_radiance=math.exp(rng.uniform(math.log(2), math.log(40))),
        secondary=int(rng.integers(0, 3)),
        lamps=tuple((*rng.normal(size=3), 0.4) for _ in range(int(rng.integers(0, 4)))),
        distance=rng.uniform(1, 3) * max(12, 8 * off_axis) if near else None,
        glare=float(rng.choice([0, 0.01, 0.02])),
        blur=rng.uniform(0.4, 1.2),
        noise=rng.uniform(0.001, 0.012),
        seed=seed,
    )


def run(photos: F32, *circles: tuple[float, float, float] | None) -> tuple[F64, F64]:
    """Calibrate spheres that all stand in the same photos."""
    paths = [Path(f"photo_{i}.png") for i in range(len(photos))]
    frames = dict(zip(paths, photos, strict=True))
    return calibrate([SphereSource(None, circle) for circle in circles], paths, "linear", read=frames.__getitem__)


def angles_deg(a: F64, b: F64) -> F64:
    return np.degrees(2 * np.arcsin(np.linalg.norm(a - b, axis=-1) / 2))


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
        return photos[int(path.stem)]

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
