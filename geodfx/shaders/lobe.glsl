// Provides lobe_ramp(), lobe_response(), edge_shares().

// What lobe_response() is within 0 and 1; linear in q. Epanechnikov 1969.
// q: squared chord between lobe and light; area: the disc's; variance: of lobe and light, a coordinate.
float lobe_ramp(float q, float area, float variance) {
    float spread = 12.0 * variance;
    if (spread <= area) {
        float ramp = sqrt(area * spread);
        return 0.5 * (area + ramp - q) / ramp;
    }
    float reach = 1.5 * area + 0.5 * spread;
    return 2.0 * area / reach * (1.0 - q / reach);
}

// Share of a disc light's radiance that a lobe sees, 0 to 1. Twin of geodfx.basis, which derives it.
float lobe_response(float q, float area, float variance) {
    return clamp(lobe_ramp(q, area, variance), 0.0, 1.0);
}

// Share of a flash that six edges of its facet let through together, 0 to 1. Twin of geodfx.basis.edge_share.
// outside: how far outside each, times EDGE_FALL: a power of two, which GPUs have.
const float EDGE_FALL = 1.442695;  // one over the logarithm of 2
float edge_shares(vec3 outside, vec3 others) {
    vec3 parts = (1.0 + exp2(outside)) * (1.0 + exp2(others));
    return 1.0 / (parts.x * parts.y * parts.z);
}
