"""A small ray caster of a mirror ball, with known lights and outline, for the tests of the calibration."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from geodfx.arrays import F32, F64, Bool
from geodfx.capture.spheres import Circle

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
    share: F64 = np.clip((radius_rad - angle) / 0.01 + 0.5, 0, 1)
    return share


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
    photo = np.asarray(cv2.resize(photo, scene.size, interpolation=cv2.INTER_AREA), np.float64)
    if scene.glare:
        halo = cv2.GaussianBlur(photo, (0, 0), 0.08 * scene.circle.radius)
        photo = (1 - scene.glare) * photo + scene.glare * halo
    photo = np.asarray(cv2.GaussianBlur(photo, (0, 0), scene.blur), np.float64)
    photo = photo + rng.normal(size=photo.shape) * scene.noise * np.sqrt(0.02 + photo)
    photo = np.clip(photo, 0, 1)
    encoded = np.where(photo <= 0.0031308, 12.92 * photo, 1.055 * photo ** (1 / 2.4) - 0.055)
    encoded = np.rint(255 * encoded) / 255
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    return np.asarray(linear, np.float32)


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
