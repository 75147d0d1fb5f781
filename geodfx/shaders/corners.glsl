// Provides main(): what one texel sees through one facet whose light a rectangle's corners tell, linear; what all show
// is added up. Most of an environment is drawn so, in halves, for each lobe shows some of it.

uniform mediump sampler2D share_sheet;  // roots of shares
uniform vec2 sheet_unit;                // one over its size

in mediump vec3 flash;                  // the light
in vec2 spot;                           // of a texel's shares, column and row in their sheet

out mediump vec4 colour;

void main() {
    // Not rounded as in patch.glsl, which drivers that hold roots in 8 bits take for at most 0.004 of a whole share.
    mediump vec3 root = textureLod(share_sheet, spot * sheet_unit, 0.0).rgb;
    colour = vec4(root * root * flash, 0.0);
}
