// `noise.normal`, compiled: the mixing of keys and the look-up of its numbers. CHANNELS comes from noise.py.
#include <cstdint>

static_assert(0 < CHANNELS && CHANNELS <= 4, "64 bits are four draws of 16");

// SplitMix64's finaliser, as `noise._mix`.
static inline uint64_t mix(uint64_t z) {
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

extern "C" {
// Into (CHANNELS, points): `step` is what the draw adds to the keys.
void normal(const uint64_t *keys, uint64_t step, const float *table, float *draws, int64_t points) {
    for (int64_t p = 0; p < points; p++) {
        uint64_t bits = mix(keys[p] + step);
        for (int c = 0; c < CHANNELS; c++)
            draws[c * points + p] = table[(uint16_t)(bits >> (16 * c)) ^ 0x8000];  // it begins at the lowest int16
    }
}
}
