// Provides main(): the light at one node of the facets' cells, over light_unit; alpha above 0 tells that texels look
// at some light themselves. A texel of the target is a node of geodfx/render/cells.py. Needs facet.

uniform usampler2D node_facets;      // the facet of each node of the atlas; facet_count: none
uniform usampler2D facet_words;      // folded
uniform usampler2D facet_slopes;     // folded
uniform sampler2D facet_places;      // folded; where texels read, a step of -1: themselves
uniform usampler2D facet_rims;       // folded; the lights at which texels look
uniform sampler2D light_rows;        // a row a light: direction, area; radiance, blur
uniform sampler2D environment_maps;  // folded
uniform int facet_count;
uniform int slope_count;             // the first facets of so many have a slope
uniform int light_count;
uniform float slope_step;
uniform bool has_environment;
uniform float gain;                  // of the environment
uniform float light_unit;
uniform mat3 rotation;               // stone to world

out vec4 glow;

void main() {
    glow = vec4(0.0);
    int number = int(texelFetch(node_facets, ivec2(gl_FragCoord.xy), 0).r);
    if (number >= facet_count) return;
    vec4 place = texelFetch(facet_places, fold(number), 0);
    uint rims = texelFetch(facet_rims, fold(number), 0).r;
    glow.a = rims == 0u && place.z >= 0.0 ? 0.0 : 1.0;
    if (place.z < 0.0) return;
    Facet facet = read_facet(number, facet_words, facet_slopes, slope_count, slope_step);
    vec2 node = floor(gl_FragCoord.xy);
    vec2 away = vec2(
        place.z > 0.0 ? (node.x - place.x) / place.z - facet.centre.x : 0.0,
        place.w > 0.0 ? (node.y - place.y) / place.w - facet.centre.y : 0.0);
    vec2 point = point_at(facet, away);
    vec3 seen = vec3(0.0);
    for (int i = 0; i < light_count; ++i) {
        if (i < FINE_LIGHTS && ((rims >> uint(i)) & 1u) != 0u) continue;
        seen += see_light(facet, point, light_rows, i);
    }
    if (has_environment) seen += gain * see_environment(facet, point, environment_maps, rotation);
    glow.rgb = facet.weight * seen / light_unit;
}
