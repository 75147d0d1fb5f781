"""Numbers that more than one module, or Python and GLSL, must agree on."""

from __future__ import annotations

__all__ = [
    "CELL",
    "CHART_STEP",
    "CROSSTALK",
    "DISPLAY_GAMMA",
    "DOME_SIDE",
    "EDGES",
    "EDGE_MOVE_STEP",
    "EDGE_OFFSET_STEP",
    "EDGE_OUTSIDE",
    "EDGE_TURN_STEP",
    "ENVIRONMENT_LEVELS",
    "ENVIRONMENT_SIZE",
    "FACET_ROW",
    "FILMIC_CONTRAST",
    "FILMIC_MID",
    "FILMIC_WHITE",
    "FINE_LIGHTS",
    "HSH_HORIZON_RAD",
    "HUE_KEPT",
    "LIGHT_EDGE",
    "LOBE_OFFSET_STEP",
    "LOBE_WIDTH_MAX",
    "MIN_LIGHT_RADIUS_RAD",
    "MOST_PLACE",
    "WHITE_LEVEL",
    "WHITE_QUANTILE",
]

LIGHT_EDGE = 0.12  # a light's edge ramps linearly in the cosine from cos((1 + e) r) to cos((1 - e) r)
MIN_LIGHT_RADIUS_RAD = 0.0017  # 0.1 degrees: below this a light counts as this large, so that radiance stays finite

HSH_HORIZON_RAD = 0.01  # HSH is singular at the horizon: theta stops this short of pi / 2, as in Relight

DOME_SIDE = 21  # nodes along the square around the chart on which a dome's terms stand, one more ring on every side

DISPLAY_GAMMA = 2.2  # fits and scores compare photos as a display of this exponent shows them
WHITE_QUANTILE = 0.9  # of texels and channels, by the brightest value that each reaches:
WHITE_LEVEL = 2.0  # what that value reads when the stone is displayed; strong flashes clip, as on a phone

# A facet is one texel of four uint32, see codes.py.
CHART_STEP = 2.0**0.5 / 32767.0  # of a direction on the chart: 0.0025 degrees
MOST_PLACE = 2.0**0.5  # of either coordinate of a direction on the chart: what its codes hold
LOBE_OFFSET_STEP = 1.0 / 16384.0  # red's and blue's offset from green on the chart
LOBE_WIDTH_MAX = 0.6  # the widest lobe, as a chord: 35 degrees; wider reflections belong to the base

# The edges of a facet over tilts, see codes.py and basis.edge_share: how far inside one a texel lies, in units in which
# its soft rim is about four wide.
EDGES = 6  # of a facet: more gain nothing
EDGE_TURN_STEP = 8.0 / 32767.0  # a texel
EDGE_MOVE_STEP = 512.0 / 32767.0  # a unit of the chart
EDGE_OFFSET_STEP = 64.0 / 32767.0
EDGE_OUTSIDE = 17.0  # so far outside of one 4e-8 of a flash is let through: nothing is drawn

# An environment is blurred once to widths LOBE_WIDTH_MAX / 2^(levels - 1 - k), on squares of ENVIRONMENT_SIZE / 2^k
# texels.
ENVIRONMENT_LEVELS = 7  # the narrowest is 0.0094, half a degree: a lobe that is narrower sees the environment this soft
ENVIRONMENT_SIZE = 512  # texels 0.2 to 0.5 degrees apart, against a kernel 1.3 degrees in radius

# A facet's light is worked out at the nodes of a grid, render/cells.py.
CELL = 2.0**-7  # the longest step on the chart from node to node: 0.45 degrees
FINE_LIGHTS = 32  # so many lights, the first, are looked at texel by texel where their rims cross a facet

FACET_ROW = 256  # facets lie in rows of so many: a byte of their number is the column, the next the row

# The filmic curve, see render/picture.py.
FILMIC_WHITE = 16.0  # light that it shows as white, four stops over what `plain` does: a small lamp in a facet
FILMIC_MID = 0.18  # light that it leaves as it is: mid-grey
FILMIC_CONTRAST = 1.2  # the exponent below mid-grey: what the roll-off takes from bright parts, dark ones give back
CROSSTALK = 3.0  # how late on the way to white a coloured flash pales
HUE_KEPT = 0.75  # of its colour at white: at 1 a flash never pales, at 0 it ends as a white square
