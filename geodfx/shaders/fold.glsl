// Provides fold(), fold_facet().

// Where element i >= 0 of a long list lies in a texture that holds it in rows of 2^FOLD_BITS.
ivec2 fold(int i) {
    return ivec2(i & ((1 << FOLD_BITS) - 1), i >> FOLD_BITS);
}

// Where a facet lies in a texture that holds facets in rows of FACET_ROW; higher bits of its number do not matter.
ivec2 fold_facet(uint number) {
    return ivec2(number % FACET_ROW, (number / FACET_ROW) % FACET_ROW);
}
