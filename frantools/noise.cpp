// The compiled form of noise.py: the mixing of keys, the look-up of numbers, and the sums of fields. Sums are exact in
// double, so their order does not matter. CHANNELS and TAPS come from noise.py.
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
            draws[c * points + p] = table[(uint16_t)(bits >> (16 * c)) ^ 0x8000];  // the table starts at the lowest int16
    }
}

// The field of a grid, into (CHANNELS, rows, columns), of `nodes` (CHANNELS, down, across). Each row has its first node,
// weights (TAPS) and scale, and so has each column. `line` has space for one number for each node across.
void on_grid(const float *nodes, int64_t down, int64_t across, const int64_t *top, const double *vertical,
             const double *row_scale, int64_t rows, const int64_t *left, const double *horizontal,
             const double *column_scale, int64_t columns, double *line, float *draws) {
    for (int64_t c = 0; c < CHANNELS; c++)
        for (int64_t r = 0; r < rows; r++) {
            const float *from = nodes + (c * down + top[r]) * across;
            const double *weights = vertical + r * TAPS;
            for (int64_t i = 0; i < across; i++) {
                double sum = 0;
                for (int j = 0; j < TAPS; j++) sum += weights[j] * from[j * across + i];
                line[i] = sum;
            }
            for (int64_t p = 0; p < columns; p++) {
                double sum = 0;
                for (int i = 0; i < TAPS; i++) sum += horizontal[p * TAPS + i] * line[left[p] + i];
                *draws++ = sum * row_scale[r] * column_scale[p];
            }
        }
}

// The field at single points, into (CHANNELS, points), of `nodes` (CHANNELS, count): each point's begin at its `base`,
// and the next row of them `stride` further.
void at_points(const float *nodes, int64_t count, int64_t stride, const int64_t *base, const double *vertical,
               const double *row_scale, const double *horizontal, const double *column_scale, int64_t points,
               float *draws) {
    for (int64_t c = 0; c < CHANNELS; c++)
        for (int64_t p = 0; p < points; p++) {
            const float *from = nodes + c * count + base[p];
            double line[TAPS] = {}, sum = 0;
            for (int j = 0; j < TAPS; j++)
                for (int i = 0; i < TAPS; i++) line[i] += vertical[p * TAPS + j] * from[j * stride + i];
            for (int i = 0; i < TAPS; i++) sum += horizontal[p * TAPS + i] * line[i];
            *draws++ = sum * row_scale[p] * column_scale[p];
        }
}
}
