// Provides main(): the light at one node of the facets' cells, over light_unit. A texel of the targets is a node of
// geodfx/render/cells.py. Needs facet.

uniform usampler2D node_facets;      // the facet of each node of the atlas; facet_count: none
uniform usampler2D facet_words;      // folded
uniform usampler2D facet_slopes;     // folded
uniform sampler2D facet_places;      // folded; where in the atlas, 0 to 1, texel t reads: place.xy + place.zw t
uniform sampler2D facet_flash;       // folded; see rims.glsl
uniform sampler2D light_rows;        // a row a light: direction, area; radiance, blur
uniform sampler2D environment_maps;  // folded
uniform int facet_count;
uniform int slope_count;             // the first facets of so many have a slope
uniform int light_count;
uniform float slope_step;
uniform vec2 cell_unit;              // one over the size of the atlas
uniform bool has_environment;
uniform bool is_sparse;              // only what facet_flash tells is seen
uniform bool is_fine;                // texels look at lights themselves where there is one
uniform float gain;                  // of the environment
uniform float light_unit;
uniform mat3 rotation;               // stone to world

layout(location = 0) out vec4 glow;  // but for lights that texels add; alpha above 0: there are some
layout(location = 1) out vec4 ramp;  // see_ramp() of the brightest: between nodes, unlike light, it is straight

void main() {
    glow = vec4(0.0);
    ramp = vec4(0.0);
    uint number = texelFetch(node_facets, ivec2(gl_FragCoord.xy), 0).r;
    if (int(number) >= facet_count) return;
    int brightest = int(texelFetch(facet_flash, fold_facet(number), 0).a) - 1;
    if (is_sparse && brightest < -1) return;
    vec4 place = texelFetch(facet_places, fold_facet(number), 0);
    Facet facet = read_facet(number, facet_words, facet_slopes, slope_count, slope_step);
    vec2 node = gl_FragCoord.xy * cell_unit;
    vec2 away = vec2(
        place.z > 0.0 ? (node.x - place.x) / place.z - facet.centre.x : 0.0,
        place.w > 0.0 ? (node.y - place.y) / place.w - facet.centre.y : 0.0);
    mat3 rays = facet_rays(facet, point_at(facet, away));
    vec3 seen = vec3(0.0);
    for (int i = 0; i < light_count; ++i) {
        bool here = is_fine ? brightest < 0 || i >= FINE_LIGHTS : i != brightest;
        if (here) seen += see_light(facet, rays, light_rows, i);
    }
    if (has_environment) seen += gain * see_environment(facet, rays, environment_maps, rotation);
    glow = vec4(facet.weight * seen / light_unit, brightest < 0 ? 0.0 : 1.0);
    if (brightest >= 0) ramp.rgb = see_ramp(facet, rays, light_rows, brightest);
}
