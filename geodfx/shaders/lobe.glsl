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

// Share of a flash that three edges of its facet let through together, 0 to 1. Twin of geodfx.basis.edge_share.
// inside: -29 or more, for three shares less than e^-29 have no product.
float edge_shares(vec3 inside) {
    vec3 parts = 1.0 + exp(-inside);
    return 1.0 / (parts.x * parts.y * parts.z);
}
