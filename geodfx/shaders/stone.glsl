// Provides main(): the colour of one texel, linear and premultiplied. The sums are told in geodfx/render/lighting.py.
// Needs fold, hemioct, unpack, lobe, display and environment.

uniform usampler2D alpha_codes;
uniform usampler2DArray base_codes;   // a layer a term
uniform usampler2D lobe_start;        // folded
uniform usampler2D lobe_words;        // folded
uniform sampler2D base_rows;          // a row a light: a weight a term, then offset, then intensity
uniform sampler2D light_rows;         // a row a light: direction, area; radiance, blur
uniform sampler2D environment_maps;   // folded
uniform int base_row_count;
uniform int term_count;
uniform int light_count;
uniform bool has_lobes;
uniform bool has_environment;
uniform float display_gain;           // 0: the base is in linear space
uniform float gain;                   // of the environment
uniform mat3 rotation;                // stone to world

out vec4 colour;

vec3 shade_base(ivec2 texel, usampler2DArray codes, sampler2D rows, int row_count, int terms, float curve_gain) {
    vec3 sum = vec3(0.0);
    for (int row = 0; row < row_count; ++row) {
        vec3 value = texelFetch(rows, ivec2(terms, row), 0).rgb;
        for (int term = 0; term < terms; ++term) {
            value += vec3(texelFetch(codes, ivec3(texel, term), 0).rgb) * texelFetch(rows, ivec2(term, row), 0).rgb;
        }
        value = max(value, vec3(0.0));
        if (curve_gain > 0.0) {
            value = vec3(
                decode_display(value.r, curve_gain),
                decode_display(value.g, curve_gain),
                decode_display(value.b, curve_gain));
        }
        sum += texelFetch(rows, ivec2(terms + 1, row), 0).rgb * value;
    }
    return sum;
}

float squared_chord(vec3 a, vec3 b) {
    vec3 apart = a - b;  // 2 - 2 a.b loses all digits where a light is small
    return dot(apart, apart);
}

vec3 shade_lights(vec3 red, vec3 green, vec3 blue, float width, sampler2D rows, int count) {
    vec3 sum = vec3(0.0);
    for (int i = 0; i < count; ++i) {
        vec4 disc = texelFetch(rows, ivec2(0, i), 0);
        vec4 light = texelFetch(rows, ivec2(1, i), 0);
        float variance = width * width + light.a;
        sum += light.rgb * vec3(
            lobe_response(squared_chord(red, disc.xyz), disc.w, variance),
            lobe_response(squared_chord(green, disc.xyz), disc.w, variance),
            lobe_response(squared_chord(blue, disc.xyz), disc.w, variance));
    }
    return sum;
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
    vec3 sum = shade_base(texel, base_codes, base_rows, base_row_count, term_count, display_gain);
    if (has_lobes) {
        int index = texel.y * textureSize(alpha_codes, 0).x + texel.x;
        int end = int(texelFetch(lobe_start, fold(index + 1), 0).r);
        for (int lobe = int(texelFetch(lobe_start, fold(index), 0).r); lobe < end; ++lobe) {
            uvec4 words = texelFetch(lobe_words, fold(lobe), 0);
            vec2 point = unpack_green(words.x);
            vec3 red = unpack_direction(point.x, point.y, words.z);
            vec3 green = hemioct_decode(point.x, point.y);
            vec3 blue = unpack_direction(point.x, point.y, words.w);
            float width = unpack_width(words.z);
            vec3 seen = shade_lights(red, green, blue, width, light_rows, light_count);
            if (has_environment) {
                seen += gain * vec3(
                    shade_environment(red, width, 0, environment_maps, rotation),
                    shade_environment(green, width, 1, environment_maps, rotation),
                    shade_environment(blue, width, 2, environment_maps, rotation));
            }
            sum += rgb9e5_decode(words.y) * seen;
        }
    }
    colour = vec4(sum, float(alpha) / 255.0);
}
