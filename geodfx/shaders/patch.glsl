// Provides main(): what one texel sees through one facet, linear; what all show is added up. Needs lobe, facet, and
// of the light: RIM, where rims of lights may cross facets, and FINE, where texels then look at lights themselves.

const vec3 MOST_ROOT = vec3(31.0, 63.0, 31.0);

uniform sampler2D share_sheet;        // roots of shares, of 5, 6 and 5 bits
uniform sampler2D cell_light;         // over light_unit; but for lights that texels add, whose rims cross their facet
uniform sampler2D cell_ramp;          // how much they see of the brightest of them, within 0 and 1
uniform float light_unit;
uniform int light_count;              // where FINE, the first of them are looked at
uniform usampler2D facet_words;       // folded
uniform usampler2D facet_slopes;      // folded
uniform sampler2D light_rows;         // a row a light: direction, area; radiance, blur
uniform int slope_count;              // the first facets of so many have a slope
uniform float slope_step;

in float owner;
in vec3 flash;
in vec2 spot;
in vec2 node;

out vec4 colour;

// What a texel sees of the first lights, over light_unit.
vec3 look(vec2 place) {
    Facet own = read_facet(uint(owner + 0.5), facet_words, facet_slopes, slope_count, slope_step);
    mat3 rays = facet_rays(own, point_at(own, place - own.centre));
    int last = min(light_count, FINE_LIGHTS);
    vec3 seen = vec3(0.0);
    for (int i = 0; i < last; ++i) seen += see_light(own, rays, light_rows, i);
    return own.weight * seen / light_unit;
}

void main() {
    // Rounded, for some drivers hold them in 8 bits.
    vec3 root = floor(textureLod(share_sheet, spot, 0.0).rgb * MOST_ROOT + 0.5);
    vec3 share = light_unit / (MOST_ROOT * MOST_ROOT) * root * root;
    vec3 seen = textureLod(cell_light, node, 0.0).rgb;
    if (RIM && flash != vec3(0.0)) {
        seen += FINE ? look(gl_FragCoord.xy - 0.5) : flash * clamp(textureLod(cell_ramp, node, 0.0).rgb, 0.0, 1.0);
    }
    colour = vec4(share * seen, 0.0);
}
