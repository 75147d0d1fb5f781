// Provides main() of the vertex stage: a rectangle of texels of one facet, see geodfx/patches.py; of no size where the
// facet sees no light. What is linear across it is told at its corners. Needs fold, rectangle, and SIZE; CORNERS:
// whether light is told so, too; FINE: whether texels look at lights themselves.

uniform sampler2D facet_places;       // folded; where in the atlas, 0 to 1, texel t reads: place.xy + place.zw t
uniform sampler2D facet_flash;        // folded; see rims.glsl
uniform vec2 sheet_unit;              // one over the size of the sheet
uniform sampler2D cell_light;         // of nodes, over light_unit
uniform float light_unit;
uniform vec2 cell_unit;               // one over the size of the atlas
uniform bool is_sparse;               // only what facet_flash tells is seen

in uvec3 words;

// The first two are the same everywhere; but the offline compiler for Apple's GPUs takes no flat ones.
out float owner;                      // the facet
out vec3 flash;                       // of CORNERS, the light; else what the facet shows of the light whose rim crosses
                                      // it, where it sees that whole; or 0
out vec2 spot;                        // of a texel's shares in their sheet; of CORNERS, column and row
out vec2 node;                        // of its light in the atlas

const float MOST_SHOWN = 6e4;         // that a half holds

// The light at a texel, as it is between the nodes around a rectangle's middle, and so on beyond them.
vec3 light_between(vec4 place, vec2 middle, vec2 texel) {
    vec2 has_step = vec2(greaterThan(place.zw, vec2(0.0)));  // else all read one node
    vec2 low = floor((place.xy + place.zw * middle) / cell_unit - 0.5 * has_step);
    vec2 part = has_step * ((place.xy + place.zw * texel) / cell_unit - 0.5 - low);
    ivec2 first = ivec2(low);
    ivec2 last = ivec2(low + has_step);
    vec3 one = texelFetch(cell_light, first, 0).rgb;
    vec3 right = texelFetch(cell_light, ivec2(last.x, first.y), 0).rgb;
    vec3 down = texelFetch(cell_light, ivec2(first.x, last.y), 0).rgb;
    vec3 both = texelFetch(cell_light, last, 0).rgb;
    vec3 light = mix(mix(one, right, part.x), mix(down, both, part.x), part.y);
    return min(light_unit * light, MOST_SHOWN);
}

void main() {
    Rectangle its = read_rectangle(words);
    ivec2 row = fold_facet(its.facet);
    vec4 seen = texelFetch(facet_flash, row, 0);
    gl_Position = vec4(2.0, 2.0, 2.0, 1.0);
    if (is_sparse && seen.a < 0.0) return;
    vec2 away = its.sides * vec2(gl_VertexID & 1, gl_VertexID >> 1);
    vec2 at = its.corner + away;
    gl_Position = vec4(2.0 * at / vec2(SIZE) - 1.0, 0.0, 1.0);
    spot = (CORNERS ? vec2(1.0) : sheet_unit) * (its.spot + away);
    owner = float(its.facet);
    flash = seen.rgb;
    vec2 texel = at - 0.5;
    vec4 place = texelFetch(facet_places, row, 0);
    node = place.xy + place.zw * texel;
    if (CORNERS) flash = light_between(place, its.corner + 0.5 * its.sides - 0.5, texel);
    if (FINE && is_sparse && flash != vec3(0.0)) node = 0.5 * cell_unit;  // the black one: texels look at all
}
