// Provides main() of the vertex stage: the grid of one facet in the atlas of cells; of no size where it sees no light,
// or its texels look at all of it themselves. Needs facet.

uniform usampler2D facet_words;       // folded
uniform usampler2D facet_slopes;      // folded
uniform sampler2D facet_places;       // folded; where in the atlas, 0 to 1, texel t reads: place.xy + place.zw t
uniform sampler2D facet_flash;        // folded; see rims.glsl
uniform int slope_count;              // the first facets of so many have a slope
uniform float slope_step;
uniform vec2 cell_unit;               // one over the size of the atlas
uniform bool is_sparse;               // only what facet_flash tells is seen
uniform bool is_fine;                 // texels look at lights themselves where there is one

in uvec2 words;                       // facet, first column of 16 bits each; first row of 14, sides less one of 9

out vec2 away;                        // of a node's texel from the facet's own, right and down
// These are the same everywhere; but the offline compiler for Apple's GPUs takes no flat ones.
out float owner;                      // the facet
out float rim;                        // the light whose rim texels look at; -1: none

void main() {
    uint facet = words.x & 65535u;
    ivec2 row = fold_facet(facet);
    owner = float(facet);
    rim = texelFetch(facet_flash, row, 0).a - 1.0;
    gl_Position = vec4(2.0, 2.0, 2.0, 1.0);
    if (is_sparse && (rim < -1.5 || (is_fine && rim > -0.5))) return;
    ivec2 first = ivec2(words.x >> 16u, words.y & 16383u);
    ivec2 sides = ivec2((words.y >> 14u) & 511u, words.y >> 23u) + 1;
    vec2 node = cell_unit * vec2(first + sides * ivec2(gl_VertexID & 1, gl_VertexID >> 1));
    gl_Position = vec4(2.0 * node - 1.0, 0.0, 1.0);
    vec4 place = texelFetch(facet_places, row, 0);
    vec2 centre = read_facet(facet, facet_words, facet_slopes, slope_count, slope_step).centre;
    away = vec2(
        place.z > 0.0 ? (node.x - place.x) / place.z - centre.x : 0.0,
        place.w > 0.0 ? (node.y - place.y) / place.w - centre.y : 0.0);
}
