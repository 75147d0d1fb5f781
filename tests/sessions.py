"""Small sessions with known truth, for the tests of the commands."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

WIDTH, HEIGHT = 12, 10
WHITE = 0.5  # what a white card reads


def light_directions(count: int, seed: int = 3) -> np.ndarray:
    """Return (count, 3) unit vectors well above the horizon, rounded as a light file has them."""
    rng = np.random.default_rng(seed)
    z = rng.uniform(0.4, 0.95, count)
    turn = np.arange(count) * 2.39996 + rng.uniform(0, 0.3, count)
    rim = np.sqrt(1 - z * z)
    return np.stack([rim * np.cos(turn), rim * np.sin(turn), z], axis=1).round(6)


def matte_radiance(direction: np.ndarray) -> np.ndarray:
    """Return (HEIGHT, WIDTH, 3) radiance, white card = 1: a matte surface of many colours, facing the camera."""
    albedo = np.random.default_rng(0).uniform(0.1, 0.9, (HEIGHT, WIDTH, 3))
    return albedo * direction[2]


def write_codes(path: Path, radiance: np.ndarray) -> None:
    """Write radiance as a linear picture of 16 bits."""
    codes = np.rint(np.clip(radiance * WHITE, 0, 1) * 65535).astype(np.uint16)
    assert cv2.imwrite(str(path), codes[..., ::-1])


def write_mask(path: Path, value: int = 255) -> None:
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[1:-1, 1:-1] = value
    assert cv2.imwrite(str(path), mask)


def write_listing(folder: Path, names, directions) -> None:
    rows = [f"{name} {' '.join(f'{x:.6f}' for x in row)}" for name, row in zip(names, directions, strict=True)]
    (folder / "lights.lp").write_text("\n".join([str(len(rows)), *rows]) + "\n")


def write_session(folder: Path, count: int = 12, seed: int = 3, extra: str = "light_radius_deg = 8.0") -> Path:
    """Write a session of a matte stone, and return its folder."""
    folder.mkdir(parents=True)
    directions = light_directions(count, seed)
    names = [f"photo {i:02}.png" for i in range(count)]
    for name, direction in zip(names, directions, strict=True):
        write_codes(folder / name, matte_radiance(direction))
    write_listing(folder, names, directions)
    write_mask(folder / "mask.png")
    settings = ['stone = "matte <&> card"', 'domain = "light"', 'lights = "lights.lp"', 'mask = "mask.png"']
    settings += ['transfer = "linear"', f"white_value = {WHITE}", extra]
    (folder / "session.toml").write_text("\n".join(settings) + "\n")
    return folder


def write_environment(path: Path, radiance: float = 1.0) -> Path:
    """Write a small map whose radiance falls from the top to half of it at the bottom."""
    rows = radiance * np.linspace(1, 0.5, 16, dtype=np.float32)
    assert cv2.imwrite(str(path), np.broadcast_to(rows[:, None, None], (16, 32, 3)).copy())
    return path
