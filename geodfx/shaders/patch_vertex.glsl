// Provides main() of the vertex stage: a rectangle of texels of one facet, see geodfx/patches.py; of no size where the
// facet sees no light. What is linear across it is told at its corners. Needs fold, rectangle, and SIZE, FINE: whether
// texels look at lights themselves.

uniform sampler2D facet_places;       // folded; where in the atlas, 0 to 1, texel t reads: place.xy + place.zw t
uniform sampler2D facet_flash;        // folded; see rims.glsl
uniform vec2 sheet_unit;              // one over the size of the sheet
uniform vec2 cell_unit;               // one over the size of the atlas
uniform bool is_sparse;               // only what facet_flash tells is seen

in uvec3 words;

// The first two are the same everywhere; but the offline compiler for Apple's GPUs takes no flat ones.
out float owner;                      // the facet
out vec3 flash;                       // what it shows of the light whose rim crosses it, where it sees it whole; or 0
out vec2 spot;                        // of a texel's shares in their sheet
out vec2 node;                        // of its light in the atlas

void main() {
    Rectangle its = read_rectangle(words);
    ivec2 row = fold_facet(its.facet);
    vec4 seen = texelFetch(facet_flash, row, 0);
    gl_Position = vec4(2.0, 2.0, 2.0, 1.0);
    if (is_sparse && seen.a < 0.0) return;
    vec2 away = its.sides * vec2(gl_VertexID & 1, gl_VertexID >> 1);
    vec2 at = its.corner + away;
    gl_Position = vec4(2.0 * at / vec2(SIZE) - 1.0, 0.0, 1.0);
    spot = sheet_unit * (its.spot + away);
    owner = float(its.facet);
    flash = seen.rgb;
    vec2 texel = at - 0.5;
    vec4 place = texelFetch(facet_places, row, 0);
    node = place.xy + place.zw * texel;
    if (FINE && is_sparse && flash != vec3(0.0)) node = 0.5 * cell_unit;  // the black one: texels look at all
}
