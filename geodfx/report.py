"""The page that tells how a stone came about: one HTML file that asks for nothing from elsewhere."""

from __future__ import annotations

import base64
import html
import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from geodfx.arrays import U8
from geodfx.capture import Capture
from geodfx.capture.matte import COVERED
from geodfx.capture.photos import open_photos
from geodfx.capture.session import Session
from geodfx.evaluate import Comparison, compare, session_views, window_of
from geodfx.figures import bar_chart, light_layout
from geodfx.images import atomic_write
from geodfx.lobe_map import doubt_quantiles
from geodfx.render import Renderer

__all__ = ["write_report"]

WORST = 3  # photos that are named and marked
WIDEST = 1536  # pixels of a picture in the page
CLIPPED_MUCH = 0.02  # share of the texels, on average over the photos, that deserves a word
PICTURE_QUALITY = 90
TOLD = ("effort", "asset")  # of the provenance: what was asked for

LIGHTS_NOTE = (
    "Lights",
    "The hemisphere above the stone as the camera sees it: rim at the horizon, lights as large as they are. The three "
    "photos that the fit meets worst are marked. A gap between the lights is where the stone's flashes are not known.",
)
TILTS_NOTE = (
    "Tilts",
    "Each tilt as the light that would make the same facets flash: to the left for a right edge that tips away, up "
    "for a top edge that tips nearer. The three photos that the fit meets worst are marked. A gap between the tilts "
    "is where the stone's flashes are not known.",
)

STYLE = """
:root { color-scheme: light dark; --ink: #1b1e23; --soft: #6a707a; --line: #c9cdd3; --page: #fff; --light: #4a86c5;
  --worst: #d1603d }
@media (prefers-color-scheme: dark) { :root { --ink: #e8eaed; --soft: #9aa0a8; --line: #454a52; --page: #17191d } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--page); max-width: 960px;
  margin: 2em auto; padding: 0 1em }
h1, h2 { font-weight: 600; line-height: 1.2 } h2 { margin-top: 2em; font-size: 1.15em }
table { border-collapse: collapse } td, th { text-align: left; padding: .15em 1.5em .15em 0; vertical-align: top }
th { font-weight: 400; color: var(--soft) } .number { font-variant-numeric: tabular-nums; text-align: right }
img { max-width: 100%; height: auto; background: #000; display: block } figure { margin: 1em 0 }
figcaption, .note { color: var(--soft); font-size: .9em }
.beside { display: flex; flex-wrap: wrap; gap: 2em; align-items: flex-start } .beside > * { flex: 1 1 300px }
.warning { border-left: 4px solid var(--worst); padding: .2em .8em; overflow-wrap: anywhere }
svg { max-width: 100%; height: auto } svg .faint { fill: none; stroke: var(--soft); stroke-opacity: .6 }
svg .ink { fill: var(--ink); stroke: var(--ink) } svg .dashed { stroke-dasharray: 4 4; fill: none }
svg .light { fill: var(--light); fill-opacity: .35 } svg rect.light { fill-opacity: .8 }
svg .worst { fill: var(--worst); fill-opacity: .8 }
svg .small { font-size: 12px; fill: var(--soft) }
"""


def write_report(
    path: Path, captured: Capture, session: Session, *, preview: U8, file_bytes: int, warnings: Sequence[str]
) -> None:
    """Write the page of a capture, atomically. preview: (H, W, 3) codes. Raises OutputError, PhotoError."""
    page = _page(captured, session, preview, file_bytes, warnings)
    with atomic_write(path) as file:
        file.write(page.encode())


