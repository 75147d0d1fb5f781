// Provides rgb9e5_decode(), unpack_offset(), unpack_width(), unpack_pair(). Twins of geodfx.codes, which tells the
// layouts.

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
