// Provides Facet, read_facet(), point_at(), facet_rays(), see_ramp(), see_light(), see_environment(), is_far(),
// is_whole(). Twins of geodfx.render.facet_light. Needs fold, chart, unpack, lobe and environment.

// A facet as numbers; as geodfx.lobe_map.decode_facets.
struct Facet {
    vec2 point;   // where green leaves it at its centre, on the chart
    vec2 red;     // offsets from green
    vec2 blue;
    vec3 weight;
    float width;
    vec2 centre;  // texel
    vec4 slope;   // of the chart's a to the right and down, then of b
    vec2 form;
};

Facet read_facet(uint number, usampler2D words, usampler2D slopes, int slope_count, float slope_step) {
    uvec4 word = texelFetch(words, fold_facet(number), 0);
    Facet facet;
    facet.point = unpack_pair(word.x, CHART_STEP);
    facet.weight = rgb9e5_decode(word.y);
    facet.red = unpack_offset(word.z);
    facet.blue = unpack_offset(word.w);
    facet.width = unpack_width(word.z);
    facet.centre = vec2(0.0);
    facet.slope = vec4(0.0);
    facet.form = vec2(0.0);
    if (int(number) < slope_count) {
        uvec4 slope = texelFetch(slopes, fold_facet(number), 0);
        facet.centre = vec2(float(slope.x & 65535u), float(slope.x >> 16u));
        facet.slope = vec4(unpack_pair(slope.y, slope_step), unpack_pair(slope.z, slope_step));
        facet.form = unpack_pair(slope.w ^ 0x80008000u, 1.0 / 32767.0);  // a round lobe's word is 0
    }
    return facet;
}

// Where green leaves a facet, on the chart, so many texels to the right of its centre and down.
vec2 point_at(Facet facet, vec2 away) {
    return facet.point + vec2(dot(facet.slope.xy, away), dot(facet.slope.zw, away));
}

// The directions in which red, green and blue leave a facet where green leaves it at a point of the chart.
mat3 facet_rays(Facet facet, vec2 point) {
    vec2 red = point + facet.red;
    vec2 blue = point + facet.blue;
    return mat3(chart_decode(red), chart_decode(point), chart_decode(blue));
}

// As a lobe's form counts it, see formed_chord() of geodfx/basis.py.
float squared_chord(vec3 a, vec3 b, vec2 form) {
    vec3 apart = a - b;  // 2 - 2 a.b loses all digits where a light is small
    float along = dot(apart.xy, form);
    return dot(apart, apart) - along * along;
}

// How much of light i a facet sees by its rays, as lobe_ramp() has it.
vec3 see_ramp(Facet facet, mat3 rays, sampler2D rows, int i) {
    vec4 disc = texelFetch(rows, ivec2(0, i), 0);
    float variance = facet.width * facet.width + texelFetch(rows, ivec2(1, i), 0).a;
    return vec3(
        lobe_ramp(squared_chord(rays[0], disc.xyz, facet.form), disc.w, variance),
        lobe_ramp(squared_chord(rays[1], disc.xyz, facet.form), disc.w, variance),
        lobe_ramp(squared_chord(rays[2], disc.xyz, facet.form), disc.w, variance));
}

// The radiance that a facet sees of light i.
vec3 see_light(Facet facet, mat3 rays, sampler2D rows, int i) {
    return texelFetch(rows, ivec2(1, i), 0).rgb * clamp(see_ramp(facet, rays, rows, i), 0.0, 1.0);
}

// The longest chord from green's direction to red's or blue's, or more.
float fire_reach(Facet facet) {
    return 1.4143 * sqrt(max(dot(facet.red, facet.red), dot(facet.blue, facet.blue)));
}

// Whether nothing of light i is seen within a chord of where green leaves a facet at its centre.
bool is_far(Facet facet, float chord, sampler2D rows, int i) {
    vec4 disc = texelFetch(rows, ivec2(0, i), 0);
    float blur = texelFetch(rows, ivec2(1, i), 0).a;
    float farthest = sqrt(1.5 * disc.w + 6.0 * blur) + 2.4495 * facet.width + fire_reach(facet) + chord;
    return squared_chord(chart_decode(facet.point), disc.xyz, facet.form) > farthest * farthest;
}

// Whether light i is seen whole from everywhere within a chord of where green leaves a facet at its centre.
bool is_whole(Facet facet, float chord, sampler2D rows, int i) {
    vec4 disc = texelFetch(rows, ivec2(0, i), 0);
    float spread = 12.0 * (facet.width * facet.width + texelFetch(rows, ivec2(1, i), 0).a);
    float inner = disc.w - sqrt(disc.w * spread);  // up to here lobe_response() is 1
    float q = squared_chord(chart_decode(facet.point), disc.xyz, facet.form);
    float farthest = sqrt(q) + fire_reach(facet) + chord;
    return spread <= disc.w && farthest * farthest <= inner;
}

float see_channel(vec3 direction, float width, int channel, sampler2D maps, mat3 to_world) {
    vec3 world = to_world * direction;
    float seen = environment_lookup(maps, environment_level(width), channel, world.x, world.y, world.z);
    return lobe_horizon_share(direction.z, width) * seen;
}

// The radiance that a facet sees of the environment.
vec3 see_environment(Facet facet, mat3 rays, sampler2D maps, mat3 to_world) {
    return vec3(
        see_channel(rays[0], facet.width, 0, maps, to_world),
        see_channel(rays[1], facet.width, 1, maps, to_world),
        see_channel(rays[2], facet.width, 2, maps, to_world));
}
