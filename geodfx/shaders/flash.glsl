// Provides main(): what one texel sees of one flash of a stone that tilts, linear; what all show is added up. Needs
// lobe, and LISTED: whether shares of texels are listed, else each sees all of its facets. What comes from the vertices
// is what such a pass takes longest for, so that halves are used where a thousandth is enough.

const vec3 MOST_ROOT = vec3(31.0, 63.0, 31.0);

uniform sampler2D share_sheet;        // roots of shares, of 5, 6 and 5 bits

in vec2 away;
in mediump vec4 shown;
in mediump vec4 outside;
in mediump vec4 others;
in vec2 spot;

out vec4 colour;

void main() {
    float share = edge_shares(outside.xyz, others.xyz);
    float green = others.w - dot(away, away);
    vec3 seen = shown.rgb * clamp(vec3(green + shown.a, green, green + outside.w), 0.0, 1.0);
    if (LISTED) {
        // Rounded, for some drivers hold them in 8 bits.
        vec3 root = floor(textureLod(share_sheet, spot, 0.0).rgb * MOST_ROOT + 0.5) / MOST_ROOT;
        seen *= root * root;
    }
    colour = vec4(share * seen, 0.0);
}
