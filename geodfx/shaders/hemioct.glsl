// Provides hemioct_decode().

// The unit direction of a point in [-1, 1]^2; z >= 0. Cigolle 2014, hemi-octahedral map. Twin of geodfx.basis.
vec3 hemioct_decode(float u, float v) {
    float x = (u + v) * 0.5;
    float y = (u - v) * 0.5;
    float z = max(1.0 - abs(x) - abs(y), 0.0);
    return vec3(x, y, z) * (1.0 / sqrt(x * x + y * y + z * z));
}
