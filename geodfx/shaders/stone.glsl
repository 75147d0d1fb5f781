// Provides main(): the colour of one texel, linear and premultiplied. The sums are told in geodfx/render/lighting.py.
// Needs fold, chart, unpack, lobe, display, environment, facet, and constants of the stone: SIZE, LAYERS,
// LAYER_COLUMNS, LINEAR, LOBES, EDGED; and of the light: FINE, and SPARSE, where facets are dark but for a few lights.

uniform usampler2D alpha_codes;
uniform sampler2D base_planes;        // four planes a layer, layers side by side; a channel that is not there weighs 0
uniform sampler2D base_rows;          // a row a light: a weight a plane, then offset, then intensity
uniform int base_row_count;           // 1 where the base is LINEAR
uniform vec3 base_weights[4 * LAYERS];
uniform vec3 base_offset;
uniform float display_gain;           // of a base that is not LINEAR
uniform usampler2D lobe_index;        // a column eight texels
uniform usampler2D lobe_refs;         // folded
uniform sampler2D facet_places;       // folded; where texel t reads the next two: place.xy + place.zw t
uniform sampler2D cell_light;         // over light_unit; alpha above 0: texels add lights whose rims cross their facet
uniform sampler2D cell_ramp;          // how much they see of the brightest of them, within 0 and 1
uniform sampler2D facet_flash;        // folded; what they see of it where they see it whole; see rims.glsl
uniform float light_unit;
uniform int light_count;              // where FINE, the first of them are looked at
uniform usampler2D facet_words;       // folded
uniform usampler2D facet_slopes;      // folded
uniform usampler2D facet_edges;       // folded, four a facet
uniform sampler2D light_rows;         // a row a light: direction, area; radiance, blur
uniform int slope_count;              // the first facets of so many have a slope
uniform int edge_count;               // the first facets of so many have edges
uniform vec2 light_point;             // on the chart: the one pseudo light of a stone that tilts
uniform float slope_step;

out vec4 colour;

vec4 read_planes(ivec2 texel, int layer) {
    return texelFetch(base_planes, texel + SIZE * ivec2(layer % LAYER_COLUMNS, layer / LAYER_COLUMNS), 0);
}

// A base in linear space: one row for all light, times the level, which is its first plane.
vec3 shade_linear_base(ivec2 texel) {
    vec3 value = base_offset;
    float root = 0.0;
    for (int layer = 0; layer < LAYERS; ++layer) {
        vec4 codes = read_planes(texel, layer);
        if (layer == 0) root = codes.r;
        value += codes.r * base_weights[4 * layer];
        value += codes.g * base_weights[4 * layer + 1];
        value += codes.b * base_weights[4 * layer + 2];
        value += codes.a * base_weights[4 * layer + 3];
    }
    return root * root * root * max(value, vec3(0.0));
}

// A base of displayed values: a row a light, for these do not add.
vec3 shade_display_base(ivec2 texel) {
    vec3 sum = vec3(0.0);
    for (int row = 0; row < base_row_count; ++row) {
        vec3 value = texelFetch(base_rows, ivec2(4 * LAYERS, row), 0).rgb;
        for (int layer = 0; layer < LAYERS; ++layer) {
            vec4 codes = read_planes(texel, layer);
            value += codes.r * texelFetch(base_rows, ivec2(4 * layer, row), 0).rgb;
            value += codes.g * texelFetch(base_rows, ivec2(4 * layer + 1, row), 0).rgb;
            value += codes.b * texelFetch(base_rows, ivec2(4 * layer + 2, row), 0).rgb;
            value += codes.a * texelFetch(base_rows, ivec2(4 * layer + 3, row), 0).rgb;
        }
        sum += texelFetch(base_rows, ivec2(4 * LAYERS + 1, row), 0).rgb * vec3(
            decode_display(value.r, display_gain),
            decode_display(value.g, display_gain),
            decode_display(value.b, display_gain));
    }
    return sum;
}

