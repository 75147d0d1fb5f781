// Provides rgb9e5_decode(), unpack_offset(), unpack_width(), unpack_pair(), share_squares(),
// unpack_share(), lobe_count() and first_lobe(). Twins of geodfx.codes, which tells the layouts.

// Red, green and blue of a shared-exponent word. OpenGL ES 3.0.6 (Khronos 2019), section 3.8.3.2.
vec3 rgb9e5_decode(uint word) {
    // 2^(exponent - 24), by its bits: exp2() need not be exact.
    float scale = uintBitsToFloat(((word >> 27u) + (127u - 24u)) << 23u);
    return vec3(float(word & 511u), float((word >> 9u) & 511u), float((word >> 18u) & 511u)) * scale;
}

// Red's (word 2) or blue's (word 3) offset on the chart.
vec2 unpack_offset(uint word) {
    return vec2(float(word & 4095u) - 2048.0, float((word >> 12u) & 4095u) - 2048.0) * LOBE_OFFSET_STEP;
}

// A facet's width (word 2) or doubt (word 3), a chord.
float unpack_width(uint word) {
    float root = float(word >> 24u) / 255.0;
    return root * root * LOBE_WIDTH_MAX;
}

// A point on the chart, in CHART_STEPs, or a slope to the right and down.
vec2 unpack_pair(uint word, float unit) {
    return vec2(float(word & 65535u) - 32768.0, float(word >> 16u) - 32768.0) * unit;
}

// A lobe's shares of its facet's weights, over SHARE_UNIT. Codes are left at their bits: a sum of lobes needs one
// multiplication by the unit, not a shift and a division each.
const uvec3 SHARE_LARGEST = uvec3(31u << 16u, 63u << 21u, 31u);
const vec3 SHARE_UNIT = 1.0 / (vec3(SHARE_LARGEST) * vec3(SHARE_LARGEST));
vec3 share_squares(uint lobe) {
    vec3 codes = vec3(float(lobe & SHARE_LARGEST.r), float(lobe & SHARE_LARGEST.g), float(lobe >> 27u));
    return codes * codes;
}

// A lobe's shares of its facet's weights, 0 to 1.
vec3 unpack_share(uint lobe) {
    return share_squares(lobe) * SHARE_UNIT;
}

// How many lobes the texel of a column has, from its block's counts.
int lobe_count(uint counts, int column) {
    return int((counts >> uint(4 * (column & 7))) & 15u);
}

// Where the lobes of the texel of a column start: after those of the texels before it in its block.
int first_lobe(uint start, uint counts, int column) {
    uint before = counts & ((1u << uint(4 * (column & 7))) - 1u);
    uint pairs = (before & 0x0F0F0F0Fu) + ((before >> 4u) & 0x0F0F0F0Fu);
    return int(start + ((pairs * 0x01010101u) >> 24u));
}
