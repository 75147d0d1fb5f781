// Provides main() of the vertex stage: a rectangle of texels of one facet, see geodfx/render/patches.py; of no size
// where the facet sees no light, or all of the rectangle lies outside one of its edges. What is linear across it is
// told at its corners. Needs facet, and SIZE, EDGED, FINE: whether texels look at lights themselves.

uniform usampler2D facet_words;       // folded
uniform usampler2D facet_slopes;      // folded
uniform usampler2D facet_edges;       // folded, four a facet
uniform sampler2D facet_places;       // folded; where in the atlas, 0 to 1, texel t reads: place.xy + place.zw t
uniform sampler2D facet_flash;        // folded; see rims.glsl
uniform int slope_count;              // the first facets of so many have a slope
uniform int edge_count;               // the first facets of so many have edges
uniform float slope_step;
uniform vec2 light_point;             // on the chart: the one pseudo light of a stone that tilts
uniform vec2 sheet_unit;              // one over the size of the sheet
uniform vec2 cell_unit;               // one over the size of the atlas
uniform bool is_sparse;               // only what facet_flash tells is seen

in uvec3 words;

// The first two are the same everywhere; but the offline compiler for Apple's GPUs takes no flat ones.
out float owner;                      // the facet
out vec3 flash;                       // what it shows of the light whose rim crosses it, where it sees it whole; or 0
out vec2 spot;                        // of a texel's shares in their sheet
out vec2 node;                        // of its light in the atlas
out vec3 within;                      // how far inside its edges a texel lies
out vec3 inside;

// How far inside all edges of a facet a corner of a rectangle lies. away: of its middle from the facet's own texel;
// to_corner: from its middle; moved: of the pseudo light from where the facet points. Returns whether all of the
// rectangle lies outside of an edge.
bool measure_edges(uint facet, vec2 away, vec2 to_corner, vec2 moved) {
    ivec2 own = fold_facet(facet) * ivec2(4, 1);
    uvec4 turns = texelFetch(facet_edges, own, 0);
    uvec4 middle = texelFetch(facet_edges, own + ivec2(1, 0), 0);
    uvec4 moves = texelFetch(facet_edges, own + ivec2(2, 0), 0);
    uvec4 offsets = texelFetch(facet_edges, own + ivec2(3, 0), 0);
    uint turn[EDGES] = uint[EDGES](turns.x, turns.y, turns.z, turns.w, middle.x, middle.y);
    uint move[EDGES] = uint[EDGES](middle.z, middle.w, moves.x, moves.y, moves.z, moves.w);
    uint offset[EDGES / 2] = uint[EDGES / 2](offsets.x, offsets.y, offsets.z);
    float lies[EDGES];
    bool outside = false;
    for (int e = 0; e < EDGES; ++e) {
        vec2 pair = unpack_pair(offset[e / 2], EDGE_OFFSET_STEP);
        lies[e] = ((e & 1) == 0 ? pair.x : pair.y) + dot(unpack_pair(move[e], EDGE_MOVE_STEP), moved)
            + dot(unpack_pair(turn[e], EDGE_TURN_STEP), away);
        vec2 turned = unpack_pair(turn[e], EDGE_TURN_STEP) * to_corner;
        outside = outside || lies[e] + abs(turned.x) + abs(turned.y) < -EDGE_OUTSIDE;
        lies[e] += turned.x + turned.y;
    }
    within = vec3(lies[0], lies[1], lies[2]);
    inside = vec3(lies[3], lies[4], lies[5]);
    return outside;
}

void main() {
    uint facet = words.y >> 16u;
    ivec2 row = fold_facet(facet);
    vec4 seen = texelFetch(facet_flash, row, 0);
    gl_Position = vec4(2.0, 2.0, 2.0, 1.0);
    if (is_sparse && seen.a < 0.0) return;
    ivec2 corner = ivec2(words.x & 65535u, words.x >> 16u);
    ivec2 sides = ivec2(words.y & 255u, (words.y >> 8u) & 255u);
    vec2 at = vec2(corner + sides * ivec2(gl_VertexID & 1, gl_VertexID >> 1));
    gl_Position = vec4(2.0 * at / vec2(SIZE) - 1.0, 0.0, 1.0);
    spot = sheet_unit * (vec2(words.z & 65535u, words.z >> 16u) + at - vec2(corner));
    owner = float(facet);
    flash = seen.rgb;
    vec2 texel = at - 0.5;
    vec4 place = texelFetch(facet_places, row, 0);
    node = place.xy + place.zw * texel;
    if (FINE && is_sparse && flash != vec3(0.0)) node = 0.5 * cell_unit;  // texels look at all: the one that stays black
    within = vec3(40.0);
    inside = vec3(40.0);
    if (EDGED && int(facet) < edge_count) {
        Facet own = read_facet(facet, facet_words, facet_slopes, slope_count, slope_step);
        vec2 to_corner = vec2(sides) * (vec2(gl_VertexID & 1, gl_VertexID >> 1) - 0.5);
        bool outside = measure_edges(facet, texel - to_corner - own.centre, to_corner, light_point - own.point);
        if (outside) gl_Position = vec4(2.0, 2.0, 2.0, 1.0);
    }
}
