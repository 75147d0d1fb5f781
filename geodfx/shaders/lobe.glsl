// Provides lobe_response(), edge_share().

// Share of a disc light's radiance that a lobe sees, 0 to 1. Epanechnikov 1969. Twin of geodfx.basis, which derives it.
// q: squared chord between lobe and light; area: the disc's; variance: of lobe and light, a coordinate.
float lobe_response(float q, float area, float variance) {
    float spread = 12.0 * variance;
    if (spread <= area) {
        float ramp = sqrt(area * spread);
        if (q <= area - ramp) return 1.0;
        return max(0.0, 0.5 * (area + ramp - q) / ramp);
    }
    float reach = 1.5 * area + 0.5 * spread;
    return max(0.0, 2.0 * area / reach * (1.0 - q / reach));
}

// Share of a flash that an edge of its facet lets through, 0 to 1. Twin of geodfx.basis.
float edge_share(float inside) {
    return 1.0 / (1.0 + exp(-max(inside, -40.0)));
}
