// Provides main(): the colour of one texel, linear and premultiplied. The sums are told in geodfx/render/lighting.py.
// Needs fold, chart, unpack, lobe, display and environment.

uniform usampler2D alpha_codes;
uniform sampler2DArray base_planes;   // four planes a layer; a channel that is not there weighs 0
uniform usampler2D lobe_index;        // a column eight texels
uniform usampler2D lobe_refs;         // folded
uniform usampler2D facet_words;       // folded
uniform usampler2D facet_slopes;      // folded
uniform usampler2D facet_edges;       // folded, four a facet
uniform sampler2D base_rows;          // a row a light: a weight a plane, then offset, then intensity
uniform sampler2D light_rows;         // a row a light: direction, area; radiance, blur
uniform sampler2D environment_maps;   // folded
uniform int base_row_count;
uniform int layer_count;
uniform int light_count;
uniform int slope_count;              // the first facets of so many have a slope
uniform int edge_count;               // the first facets of so many have edges
uniform vec2 light_point;             // on the chart: the one pseudo light of a stone that tilts
uniform float slope_step;
uniform bool has_level;               // the first plane is a texel's level
uniform bool has_lobes;
uniform bool has_environment;
uniform float display_gain;           // 0: the base is in linear space
uniform float gain;                   // of the environment
uniform mat3 rotation;                // stone to world

out vec4 colour;

vec3 shade_base(ivec2 texel, sampler2DArray planes, sampler2D rows, int row_count, int layers, float curve_gain) {
    vec3 sum = vec3(0.0);
    for (int row = 0; row < row_count; ++row) {
        vec3 value = texelFetch(rows, ivec2(4 * layers, row), 0).rgb;
        for (int layer = 0; layer < layers; ++layer) {
            vec4 codes = texelFetch(planes, ivec3(texel, layer), 0);
            value += codes.r * texelFetch(rows, ivec2(4 * layer, row), 0).rgb;
            value += codes.g * texelFetch(rows, ivec2(4 * layer + 1, row), 0).rgb;
            value += codes.b * texelFetch(rows, ivec2(4 * layer + 2, row), 0).rgb;
            value += codes.a * texelFetch(rows, ivec2(4 * layer + 3, row), 0).rgb;
        }
        value = max(value, vec3(0.0));
        if (curve_gain > 0.0) {
            value = vec3(
                decode_display(value.r, curve_gain),
                decode_display(value.g, curve_gain),
                decode_display(value.b, curve_gain));
        }
        sum += texelFetch(rows, ivec2(4 * layers + 1, row), 0).rgb * value;
    }
    return sum;
}

// As a lobe's form counts it, see formed_chord() of geodfx/basis.py.
float squared_chord(vec3 a, vec3 b, vec2 form) {
    vec3 apart = a - b;  // 2 - 2 a.b loses all digits where a light is small
    float along = dot(apart.xy, form);
    return dot(apart, apart) - along * along;
}

vec3 shade_lights(vec3 red, vec3 green, vec3 blue, float width, vec2 form, sampler2D rows, int count) {
    vec3 sum = vec3(0.0);
    for (int i = 0; i < count; ++i) {
        vec4 disc = texelFetch(rows, ivec2(0, i), 0);
        vec4 light = texelFetch(rows, ivec2(1, i), 0);
        float variance = width * width + light.a;
        sum += light.rgb * vec3(
            lobe_response(squared_chord(red, disc.xyz, form), disc.w, variance),
            lobe_response(squared_chord(green, disc.xyz, form), disc.w, variance),
            lobe_response(squared_chord(blue, disc.xyz, form), disc.w, variance));
    }
    return sum;
}

// The share of a flash that all edges of a facet let through. away: of the texel from the facet's own; moved: of the
// pseudo light from where the facet points.
float shade_edges(int facet, vec2 away, vec2 moved, usampler2D words) {
    uvec4 turns = texelFetch(words, fold(4 * facet), 0);
    uvec4 middle = texelFetch(words, fold(4 * facet + 1), 0);
    uvec4 moves = texelFetch(words, fold(4 * facet + 2), 0);
    uvec4 offsets = texelFetch(words, fold(4 * facet + 3), 0);
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

float shade_environment(vec3 direction, float width, int channel, sampler2D maps, mat3 to_world) {
    vec3 world = to_world * direction;
    float seen = environment_lookup(maps, environment_level(width), channel, world.x, world.y, world.z);
    return lobe_horizon_share(direction.z, width) * seen;
}

void main() {
    // Row 0 of the stone, its top, is row 0 of the buffer, GL's bottom, so that reading back needs no flip.
    ivec2 texel = ivec2(gl_FragCoord.xy);
    uint alpha = texelFetch(alpha_codes, texel, 0).r;
    colour = vec4(0.0);
    if (alpha == 0u) return;
    vec3 sum = shade_base(texel, base_planes, base_rows, base_row_count, layer_count, display_gain);
    if (has_level) {
        float root = texelFetch(base_planes, ivec3(texel, 0), 0).r;
        sum *= root * root * root;
    }
    if (has_lobes) {
        uvec2 block = texelFetch(lobe_index, ivec2(texel.x >> 3, texel.y), 0).rg;
        int first = first_lobe(block.x, block.y, texel.x);
        int end = first + lobe_count(block.y, texel.x);
        for (int lobe = first; lobe < end; ++lobe) {
            uint ref = texelFetch(lobe_refs, fold(lobe), 0).r;
            int facet = int(ref & 65535u);
            uvec4 words = texelFetch(facet_words, fold(facet), 0);
            vec2 point = unpack_pair(words.x, CHART_STEP);
            vec2 form = vec2(0.0);
            float inside = 1.0;
            if (facet < slope_count) {
                uvec4 slopes = texelFetch(facet_slopes, fold(facet), 0);
                vec2 away = vec2(float(texel.x) - float(slopes.x & 65535u), float(texel.y) - float(slopes.x >> 16u));
                if (facet < edge_count) inside = shade_edges(facet, away, light_point - point, facet_edges);
                point += vec2(
                    dot(unpack_pair(slopes.y, slope_step), away),
                    dot(unpack_pair(slopes.z, slope_step), away));
                form = unpack_pair(slopes.w ^ 0x80008000u, 1.0 / 32767.0);  // a round lobe's word is 0
            }
            vec2 red_point = point + unpack_offset(words.z);
            vec2 blue_point = point + unpack_offset(words.w);
            vec3 red = chart_decode(red_point.x, red_point.y);
            vec3 green = chart_decode(point.x, point.y);
            vec3 blue = chart_decode(blue_point.x, blue_point.y);
            float width = unpack_width(words.z);
            vec3 seen = shade_lights(red, green, blue, width, form, light_rows, light_count);
            if (has_environment) {
                seen += gain * vec3(
                    shade_environment(red, width, 0, environment_maps, rotation),
                    shade_environment(green, width, 1, environment_maps, rotation),
                    shade_environment(blue, width, 2, environment_maps, rotation));
            }
            sum += inside * unpack_share(ref) * rgb9e5_decode(words.y) * seen;
        }
    }
    colour = vec4(sum, float(alpha) / 255.0);
}
