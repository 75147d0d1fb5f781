// Provides chart_decode(), chart_point().

// The unit direction of the nearest point of the chart, z >= 0. Lambert 1772: an azimuthal map that keeps areas.
// Twin of geodfx.basis.
vec3 chart_decode(float a, float b) {
    float q = a * a + b * b;
    float inside = min(1.0, inversesqrt(0.5 * max(q, 1e-30)));
    q = min(q, 2.0);
    float scale = inside * sqrt(1.0 - 0.25 * q);
    return vec3(a * scale, b * scale, 1.0 - 0.5 * q);
}

// The point whose chords to others tell how far a direction of the chart lies from theirs. Twin of geodfx.basis.
vec3 chart_point(vec2 point, bool flat_facets) {
    return flat_facets ? vec3(point, 1.0) : chart_decode(point.x, point.y);
}
