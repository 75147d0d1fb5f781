// Provides Rectangle, read_rectangle(): twin of geodfx/patches.py, which packs them. Needs WIDE: each has three words.

struct Rectangle {
    uint facet;
    vec2 corner;  // column and row in the picture
    vec2 sides;   // columns and rows
    vec2 spot;    // column and row in the sheet of shares
};

// The two numbers of so many bits each that a word begins with.
vec2 two(uint word, uint bits) {
    uint all = (1u << bits) - 1u;
    return vec2(float(word & all), float((word >> bits) & all));
}

Rectangle read_rectangle(uvec3 words) {
    if (WIDE) return Rectangle(words.y >> 16u, two(words.x, 16u), two(words.y, 8u), two(words.z, 16u));
    uint spot = (words.y >> 16u) | (words.x >> 26u) << 16u;
    return Rectangle(words.y & 65535u, two(words.x, 9u), two(words.x >> 18u, 4u) + 1.0, two(spot, 11u));
}
