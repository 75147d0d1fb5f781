// Provides main(): the smooth part of one texel, linear and premultiplied. The sums are told in
// geodfx/render/lighting.py. Needs display, and constants of the stone: SIZE, PLANES, LAYERS, LAYER_COLUMNS, LINEAR,
// and ALPHA_BEHIND: alpha is a plane behind the others, where these leave room in their last layer.

uniform sampler2D alpha_codes;        // but of ALPHA_BEHIND
uniform sampler2D base_planes;        // four planes a layer, layers side by side; a channel that is not there weighs 0
uniform sampler2D base_rows;          // a row a light: a weight a plane, then offset, then intensity
uniform int base_row_count;           // 1 where the base is LINEAR
uniform vec3 base_weights[PLANES];    // but of the first, which is the level
uniform vec3 base_offset;
uniform float display_gain;           // of a base that is not LINEAR

out vec4 colour;

vec4 read_planes(ivec2 texel, int layer) {
    return texelFetch(base_planes, texel + SIZE * ivec2(layer % LAYER_COLUMNS, layer / LAYER_COLUMNS), 0);
}

// A base in linear space: one row for all light, times the level, which is its first plane, 0 where nothing is covered.
vec3 shade_linear_base(ivec2 texel) {
    vec3 value = base_offset;
    float root = 0.0;
    for (int layer = 0; layer < LAYERS; ++layer) {
        vec4 codes = read_planes(texel, layer);
        if (layer == 0) root = codes.r;
        if (layer > 0) value += codes.r * base_weights[4 * layer];
        if (4 * layer + 1 < PLANES) value += codes.g * base_weights[4 * layer + 1];
        if (4 * layer + 2 < PLANES) value += codes.b * base_weights[4 * layer + 2];
        if (4 * layer + 3 < PLANES) value += codes.a * base_weights[4 * layer + 3];
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

void main() {
    // Row 0 of the stone, its top, is row 0 of the buffer, GL's bottom, so that reading back needs no flip.
    ivec2 texel = ivec2(gl_FragCoord.xy);
    float alpha = ALPHA_BEHIND ? read_planes(texel, LAYERS - 1)[PLANES % 4] : texelFetch(alpha_codes, texel, 0).r;
    colour = vec4(0.0, 0.0, 0.0, alpha);
    if (LINEAR) colour.rgb = shade_linear_base(texel);  // without a branch: texels differ, and no GPU skips one's work
    else if (alpha > 0.0) colour.rgb = shade_display_base(texel);
}