// The share of a flash that all edges of a facet let through. away: of the texel from the facet's own; moved: of the
// pseudo light from where the facet points.
float shade_edges(uint facet, vec2 away, vec2 moved) {
    ivec2 own = fold_facet(facet) * ivec2(4, 1);
    uvec4 turns = texelFetch(facet_edges, own, 0);
    uvec4 middle = texelFetch(facet_edges, own + ivec2(1, 0), 0);
    uvec4 moves = texelFetch(facet_edges, own + ivec2(2, 0), 0);
    uvec4 offsets = texelFetch(facet_edges, own + ivec2(3, 0), 0);
    uint turn[EDGES] = uint[EDGES](turns.x, turns.y, turns.z, turns.w, middle.x, middle.y);
    uint move[EDGES] = uint[EDGES](middle.z, middle.w, moves.x, moves.y, moves.z, moves.w);
    uint offset[EDGES / 2] = uint[EDGES / 2](offsets.x, offsets.y, offsets.z);
    float share = 1.0;
    for (int e = 0; e < EDGES; ++e) {
        vec2 pair = unpack_pair(offset[e / 2], EDGE_OFFSET_STEP);
        share *= edge_share(
            ((e & 1) == 0 ? pair.x : pair.y) + dot(unpack_pair(move[e], EDGE_MOVE_STEP), moved)
            + dot(unpack_pair(turn[e], EDGE_TURN_STEP), away));
    }
    return share;
}

// What a texel sees of the first lights, over light_unit.
vec3 look(uint number, vec2 place) {
    Facet facet = read_facet(number, facet_words, facet_slopes, slope_count, slope_step);
    mat3 rays = facet_rays(facet, point_at(facet, place - facet.centre));
    int last = min(light_count, FINE_LIGHTS);
    vec3 seen = vec3(0.0);
    for (int i = 0; i < last; ++i) seen += see_light(facet, rays, light_rows, i);
    return facet.weight * seen / light_unit;
}

vec3 shade_lobes(ivec2 texel) {
    uvec2 block = texelFetch(lobe_index, ivec2(texel.x >> 3, texel.y), 0).rg;
    ivec2 first = fold(first_lobe(block.x, block.y, texel.x));  // no row ends within a texel's lobes
    int end = first.x + lobe_count(block.y, texel.x);
    vec2 place = vec2(texel);
    vec3 sum = vec3(0.0);
    for (ivec2 lobe = first; lobe.x < end; ++lobe.x) {
        uint ref = texelFetch(lobe_refs, lobe, 0).r;
        ivec2 row = fold_facet(ref);
        if (!SPARSE || texelFetch(facet_flash, row, 0).a >= 0.0) {
            vec4 cell = texelFetch(facet_places, row, 0);
            vec2 node = cell.xy + cell.zw * place;
            vec4 glow = textureLod(cell_light, node, 0.0);
            vec3 share = share_squares(ref);
            uint facet = ref & 65535u;
            if (EDGED && int(facet) < edge_count) {
                Facet own = read_facet(facet, facet_words, facet_slopes, slope_count, slope_step);
                share *= shade_edges(facet, place - own.centre, light_point - own.point);
            }
            vec3 seen = glow.rgb;
            if (glow.a > 0.0) {
                seen += (FINE ? look(facet, place)
                    : texelFetch(facet_flash, row, 0).rgb * clamp(textureLod(cell_ramp, node, 0.0).rgb, 0.0, 1.0));
            }
            sum += share * seen;
        }
    }
    return light_unit * SHARE_UNIT * sum;
}

void main() {
    // Row 0 of the stone, its top, is row 0 of the buffer, GL's bottom, so that reading back needs no flip.
    ivec2 texel = ivec2(gl_FragCoord.xy);
    uint alpha = texelFetch(alpha_codes, texel, 0).r;
    colour = vec4(0.0);
    if (alpha == 0u) return;
    // Lobes first: fewer registers are held meanwhile, and their number tells how many texels a GPU works on at once.
    vec3 sum = LOBES ? shade_lobes(texel) : vec3(0.0);
    sum += LINEAR ? shade_linear_base(texel) : shade_display_base(texel);
    colour = vec4(sum, float(alpha) / 255.0);
}
