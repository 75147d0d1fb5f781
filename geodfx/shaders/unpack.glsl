// Provides rgb9e5_decode(), unpack_width(), unpack_green(), unpack_direction(). Twins of geodfx.stone, which tells a
// lobe's layout. Needs hemioct.glsl.

// Red, green and blue of a shared-exponent word. OpenGL ES 3.0.6 (Khronos 2019), section 3.8.3.2.
vec3 rgb9e5_decode(uint word) {
    // 2^(exponent - 24), by its bits: exp2() need not be exact.
    float scale = uintBitsToFloat(((word >> 27u) + (127u - 24u)) << 23u);
    return vec3(float(word & 511u), float((word >> 9u) & 511u), float((word >> 18u) & 511u)) * scale;
}

// A lobe's width, a chord.
float unpack_width(uint word_2) {
    float root = float(word_2 >> 24u) / 255.0;
    return root * root * LOBE_WIDTH_MAX;
}

// Green's point on the hemi-octahedral square.
vec2 unpack_green(uint word_0) {
    float scale = 2.0 / 65535.0;
    return vec2(float(word_0 & 65535u) * scale - 1.0, float(word_0 >> 16u) * scale - 1.0);
}

// Red's (word 2) or blue's (word 3) direction from green's point on the square.
vec3 unpack_direction(float u, float v, uint offset_word) {
    float du = (float(offset_word & 4095u) - 2048.0) * LOBE_OFFSET_STEP;
    float dv = (float((offset_word >> 12u) & 4095u) - 2048.0) * LOBE_OFFSET_STEP;
    return hemioct_decode(u + du, v + dv);
}
