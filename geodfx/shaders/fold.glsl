// Provides fold_facet().

// Where a facet lies in a texture that holds facets in rows of FACET_ROW; higher bits of its number do not matter.
ivec2 fold_facet(uint number) {
    return ivec2(number % FACET_ROW, (number / FACET_ROW) % FACET_ROW);
}
