// Provides chart_decode().

// The unit direction of the nearest point of the chart, z >= 0. Lambert 1772: an azimuthal map that keeps areas.
// Twin of geodfx.basis.
vec3 chart_decode(vec2 point) {
    float q = dot(point, point);
    float inside = min(1.0, inversesqrt(0.5 * max(q, 1e-30)));
    q = min(q, 2.0);
    float scale = inside * sqrt(1.0 - 0.25 * q);
    return vec3(point * scale, 1.0 - 0.5 * q);
}
