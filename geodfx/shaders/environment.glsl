// Provides oct_encode(), environment_level(), environment_tap(), environment_lookup(), lobe_horizon_share(). Twins of
// geodfx.render.environment. Maps are a texture of `lay_maps` that is read linearly.

// The point in [-1, 1]^2 of a direction, not 0. Cigolle 2014, octahedral map.
vec2 oct_encode(float x, float y, float z) {
    float scale = 1.0 / (abs(x) + abs(y) + abs(z));
    float u = x * scale;
    float v = y * scale;
    if (z >= 0.0) return vec2(u, v);
    // sign() is 0 at 0, where the fold needs a side.
    return vec2((1.0 - abs(v)) * (u >= 0.0 ? 1.0 : -1.0), (1.0 - abs(u)) * (v >= 0.0 ? 1.0 : -1.0));
}

// The level, 0 to ENVIRONMENT_LEVELS - 1, whose blur is nearest to a width; between two, a fraction.
float environment_level(float width) {
    float top = float(ENVIRONMENT_LEVELS - 1);
    return clamp(top + log2(max(width, 1e-6) / LOBE_WIDTH_MAX), 0.0, top);
}

// The radiance of the level whose map has sides of `size` texels at a point of the square, bilinear.
float environment_tap(sampler2D maps, float size, int channel, vec2 point) {
    const float WHOLE = float(ENVIRONMENT_SIZE);
    vec2 corner = vec2(size < WHOLE ? WHOLE : 0.0, max(WHOLE - 2.0 * size, 0.0));
    vec2 texel = corner + (point * 0.5 + 0.5) * (size - 1.0) + 0.5;  // centres reach the square's border
    return textureLod(maps, texel / vec2(1.5 * WHOLE, WHOLE), 0.0)[channel];
}

// The radiance that a lobe in world direction (x, y, z), of the width of `level`, sees in one channel.
float environment_lookup(sampler2D maps, float level, int channel, float x, float y, float z) {
    vec2 point = oct_encode(x, y, z);
    int low = min(int(level), ENVIRONMENT_LEVELS - 2);
    float part = level - float(low);
    float size = float(ENVIRONMENT_SIZE >> low);  // exp2() need not be exact
    float fine = environment_tap(maps, size, channel, point);
    float coarse = environment_tap(maps, 0.5 * size, channel, point);
    return fine + (coarse - fine) * part;
}

// Share of a lobe's kernel above the stone's horizon, for z of its direction.
float lobe_horizon_share(float z, float width) {
    float narrowest = LOBE_WIDTH_MAX / float(1 << (ENVIRONMENT_LEVELS - 1));
    float height = sqrt(6.0) * max(width, narrowest);
    return clamp(0.5 + 0.5 * z / height, 0.0, 1.0);
}
