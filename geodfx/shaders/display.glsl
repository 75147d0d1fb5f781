// Provides decode_display(), encode_srgb(), filmic(), tone_filmic().

// Linear light of a displayed value; below 0 counts as 0. IEC 61966-2-1 (1999): a display's gamma is 2.2. Twin of
// geodfx.render.texels.
float decode_display(float shown, float gain) {
    return pow(max(shown, 0.0), DISPLAY_GAMMA) / gain;
}

// sRGB-encoded values of linear light, which is clipped to 0..1. IEC 61966-2-1. Twin of geodfx.colour.
vec3 encode_srgb(vec3 light) {
    vec3 x = clamp(light, 0.0, 1.0);
    return mix(1.055 * pow(x, vec3(1.0 / 2.4)) - 0.055, 12.92 * x, lessThanEqual(x, vec3(0.0031308)));
}

// Light of 0 or more on the filmic curve, of no headroom. Lottes 2016. Twin of geodfx.render.picture.
float filmic(float light) {
    float mid_in = pow(FILMIC_MID, FILMIC_CONTRAST);
    float white_in = pow(FILMIC_WHITE, FILMIC_CONTRAST);
    float b = (white_in * FILMIC_MID - mid_in) / ((white_in - mid_in) * FILMIC_MID);
    float c = white_in * mid_in * (1.0 - FILMIC_MID) / ((white_in - mid_in) * FILMIC_MID);
    float x = pow(min(light, FILMIC_WHITE), FILMIC_CONTRAST);
    return min(x / (b * x + c), 1.0);
}

// What a display shows of light by that curve: its brightest channel is on it, and its hue is kept, paler where it is
// bright. Twin of geodfx.render.picture.tone.
vec3 tone_filmic(vec3 light) {
    vec3 positive = max(light, 0.0);
    float peak = max(positive.r, max(positive.g, positive.b));
    if (peak == 0.0) return vec3(0.0);
    float shown = filmic(peak);
    float paleness = (1.0 - HUE_KEPT) * pow(shown, CROSSTALK);
    return shown * mix(positive / peak, vec3(1.0), paleness);
}
