"""Where a lobe can point, and how well each place explains what a texel still has left: candidates and their gain.

A texel's photos are x (L, 3), with weights w (L, 3). A lobe of direction d and width s answers light l with
r_l = lobe_response(|d - l|^2, area, blur + s^2), 0..1, times an amplitude a in each channel. All else fixed, with e
what is left of x, the best amplitude is a = clip((sum w r e - cost) / sum w r^2, 0, ceiling), and the loss falls by
a (2 (sum w r e - cost) - a sum w r^2): the gain. The search adds up the gains of the three channels. The cost of an
amplitude is the sparsity times the lobe's highest response, so that wide lobes cost what they show, as sharp ones do.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from geodfx.arrays import F32, F64
from geodfx.basis import formed_chord, light_kernel, lobe_response
from geodfx.jit import kernel

__all__ = [
    "FAINT",
    "LOWEST_Z",
    "ROUNDED",
    "Search",
    "best_amplitude",
    "best_candidate",
    "candidate_gain",
    "form_step",
    "gain_of",
    "longer",
    "make_search",
    "near_lights",
    "step_along",
    "tangents",
]

I32 = npt.NDArray[np.int32]

CANDIDATE_SPACING = 0.27  # of a lobe's reach: a finer net finds nothing more before the refinement
MAX_CANDIDATES = 12000  # of each width: small lights would need a net that costs more than it finds
WIDTHS = (0.0, 1.0, 2.5)  # that the net tries, in chords of the light's radius; the refinement finds those between
WORTH_SHARED, WORTH_ALONE = 0.05, 0.15
# Over tilts a texel changes its path often. What is left of flashes that end so would take a facet each, nine times the
# bytes of a lobe that is shared, and tilts that were held out are met no better by it.
WORTH_SHARED_FORMED, WORTH_ALONE_FORMED = 0.1, 1.0
# Over tilts a lobe's extent is the light's radius over how far a tilt moves its exit, which differs with the axis:
# between opposite facets a step cut hardly moves it. 2.3 times as long as wide, along four axes; refined like the rest.
FORMS = ((0.9, 0.0), (0.6364, 0.6364), (0.0, 0.9), (-0.6364, 0.6364))
FORMED_SPACING = 0.4
MOST_FORM, LONGEST = np.float32(0.98), np.float32(5.0)  # a lobe is at most five times as long as wide
TURN_COS = np.cos(np.arange(8) * math.pi / 4).astype(np.float32)
TURN_SIN = np.sin(np.arange(8) * math.pi / 4).astype(np.float32)
LOWEST_Z = np.float32(0.02)  # a lobe stays a degree above the horizon
FAINT = np.float32(1e-3)  # displayed light, or an amplitude of it, that is nothing
NO_RESPONSE = np.float32(1e-6)  # added to sum w r^2, so that a lobe that no light sees has no amplitude
ROUNDED = np.float32(1e-4)  # of a chord, by which more lights are looked at than are within reach
DIM = np.float32(0.01)  # of a lobe's worth: the energy of all lights that the search need not tell apart


class Search(NamedTuple):
    """Lights, limits and the net of candidates; L lights, M candidates, E pairs of a candidate and a light it sees."""

    light: F32  # (L, 3) unit
    radius: np.float32  # of the lights, as a chord
    area: np.float32
    blur: np.float32
    ceiling: np.float32  # amplitude of a lobe of weight 1
    sparsity: np.float32  # cost of light shown: L1
    direction: F32  # (M, 3) unit
    width: F32  # (M,) chord
    form: F32  # (M, 2) of `formed_chord`
    formed: bool  # lobes may be longer than wide
    worth_shared: np.float32  # loss that a facet's lobe must save
    worth_alone: np.float32  # loss that a lobe of no facet must save
    cost: F32  # (M,) of an amplitude
    start: I32  # (M + 1,) into seen and response
    seen: I32  # (E,) lights whose response is above 0
    response: F32  # (E,) 0..1
    light_start: I32  # (L + 1,) into seer
    seer: I32  # (E,) the candidates that see each light


def make_search(
    light_direction: F64,
    radius_rad: float,
    ceiling: float,
    sparsity: float,
    *,
    formed: bool = False,
    widths: bool = True,
) -> Search:
    """Return the search for lights (L, 3): a spiral net a width (Vogel 1979), kept where any light is seen.

    formed: lobes may be longer than wide, as they are over tilts; there is a net for each of FORMS, too. widths: false
    for lobes that are points.
    """
    _, area, blur = light_kernel(radius_rad)
    radius = 2 * math.sin(radius_rad / 2)
    directions, chords, forms, costs, counts, seen, responses = [], [], [], [], [], [], []
    shapes = [(radius * share, (0.0, 0.0), CANDIDATE_SPACING) for share in (WIDTHS if widths else WIDTHS[:1])]
    shapes += [(0.0, form, FORMED_SPACING) for form in FORMS] if formed else []
    for width, form, spacing in shapes:
        net = _spiral(spacing * math.hypot(radius, 2 * width))
        q = _chords(net, light_direction, np.array(form))
        response = _responses(q, np.float32(area), np.float32(blur + width * width))
        kept = response.max(axis=1) > 0
        response = response[kept]
        directions.append(net[kept])
        chords.append(np.full(len(response), width))
        forms.append(np.tile(form, (len(response), 1)))
        highest = lobe_response(np.float32(0.0), np.float32(area), np.float32(blur + width * width))
        costs.append(np.full(len(response), sparsity * highest))
        counts.append((response > 0).sum(axis=1))
        seen.append(np.nonzero(response)[1])
        responses.append(response[response > 0])
    all_counts, all_seen = np.concatenate(counts), np.concatenate(seen)
    seer = np.repeat(np.arange(len(all_counts)), all_counts)[np.argsort(all_seen, kind="stable")]
    return Search(
        light=light_direction.astype(np.float32),
        radius=np.float32(radius),
        area=np.float32(area),
        blur=np.float32(blur),
        ceiling=np.float32(ceiling),
        sparsity=np.float32(sparsity),
        direction=np.concatenate(directions).astype(np.float32),
        width=np.concatenate(chords).astype(np.float32),
        form=np.concatenate(forms).astype(np.float32),
        formed=formed,
        worth_shared=np.float32(WORTH_SHARED_FORMED if formed else WORTH_SHARED),
        worth_alone=np.float32(WORTH_ALONE_FORMED if formed else WORTH_ALONE),
        cost=np.concatenate(costs).astype(np.float32),
        start=np.concatenate([[0], np.cumsum(all_counts)]).astype(np.int32),
        seen=all_seen.astype(np.int32),
        response=np.concatenate(responses),
        light_start=np.searchsorted(np.sort(all_seen), np.arange(len(light_direction) + 1)).astype(np.int32),
        seer=seer.astype(np.int32),
    )


def _spiral(spacing: float) -> F64:
    """Return unit directions (M, 3) over the upper hemisphere, about `spacing` apart."""
    count = min(math.ceil(2 * math.pi / spacing**2), MAX_CANDIDATES)
    i = np.arange(count)
    z = 1 - (i + 0.5) / count
    turn = i * math.pi * (3 - math.sqrt(5))
    rim = np.sqrt(1 - z * z)
    return np.stack([rim * np.cos(turn), rim * np.sin(turn), z], axis=1)


def _chords(net: F64, lights: F64, form: F64) -> F32:
    """Return the squared chords (M, L) that lobes at (M, 3) of one form count to lights (L, 3)."""
    plain = np.maximum(2 - 2 * net @ lights.T, 0)
    along = (net[:, :2] @ form)[:, None] - lights[:, :2] @ form
    return np.asarray(np.maximum(plain - along**2, 0), np.float32)


@kernel
def _responses(q: F32, area: np.float32, variance: np.float32) -> F32:
    """Return the responses (M, L) at squared chords (M, L)."""
    response = np.empty_like(q)
    for m in range(q.shape[0]):
        for i in range(q.shape[1]):
            response[m, i] = lobe_response(q[m, i], area, variance)
    return response


@kernel
def near_lights(search: Search, d: F32, reach: np.float32, near: I32) -> int:
    """Write the lights within a chord of d into near (L,) and return how many they are."""
    count = 0
    for i in range(len(search.light)):
        dx = d[0] - search.light[i, 0]
        dy = d[1] - search.light[i, 1]
        dz = d[2] - search.light[i, 2]
        if dx * dx + dy * dy + dz * dz < reach * reach:
            near[count] = i
            count += 1
    return count


@kernel
def longer(form: F32, formed: bool) -> np.float32:
    """Return how much further than a round lobe one of a form (2,) may reach while it is refined."""
    if not formed:
        return np.float32(1.0)
    return min(np.float32(1.5) / np.sqrt(np.float32(1.0) - form[0] * form[0] - form[1] * form[1]), LONGEST)


@kernel
def form_step(x: np.float32, y: np.float32, step: np.float32, k: int) -> tuple[np.float32, np.float32]:
    """Return a form a step away, one of eight ways, no longer than MOST_FORM."""
    to_x, to_y = x + step * TURN_COS[k], y + step * TURN_SIN[k]
    size = np.sqrt(to_x * to_x + to_y * to_y)
    if size > MOST_FORM:
        to_x, to_y = to_x * MOST_FORM / size, to_y * MOST_FORM / size
    return to_x, to_y


@kernel
def tangents(d: F32, u: F32, v: F32) -> None:
    """Write two unit vectors, square to d and to each other, into u and v."""
    if abs(d[0]) < np.float32(0.9):  # cross product with x
        u[0], u[1], u[2] = np.float32(0.0), d[2], -d[1]
    else:  # with y
        u[0], u[1], u[2] = -d[2], np.float32(0.0), d[0]
    scale = np.float32(1.0) / np.sqrt(u[0] * u[0] + u[1] * u[1] + u[2] * u[2])
    for j in range(3):
        u[j] *= scale
    v[0] = d[1] * u[2] - d[2] * u[1]
    v[1] = d[2] * u[0] - d[0] * u[2]
    v[2] = d[0] * u[1] - d[1] * u[0]


@kernel
def step_along(d: F32, u: F32, v: F32, a: np.float32, b: np.float32, out: F32) -> None:
    """Write the unit direction of d + a u + b v into out, kept above the horizon."""
    x = d[0] + a * u[0] + b * v[0]
    y = d[1] + a * u[1] + b * v[1]
    z = max(d[2] + a * u[2] + b * v[2], LOWEST_Z)
    scale = np.float32(1.0) / np.sqrt(x * x + y * y + z * z)
    out[0], out[1], out[2] = x * scale, y * scale, z * scale


@kernel
def best_amplitude(
    along: np.float32, square: np.float32, cost: np.float32, ceiling: np.float32
) -> tuple[np.float32, np.float32]:
    """Return the best amplitude and its gain from along = sum w r e and square = sum w r^2 of one channel."""
    pull = along - cost
    if pull <= 0:
        return np.float32(0.0), np.float32(0.0)
    amplitude = min(pull / (square + NO_RESPONSE), ceiling)
    return amplitude, amplitude * (np.float32(2.0) * pull - amplitude * square)


@kernel
def gain_of(
    search: Search,
    d: F32,
    width: np.float32,
    form_x: np.float32,
    form_y: np.float32,
    near: I32,
    count: int,
    weight: F32,
    left: F32,
) -> tuple[np.float32, np.float32, np.float32, np.float32]:
    """Return the gain of a lobe at d, all channels, and the amplitude of each. near: (L,) `count` lights it may see."""
    along_r, along_g, along_b = np.float32(0.0), np.float32(0.0), np.float32(0.0)
    square_r, square_g, square_b = np.float32(0.0), np.float32(0.0), np.float32(0.0)
    light, area, variance = search.light, search.area, search.blur + width * width
    x, y, z = d[0], d[1], d[2]
    for n in range(count):
        i = near[n]
        dx, dy, dz = x - light[i, 0], y - light[i, 1], z - light[i, 2]
        r = lobe_response(formed_chord(dx, dy, dz, form_x, form_y), area, variance)
        if r > 0:
            to_r, to_g, to_b = weight[i, 0] * r, weight[i, 1] * r, weight[i, 2] * r
            along_r += to_r * left[i, 0]
            along_g += to_g * left[i, 1]
            along_b += to_b * left[i, 2]
            square_r += to_r * r
            square_g += to_g * r
            square_b += to_b * r
    cost, ceiling = search.sparsity * lobe_response(np.float32(0.0), area, variance), search.ceiling
    red, gain_r = best_amplitude(along_r, square_r, cost, ceiling)
    green, gain_g = best_amplitude(along_g, square_g, cost, ceiling)
    blue, gain_b = best_amplitude(along_b, square_b, cost, ceiling)
    return gain_r + gain_g + gain_b, red, green, blue


@kernel
def candidate_gain(search: Search, m: int, weight: F32, left: F32) -> np.float32:
    """Gain of candidate m, all channels."""
    along_r, along_g, along_b = np.float32(0.0), np.float32(0.0), np.float32(0.0)
    square_r, square_g, square_b = np.float32(0.0), np.float32(0.0), np.float32(0.0)
    for n in range(search.start[m], search.start[m + 1]):
        i, r = search.seen[n], search.response[n]
        along_r += weight[i, 0] * r * left[i, 0]
        along_g += weight[i, 1] * r * left[i, 1]
        along_b += weight[i, 2] * r * left[i, 2]
        square_r += weight[i, 0] * r * r
        square_g += weight[i, 1] * r * r
        square_b += weight[i, 2] * r * r
    _, gain_r = best_amplitude(along_r, square_r, search.cost[m], search.ceiling)
    _, gain_g = best_amplitude(along_g, square_g, search.cost[m], search.ceiling)
    _, gain_b = best_amplitude(along_b, square_b, search.cost[m], search.ceiling)
    return gain_r + gain_g + gain_b


@kernel
def best_candidate(search: Search, weight: F32, left: F32, worth: np.float32, bound: F32) -> tuple[int, np.float32]:
    """Return the candidate of the highest gain, and that gain; -1 if none gains more than worth. bound: (M,) scratch.

    A candidate gains at most the energy sum w max(e, 0)^2 of the lights that it sees (Cauchy-Schwarz): 0 for most, for
    a stone is dark under most lights. So those that see the brightest light are looked at first, and of the others
    only those whose bound is above the best gain. Lights too dim to matter together are not told apart in it.
    """
    bound[:] = 0
    dim = worth * DIM / np.float32(len(search.light))
    most, brightest = np.float32(0.0), -1
    for i in range(len(search.light)):
        energy = np.float32(0.0)
        for c in range(3):
            energy += weight[i, c] * max(left[i, c], np.float32(0.0)) ** 2
        if energy > most:
            most, brightest = energy, i
        if energy > dim:
            for n in range(search.light_start[i], search.light_start[i + 1]):
                bound[search.seer[n]] += energy
    best, best_gain = -1, worth
    if brightest < 0:
        return best, best_gain
    for n in range(search.light_start[brightest], search.light_start[brightest + 1]):
        m = search.seer[n]
        bound[m] = 0
        gain = candidate_gain(search, m, weight, left)
        if gain > best_gain:
            best, best_gain = m, gain
    for m in range(len(bound)):
        if bound[m] + worth * DIM > best_gain:
            gain = candidate_gain(search, m, weight, left)
            if gain > best_gain:
                best, best_gain = m, gain
    return best, best_gain
