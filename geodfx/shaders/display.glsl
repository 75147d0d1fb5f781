// Provides decode_display().

// Linear light of a displayed value; below 0 counts as 0. IEC 61966-2-1 (1999): a display's gamma is 2.2. Twin of
// geodfx.render.cpu.
float decode_display(float shown, float gain) {
    return pow(max(shown, 0.0), DISPLAY_GAMMA) / gain;
}
