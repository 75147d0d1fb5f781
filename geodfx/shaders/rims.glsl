// Provides main(): the lights whose rims cross one facet, a bit each; a texel of the target is a facet. Needs facet.

uniform usampler2D facet_words;   // folded
uniform usampler2D facet_slopes;  // folded
uniform sampler2D facet_spread;   // folded; how far, as a chord, a facet's directions lie from its centre's
uniform sampler2D light_rows;     // a row a light: direction, area; radiance, blur
uniform int facet_count;
uniform int slope_count;          // the first facets of so many have a slope
uniform int light_count;
uniform float slope_step;

out uvec4 rims;

void main() {
    rims = uvec4(0u);
    int number = (int(gl_FragCoord.y) << FOLD_BITS) + int(gl_FragCoord.x);
    if (number >= facet_count) return;
    float spread = texelFetch(facet_spread, fold(number), 0).r;
    if (spread == 0.0) return;
    Facet facet = read_facet(number, facet_words, facet_slopes, slope_count, slope_step);
    int last = min(light_count, FINE_LIGHTS);
    for (int i = 0; i < last; ++i) {
        if (!is_far(facet, spread, light_rows, i) && !is_whole(facet, spread, light_rows, i)) rims.r |= 1u << uint(i);
    }
}
