// Provides main(): the light at one node of the facets' cells, over light_unit. A texel of the targets is a node of
// geodfx/render/cells.py. Needs facet.

uniform usampler2D facet_words;      // folded
uniform usampler2D facet_slopes;     // folded
uniform sampler2D light_rows;        // a row a light: direction, area; radiance, blur
uniform sampler2D environment_maps;  // see environment.glsl
uniform int slope_count;             // the first facets of so many have a slope
uniform int light_count;
uniform float slope_step;
uniform bool has_environment;
uniform bool is_fine;                // texels look at lights themselves where there is one
uniform float gain;                  // of the environment
uniform float light_unit;
uniform mat3 rotation;               // stone to world

in vec2 away;
in float owner;
in float rim;

layout(location = 0) out vec4 glow;  // but for lights that texels add
layout(location = 1) out vec4 ramp;  // see_ramp() of the brightest: between nodes, unlike light, it is straight

void main() {
    int brightest = int(floor(rim + 0.5));
    Facet own = read_facet(uint(owner + 0.5), facet_words, facet_slopes, slope_count, slope_step);
    mat3 rays = facet_rays(own, point_at(own, away));
    vec3 seen = vec3(0.0);
    for (int i = 0; i < light_count; ++i) {
        bool here = is_fine ? brightest < 0 || i >= FINE_LIGHTS : i != brightest;
        if (here) seen += see_light(own, rays, light_rows, i);
    }
    if (has_environment) seen += gain * see_environment(own, rays, environment_maps, rotation);
    glow = vec4(own.weight * seen / light_unit, 0.0);
    ramp = vec4(0.0);
    if (brightest >= 0) ramp.rgb = see_ramp(own, rays, light_rows, brightest);
}
