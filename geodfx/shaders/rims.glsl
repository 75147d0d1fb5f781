// Provides main(): whether a facet sees any light, and the brightest whose rim crosses it. A texel of the target is a
// facet. Needs facet.

uniform usampler2D facet_words;   // folded
uniform usampler2D facet_slopes;  // folded
uniform sampler2D facet_spread;   // folded; how far, as a chord, a facet's directions lie from its centre's
uniform sampler2D light_rows;     // a row a light: direction, area; radiance, blur
uniform int facet_count;
uniform int slope_count;          // the first facets of so many have a slope
uniform int light_count;
uniform float slope_step;
uniform float light_unit;
uniform bool is_fine;             // texels look at lights themselves: one that all of a facet sees whole counts as well

// What the facet shows where it sees that light whole, over light_unit; one more than its number, 0: none, -1: of the
// first FINE_LIGHTS it sees none at all.
out vec4 flash;

void main() {
    flash = vec4(0.0, 0.0, 0.0, -1.0);
    ivec2 place = ivec2(gl_FragCoord.xy);
    int number = place.y * int(FACET_ROW) + place.x;
    if (number >= facet_count) return;
    float spread = texelFetch(facet_spread, place, 0).r;
    Facet facet = read_facet(uint(number), facet_words, facet_slopes, slope_count, slope_step);
    int last = min(light_count, FINE_LIGHTS);
    float most = 0.0;
    for (int i = 0; i < last; ++i) {
        if (is_far(facet, spread, light_rows, i)) continue;
        flash.a = max(flash.a, 0.0);
        if (spread == 0.0) break;
        if (!is_fine && is_whole(facet, spread, light_rows, i)) continue;
        vec3 shown = facet.weight * texelFetch(light_rows, ivec2(1, i), 0).rgb / light_unit;
        float bright = shown.r + shown.g + shown.b;
        if (bright <= most) continue;
        most = bright;
        flash = vec4(shown, float(i + 1));
    }
}
