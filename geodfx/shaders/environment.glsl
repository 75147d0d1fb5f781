// Provides oct_encode(), environment_level(), environment_tap(), environment_lookup(), lobe_horizon_share(). Twins of
// geodfx.render.environment. Needs fold.glsl.

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

// One level's radiance at a point of the square, bilinear.
float environment_tap(sampler2D maps, int level, int channel, float u, float v) {
    int size = ENVIRONMENT_SIZE >> level;
    int start = 4 * (ENVIRONMENT_SIZE * ENVIRONMENT_SIZE - size * size) / 3;  // of a geometric series of maps
    float x = (u * 0.5 + 0.5) * float(size - 1);
    float y = (v * 0.5 + 0.5) * float(size - 1);
    int column = clamp(int(x), 0, size - 2);
    int row = clamp(int(y), 0, size - 2);
    float fx = x - float(column);
    float fy = y - float(row);
    int i = start + row * size + column;
    ivec2 upper = fold(i);  // a map's row lies in one of the texture's: sizes and starts are multiples of each other
    ivec2 lower = fold(i + size);
    float a = texelFetch(maps, upper, 0)[channel];
    float b = texelFetch(maps, upper + ivec2(1, 0), 0)[channel];
    float c = texelFetch(maps, lower, 0)[channel];
    float d = texelFetch(maps, lower + ivec2(1, 0), 0)[channel];
    float above = a + (b - a) * fx;
    float below = c + (d - c) * fx;
    return above + (below - above) * fy;
}

// The radiance that a lobe in world direction (x, y, z), of the width of `level`, sees in one channel.
float environment_lookup(sampler2D maps, float level, int channel, float x, float y, float z) {
    vec2 point = oct_encode(x, y, z);
    int low = min(int(level), ENVIRONMENT_LEVELS - 2);
    float part = level - float(low);
    float fine = environment_tap(maps, low, channel, point.x, point.y);
    float coarse = environment_tap(maps, low + 1, channel, point.x, point.y);
    return fine + (coarse - fine) * part;
}

// Share of a lobe's kernel above the stone's horizon, for z of its direction.
float lobe_horizon_share(float z, float width) {
    float narrowest = LOBE_WIDTH_MAX / float(1 << (ENVIRONMENT_LEVELS - 1));
    float height = sqrt(6.0) * max(width, narrowest);
    return clamp(0.5 + 0.5 * z / height, 0.0, 1.0);
}