def _page(captured: Capture, session: Session, preview: U8, file_bytes: int, warnings: Sequence[str]) -> str:
    stone, residual, names = captured.stone, captured.residual, captured.names
    order = np.argsort(residual, kind="stable")
    worst = [int(i) for i in order[::-1][:WORST]]
    typical = int(order[len(order) // 2])
    title = html.escape(f"{stone.name}: {stone.model}")
    rows = [f"<tr><td>{html.escape(names[i])}</td><td class=number>{100 * residual[i]:.2f} %</td></tr>" for i in worst]
    pictures = [
        _figure(comparison.picture(), f"{kind}, {html.escape(comparison.name)}: photo, fit, and their difference")
        for kind, comparison in zip(("Typical", "Worst"), _compare(captured, session, (typical, worst[0])), strict=True)
    ]
    layout = light_layout(captured.rig.direction, captured.rig.radius_rad, names, worst)
    heading, note = LIGHTS_NOTE if stone.tilting is None else TILTS_NOTE
    shown = "one soft light and two small ones, three tilts" if stone.tilting is None else "three tilts, as captured"
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title><style>{STYLE}</style></head><body>
<h1>{html.escape(stone.name)}</h1>
{"".join(f'<p class="warning">{html.escape(text)}</p>' for text in _warnings(captured, warnings))}
<div class="beside">{_figure(preview, f"Preview: {shown}")}
{_table(_facts(captured, file_bytes))}</div>
<h2>{heading}</h2>
<div class="beside"><figure>{layout}</figure><p class="note">{note}</p></div>
<h2>Residual of each photo</h2>
<figure>{bar_chart(residual, names, worst)}<figcaption>Root mean square difference between photo and fit as displayed,
in per cent of white; in the order of the photos. Dashed: the mean.</figcaption></figure>
<table><tr><th>worst photos</th><th></th></tr>{"".join(rows)}</table>
<h2>Clipped share of each photo</h2>
<figure>{bar_chart(captured.clipped, names, ())}<figcaption>Texels at full scale, which weigh nothing in the fit; on
average {100 * captured.clipped.mean():.2f} %.</figcaption></figure>
<h2>Photo and fit</h2>
{"".join(pictures)}
<p class="note">Difference: mid-grey where both agree, lighter where the fit is too bright, darker where it is too
dark.</p>
</body></html>
"""


def _facts(captured: Capture, file_bytes: int) -> dict[str, str]:
    stone, rig = captured.stone, captured.rig
    width, height = stone.size
    facts = {
        "model": ", ".join([stone.model, *(str(stone.provenance[key]) for key in TOLD if key in stone.provenance)]),
        "size": f"{width} x {height} texels, {np.count_nonzero(stone.alpha) / stone.alpha.size:.0%} covered",
        "photos": str(len(captured.names)),
        **_capture_facts(captured),
        "residual": f"{100 * math.sqrt(float(np.mean(captured.residual**2))):.2f} % of white",
        "clipped": f"{100 * captured.clipped.mean():.2f} %",
        "file": f"{file_bytes / 1e6:.2f} MB",
        "on a GPU": f"{stone.texel_bytes:.1f} bytes a texel",
        "time": ", ".join(f"{stage} {seconds:.1f} s" for stage, seconds in captured.seconds.items()),
    }
    smooth = stone.provenance.get("smooth_share")
    if isinstance(smooth, float):
        facts["smooth"] = f"{smooth:.0%} of the texels, whose photos foretell each other: they have a base and no lobes"
    unlit = stone.provenance.get("unlit_share")
    if isinstance(unlit, float):
        facts["unlit"] = (
            f"{unlit:.0%} of the texels mirror what no light reached, taken to be the horizon; lower lights tell"
        )
    if "cut" in stone.provenance:
        between = "tilts" if stone.domain == "tilt" else "lights"
        facts["cut"] = f"{stone.provenance['cut']}; its light paths tell where flashes lie between the {between}"
    if "symmetry" in stone.provenance:
        facts["symmetry"] = f"{stone.provenance['symmetry']}: the photos of a texel's copies tell of its lobes, too"
    if stone.lobes is not None:
        facts["lobes"] = f"{stone.lobes_per_texel:.2f} a covered texel, of {len(stone.lobes.facets)} facets"
        if len(stone.lobes.refs):
            median, most = np.degrees(doubt_quantiles(stone.lobes, (0.5, 0.9)))
            facts["left open"] = f"{median:.2f}° of a lobe's direction in the median, {most:.2f}° at nine tenths"
    if rig.residual_rad.any():
        facts["calibration"] = f"residual {math.degrees(float(rig.residual_rad.mean())):.2f}° on average"
    return facts


def _capture_facts(captured: Capture) -> dict[str, str]:
    """Return what there is to tell of lights or tilts."""
    rig, stage = captured.rig, captured.stone.tilting
    if stage is None:
        lowest = math.degrees(math.asin(min(1.0, float(rig.direction[:, 2].min()))))
        return {"lights": f"radius {math.degrees(rig.radius_rad):.2f}°, lowest {lowest:.0f}° above the horizon"}
    (least_pitch, least_roll), (most_pitch, most_roll) = np.degrees([stage.tilt_rad.min(0), stage.tilt_rad.max(0)])
    told = f"pitch {least_pitch:.0f} to {most_pitch:.0f}°, roll {least_roll:.0f} to {most_roll:.0f}°"
    return {"tilts": told, "texels' plane": f"{stage.plane_height:.2f} stone widths above the girdle"}


def _warnings(captured: Capture, told: Sequence[str]) -> list[str]:
    """Return what was warned of while fitting, and what the figures themselves warn of."""
    clipped = float(captured.clipped.mean())
    if clipped <= CLIPPED_MUCH:
        return list(told)
    return [*told, f"{clipped:.0%} of the stone is clipped in a photo on average; expose its flashes for less time"]


def _compare(captured: Capture, session: Session, chosen: Sequence[int]) -> list[Comparison]:
    """Return photo and fit of some photos, displayed as in the fit, where the stone is."""
    stone, photos = captured.stone, open_photos(session)
    views = session_views(stone, session, captured.rig.direction)
    with Renderer(stone) as renderer:
        mask = stone.alpha > COVERED
        window = window_of(mask)
        return [compare(renderer, views[i], photos, i, mask, stone.display_gain, window) for i in chosen]


def _table(facts: Mapping[str, str]) -> str:
    rows = (f"<tr><th>{html.escape(key)}</th><td>{html.escape(value)}</td></tr>" for key, value in facts.items())
    return f"<table>{''.join(rows)}</table>"


def _figure(picture: U8, caption: str) -> str:
    """Return a picture (H, W, 3) that lies in the page itself; the caption is HTML already."""
    height, width, _ = picture.shape
    if width > WIDEST:
        size = (WIDEST, max(1, round(height * WIDEST / width)))
        picture = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
        width, height = size
    out = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(picture)).save(out, "WEBP", quality=PICTURE_QUALITY)
    data = base64.b64encode(out.getvalue()).decode()
    return (
        f'<figure><img src="data:image/webp;base64,{data}" width="{width}" height="{height}" alt="">'
        f"<figcaption>{caption}</figcaption></figure>"
    )
