// Provides main() of the vertex stage: a rectangle of texels of one facet of a stone that tilts, see
// geodfx/patches.py, narrowed to where the facet sees its one pseudo light within its edges; of no size where it
// does not. What a texel sees is told at the corners, for all of it but a square is linear. Needs facet, rectangle, and
// SIZE.

uniform usampler2D facet_words;       // folded
uniform usampler2D facet_slopes;      // folded
uniform usampler2D facet_edges;       // folded, four a facet
uniform sampler2D light_rows;         // of the one light: direction, area; radiance, blur
uniform int slope_count;              // the first facets of so many have a slope
uniform int edge_count;               // the first facets of so many have edges
uniform float slope_step;
uniform float least_shown;            // radiance: what no display tells from none
uniform vec2 sheet_unit;              // one over the size of the sheet

in uvec3 words;

// Numbers of a kind together, for a linker that mixes them makes all of them whole.
out vec2 away;                        // to where green points from the light: what its square leaves of most is seen
out mediump vec4 shown;               // what the facet shows where it sees the light whole; how much more red has left
out mediump vec4 outside;             // how far outside of edges, see edge_shares(); how much more blue has left
out mediump vec4 others;              // likewise, of more edges; most of the light, of which 0 to 1 is seen
out vec2 spot;                        // of a texel's shares in their sheet

const float NONE = 40.0;              // inside an edge that there is not
const float STEEP = 1e-9;             // a texel: what changes by less is the same everywhere
const float MOST_SHOWN = 6e4;         // that a half holds
const float APART = 0.01;             // of a texel: so far beyond the middle of the outermost

// Narrows low and high, which are not apart where nothing is left, to where lies + dot(turn, texel) may be 0 or more.
void narrow(float lies, vec2 turn, inout vec2 low, inout vec2 high) {
    vec2 most = max(turn * low, turn * high);
    vec2 room = (lies + most.x + most.y) / max(abs(turn), STEEP);  // how far from the corner where it is most
    vec2 least = vec2(turn.x < 0.0 ? low.x : high.x - room.x, turn.y < 0.0 ? low.y : high.y - room.y);
    high = min(high, vec2(turn.x < 0.0 ? low.x + room.x : high.x, turn.y < 0.0 ? low.y + room.y : high.y));
    low = max(low, least);
}

// The same to where no edge of a facet takes more than a share: exp(-outside). moved: of the light from where the facet
// points. Told of each edge: how far inside it the facet's own texel lies, and how that turns with the texel.
void narrow_edges(uint facet, vec2 moved, float outside, inout vec2 low, inout vec2 high,
        out float lies[EDGES], out vec2 turn[EDGES]) {
    ivec2 own = fold_facet(facet) * ivec2(4, 1);
    uvec4 turns = texelFetch(facet_edges, own, 0);
    uvec4 middle = texelFetch(facet_edges, own + ivec2(1, 0), 0);
    uvec4 moves = texelFetch(facet_edges, own + ivec2(2, 0), 0);
    uvec4 offsets = texelFetch(facet_edges, own + ivec2(3, 0), 0);
    uint its_turn[EDGES] = uint[EDGES](turns.x, turns.y, turns.z, turns.w, middle.x, middle.y);
    uint move[EDGES] = uint[EDGES](middle.z, middle.w, moves.x, moves.y, moves.z, moves.w);
    uint offset[EDGES / 2] = uint[EDGES / 2](offsets.x, offsets.y, offsets.z);
    for (int e = 0; e < EDGES; ++e) {
        vec2 pair = unpack_pair(offset[e / 2], EDGE_OFFSET_STEP);
        lies[e] = ((e & 1) == 0 ? pair.x : pair.y) + dot(unpack_pair(move[e], EDGE_MOVE_STEP), moved);
        turn[e] = unpack_pair(its_turn[e], EDGE_TURN_STEP);
        narrow(lies[e] + outside, turn[e], low, high);
    }
}

// A step on the chart as a lobe's form counts it: the square of its length is that of formed_chord() of basis.py.
vec2 formed(vec2 apart, vec2 form) {
    return apart - form * dot(form, apart) / (1.0 + sqrt(max(1.0 - dot(form, form), 0.0)));
}

void main() {
    Rectangle its = read_rectangle(words);
    uint facet = its.facet;
    Facet own = read_facet(facet, facet_words, facet_slopes, slope_count, slope_step);
    vec4 disc = texelFetch(light_rows, ivec2(0, 0), 0);
    vec4 light = texelFetch(light_rows, ivec2(1, 0), 0);
    vec3 whole = min(own.weight * light.rgb, MOST_SHOWN);

    // lobe_ramp() is linear in the squared chord.
    float variance = own.width * own.width + light.a;
    float most = lobe_ramp(0.0, disc.w, variance);
    float unit = sqrt((most - lobe_ramp(disc.w, disc.w, variance)) / disc.w);
    vec2 first = unit * formed(own.point - disc.xy, own.form);
    vec2 right = unit * formed(own.slope.xz, own.form);
    vec2 down = unit * formed(own.slope.yw, own.form);
    vec2 red = unit * formed(own.red, own.form);
    vec2 blue = unit * formed(own.blue, own.form);

    // Texels are told from the facet's own.
    vec2 corner = its.corner - own.centre;
    vec2 low = corner;
    vec2 high = corner + its.sides - 1.0;
    float reach = sqrt(most) + sqrt(max(dot(red, red), dot(blue, blue)));
    for (int k = 0; k < 2; ++k) {
        vec2 turn = vec2(right[k], down[k]);
        narrow(reach + first[k], turn, low, high);
        narrow(reach - first[k], -turn, low, high);
    }
    float brightest = max(whole.r, max(whole.g, whole.b));
    gl_Position = vec4(2.0, 2.0, 2.0, 1.0);
    if (any(greaterThan(low, high + APART)) || brightest <= least_shown) return;  // as of most facets at a tilt

    float lies[EDGES];
    vec2 turn[EDGES];
    for (int e = 0; e < EDGES; ++e) {
        lies[e] = NONE;
        turn[e] = vec2(0.0);
    }
    float most_outside = log(brightest / least_shown);
    if (int(facet) < edge_count) narrow_edges(facet, disc.xy - own.point, most_outside, low, high, lies, turn);

    vec2 at = mix(low - APART, high + APART, vec2(gl_VertexID & 1, gl_VertexID >> 1));
    if (any(greaterThan(low, high + APART))) return;
    gl_Position = vec4(2.0 * (at + own.centre + 0.5) / vec2(SIZE) - 1.0, 0.0, 1.0);
    spot = sheet_unit * (its.spot + at - corner + 0.5);
    away = first + right * at.x + down * at.y;
    shown = vec4(whole, -dot(red, 2.0 * away + red));
    float blue_left = -dot(blue, 2.0 * away + blue);
    vec3 inside = vec3(lies[0] + dot(turn[0], at), lies[1] + dot(turn[1], at), lies[2] + dot(turn[2], at));
    vec3 inside_others = vec3(lies[3] + dot(turn[3], at), lies[4] + dot(turn[4], at), lies[5] + dot(turn[5], at));
    outside = vec4(-EDGE_FALL * inside, blue_left);
    others = vec4(-EDGE_FALL * inside_others, most);
}
