// Provides fold().

// Where element i >= 0 of a long list lies in a texture that holds it in rows of 2^FOLD_BITS.
ivec2 fold(int i) {
    return ivec2(i & ((1 << FOLD_BITS) - 1), i >> FOLD_BITS);
}
