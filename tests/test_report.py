"""The report: complete in itself, and drawings that are what they claim to be."""

from __future__ import annotations

import base64
import io
import math
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from PIL import Image

from geodfx.capture import Capture
from geodfx.capture.rig import LightRig
from geodfx.capture.session import read_session
from geodfx.figures import bar_chart, light_layout
from geodfx.report import write_report
from geodfx.stone import Stone
from tests.render.stones import base_of
from tests.sessions import HEIGHT, WIDTH, light_directions, write_session

COUNT = 7
RESIDUAL = np.array([0.02, 0.01, 0.05, 0.03, 0.015, 0.04, 0.025])  # worst: 2, 5, 3; in the middle: 6


@pytest.fixture(scope="module")
def page(tmp_path_factory) -> str:
    """Return the report of a capture with made-up residuals."""
    root = tmp_path_factory.mktemp("report")
    session = read_session(write_session(root / "s", count=COUNT))
    coefficients = np.zeros((6, HEIGHT, WIDTH, 3), np.float32)
    coefficients[5] = 0.5
    directions = light_directions(COUNT)
    stone = Stone(
        session.stone,
        "ptm",
        "light",
        np.full((HEIGHT, WIDTH), 255, np.uint8),
        base_of("ptm", "display", coefficients),
        None,
        directions.astype(np.float32),
        math.radians(8),
        1.5,
    )
    rig = LightRig(directions, math.radians(8), np.ones((COUNT, 3), np.float32), np.zeros(COUNT))
    clipped = np.full(COUNT, 0.04)
    captured = Capture(stone, rig, session.names, RESIDUAL, clipped, {"read": 1.25, "fit": 30.0})
    preview = np.full((HEIGHT, 3 * WIDTH, 3), 90, np.uint8)
    path = root / "report.html"
    write_report(path, captured, session, preview=preview, file_bytes=1_234_567, warnings=["radius <assumed>"])
    return path.read_text("utf-8")


def test_it_asks_for_nothing_from_elsewhere(page):
    assert "http" not in page
    assert "<script" not in page
    assert all(source.startswith("data:image/webp;base64,") for source in re.findall(r'src="([^"]*)"', page))


def test_it_tells_what_was_made(page):
    for text in (
        "matte &lt;&amp;&gt; card",
        "ptm",
        "12 x 10 texels",
        "1.23 MB",
        "fit 30.0 s",
        "radius 8.00°",
        "4.00 %",
    ):
        assert text in page, text


def test_names_and_warnings_are_text_not_html(page):
    assert "radius &lt;assumed&gt;" in page
    assert "<assumed>" not in page
    assert "<&>" not in page


def test_it_warns_of_clipping(page):
    assert "4% of the stone is clipped" in page


def test_the_worst_photos_are_named_worst_first(page):
    table = page[page.index("worst photos</th>") :]
    assert re.findall(r"<td>(photo \d\d\.png)</td><td class=number>([\d.]+) %", table)[:3] == [
        ("photo 02.png", "5.00"),
        ("photo 05.png", "4.00"),
        ("photo 03.png", "3.00"),
    ]


def test_it_compares_a_typical_and_the_worst_photo(page):
    assert "Typical, photo 06.png" in page
    assert "Worst, photo 02.png" in page
    pictures = [base64.b64decode(data) for data in re.findall(r"base64,([^\"]*)", page)]
    sizes = [Image.open(io.BytesIO(picture)).size for picture in pictures]
    assert sizes == [(3 * WIDTH, HEIGHT)] * 3  # the preview, then photo | fit | difference twice


def shapes(svg: str, name: str) -> list[ET.Element]:
    return list(ET.fromstring(svg).iter(name))


def test_a_light_is_drawn_as_the_ellipse_that_its_rim_makes():
    direction, radius = np.array([0.48, 0.36, 0.8]), math.radians(12)
    (ellipse,) = shapes(light_layout(direction[None], radius, ["a"], ()), "ellipse")
    x, y, turn = map(float, re.findall(r"-?[\d.]+", ellipse.get("transform")))
    across = np.cross(direction, [0, 0, 1])
    across /= np.linalg.norm(across)
    other = np.cross(direction, across)
    for angle in np.linspace(0, 2 * math.pi, 8):
        rim = math.cos(radius) * direction + math.sin(radius) * (math.cos(angle) * across + math.sin(angle) * other)
        dx, dy = 200 * rim[0] - x, -200 * rim[1] - y
        c, s = math.cos(math.radians(turn)), math.sin(math.radians(turn))
        u, v = (c * dx + s * dy) / float(ellipse.get("rx")), (c * dy - s * dx) / float(ellipse.get("ry"))
        assert math.hypot(u, v) == pytest.approx(1, abs=0.005)  # the drawing rounds to tenths


def test_marked_lights_stand_out_and_all_are_named():
    drawn = shapes(light_layout(light_directions(4), 0.1, ["a", "b", "<c>", "d"], {2}), "ellipse")
    assert [ellipse.get("class") for ellipse in drawn] == ["light", "light", "light", "worst"]  # the last is on top
    assert [ellipse.find("title").text.split(": ")[0] for ellipse in drawn] == ["a", "b", "d", "<c>"]


def test_bars_are_as_long_as_their_values():
    bars = shapes(bar_chart(np.array([0.01, 0.04, 0.0]), ["a", "b", "c"], {1}), "rect")
    heights = [float(bar.get("height")) for bar in bars]
    assert heights == pytest.approx([45, 180, 0])  # the axis ends at 4 %
    assert [bar.get("class") for bar in bars] == ["light", "worst", "light"]


def test_bars_of_nothing_are_drawn_too():
    assert [float(bar.get("height")) for bar in shapes(bar_chart(np.zeros(2), ["a", "b"], ()), "rect")] == [0, 0]
