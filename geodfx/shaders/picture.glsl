// Provides main(): what a display gets of a texel of a frame, straight alpha, its colours by the curve of sRGB. Twin of
// geodfx.render.picture.displayed_codes without bloom. Needs display.

uniform sampler2D linear_frame;       // premultiplied, Rec.709
uniform mat3 to_gamut;                // from the primaries of Rec.709 to the display's
uniform float exposure;               // what light is multiplied by
uniform bool is_filmic;               // or else clipped at white

out vec4 colour;

void main() {
    vec4 texel = texelFetch(linear_frame, ivec2(gl_FragCoord.xy), 0);
    vec3 light = to_gamut * (texel.a > 0.0 ? texel.rgb * exposure / texel.a : vec3(0.0));
    colour = vec4(encode_srgb(is_filmic ? tone_filmic(light) : light), texel.a);
}
