// The decoder's three MLPs, a strip of points at a time: all layers of a strip, and in `sample` all steps, before the next
// strip begins, so that what lies between two of them never leaves the innermost cache. kernel.py lays out the arrays.
//
// A strip is V vectors of LANES points, and a row one number of each of them. A dense layer takes OUT outputs at a
// time: their OUT * V sums stay in registers, and a weight that is read is used for the whole strip.
#include <cstdint>

#if defined(__AVX512F__)
constexpr int LANES = 16, OUT = 8, V = 3;  // 24 sums in 32 registers
#elif defined(__AVX__)
constexpr int LANES = 8, OUT = 4, V = 3;  // 12 in 16
#else
constexpr int LANES = 4, OUT = 4, V = 4;  // 16 in 32, as on ARM
#endif
constexpr int STRIP = LANES * V;

// kernel.py compiles this file with the network's sizes: HIDDEN units in a layer, BLOCKS, and CHANNELS of a value.
static_assert(HIDDEN % OUT == 0, "a hidden layer is computed OUT outputs at a time");

typedef float vec __attribute__((vector_size(4 * LANES)));
typedef vec row[V];

// A value that is in a register from here on: it is neither read from memory again nor merged with what is done to it.
static inline vec held(vec x) {
#if defined(__AVX512F__)
    __asm__("" : "+v"(x));
#elif defined(__x86_64__)
    __asm__("" : "+x"(x));
#elif defined(__aarch64__)
    __asm__("" : "+w"(x));
#endif
    return x;
}

static inline vec relu(vec x) {
    vec zero = {};
    return zero > x ? zero : x;  // NaN propagates; in bfloat16 only if its sign is +
}

// How inputs lie in rows, how they are multiplied, and how a layer's sums become the inputs of the next.
struct Float {
    typedef float weight;
    static constexpr int INPUTS = 1;  // in a row
    static vec add(vec sum, vec x, weight w) { return sum + w * x; }
    static void store_inputs(row *y, const row *sums, int outputs) {
        for (int o = 0; o < outputs; o++)
            for (int v = 0; v < V; v++) y[o][v] = relu(sums[o][v]);
    }
};

#if defined(__AVX512BF16__)
#include <immintrin.h>
// Two bfloat16 numbers in the place of one float32; their products are summed in float32.
struct Bfloat16 {
    typedef int32_t weight;
    static constexpr int INPUTS = 2;
    static vec add(vec sum, vec x, weight w) {
        return (vec)_mm512_dpbf16_ps((__m512)sum, (__m512bh)x, (__m512bh)_mm512_set1_epi32(w));
    }
    static void store_inputs(row *y, const row *sums, int outputs) {
        // Two outputs of 16 points are rounded to one output's 16 numbers, then the other's: a point's two go together.
        alignas(64) static constexpr int16_t PLACES[32] = {
            0, 16, 1, 17, 2,  18, 3,  19, 4,  20, 5,  21, 6,  22, 7,  23,
            8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31,
        };
        const __m512i places = _mm512_load_si512(PLACES);
        for (int o = 0; o < outputs; o += 2)
            for (int v = 0; v < V; v++) {
                __m512i both = (__m512i)_mm512_cvtne2ps_pbh((__m512)sums[o + 1][v], (__m512)sums[o][v]);
                both = _mm512_permutexvar_epi16(places, both);
                y[o / 2][v] = (vec)_mm512_max_epi16(both, _mm512_setzero_si512());  // a ReLU: the sign is the same bit
            }
    }
};
#else
// Rounded as bfloat16 is, and multiplied as float32: what other processors answer, in a little more time than float32.
struct Bfloat16 : Float {
    static vec rounded(vec x) {  // to the nearest, of two the even
        typedef uint32_t bits __attribute__((vector_size(4 * LANES)));
        bits all = (bits)x;
        all = (all + 0x7FFF + (all >> 16 & 1)) & 0xFFFF0000;
        return x == x ? (vec)all : x;  // NaN propagates
    }
    static void store_inputs(row *y, const row *sums, int outputs) {
        for (int o = 0; o < outputs; o++)
            for (int v = 0; v < V; v++) y[o][v] = rounded(relu(sums[o][v]));
    }
};
#endif

// sums += weights * x, with weights in the order (input, output).
template <class Kind, int OUTPUTS>
static inline void dense(row *sums, const row *x, int inputs, const typename Kind::weight *weights) {
    for (int k = 0; k < inputs / Kind::INPUTS; k++) {
        row read;  // once: GCC would repeat it for each product, and reading would take most of the time
        for (int v = 0; v < V; v++) read[v] = held(x[k][v]);
        for (int o = 0; o < OUTPUTS; o++)
            for (int v = 0; v < V; v++) sums[o][v] = Kind::add(sums[o][v], read[v], weights[k * OUTPUTS + o]);
    }
}

// A hidden layer of HIDDEN units over HIDDEN inputs, with its ReLU.
template <class Kind>
static inline void hidden(row *y, const row *x, const typename Kind::weight *weights, const float *bias) {
    for (int first = 0; first < HIDDEN; first += OUT) {
        row sums[OUT];
        for (int o = 0; o < OUT; o++)
            for (int v = 0; v < V; v++) sums[o][v] = vec{} + bias[first + o];
        dense<Kind, OUT>(sums, x, HIDDEN, weights + first * HIDDEN / Kind::INPUTS);
        Kind::store_inputs(y + first / Kind::INPUTS, sums, OUT);
    }
}

// Each layer's weights in the order (groups of OUT outputs, inputs, outputs of the group); see `kernel._packed`.
template <class Kind>
struct Weights {
    const float *first;                   // (BLOCKS, 2 * CHANNELS inputs, HIDDEN outputs): value and sum so far
    const typename Kind::weight *hidden;  // (BLOCKS, 2, HIDDEN inputs, HIDDEN outputs)
    const float *bias;                    // (BLOCKS, 2, HIDDEN)
    const typename Kind::weight *out;     // (BLOCKS, HIDDEN inputs, CHANNELS outputs), one group
    const float *out_bias;                // (BLOCKS, CHANNELS)
};

// What a block's first layer gets for each point whatever the step: `fixed`, (strips, BLOCKS, HIDDEN, STRIP). It comes
// from `local`, (height * width, HIDDEN), the latents of a tile, which `weights`, (BLOCKS, HIDDEN inputs, HIDDEN
// outputs), read; from `columns`, (BLOCKS * HIDDEN, stride), for each x; and from `rows`, (height, BLOCKS * HIDDEN),
// for each y.
static void prepare(const float *weights, const float *columns, int64_t stride, const float *rows, const float *local,
                    float *fixed, int64_t width, int64_t height) {
    for (int64_t start = 0, points = width * height; start < points; start += STRIP) {
        int64_t count = points - start < STRIP ? points - start : STRIP;
        row x[HIDDEN] = {};
        for (int64_t p = 0; p < count; p++)
            for (int k = 0; k < HIDDEN; k++) x[k][p / LANES][p % LANES] = local[(start + p) * HIDDEN + k];
        for (int first = 0; first < BLOCKS * HIDDEN; first += OUT, fixed += OUT * STRIP) {
            for (int64_t p = 0, run; p < count; p += run) {  // a run is of one row of the tile
                int64_t column = (start + p) % width, left = width - column;
                run = count - p < left ? count - p : left;
                const float *from_row = rows + (start + p) / width * BLOCKS * HIDDEN + first;
                for (int o = 0; o < OUT; o++)
                    for (int64_t i = 0; i < run; i++)
                        fixed[o * STRIP + p + i] = columns[(first + o) * stride + column + i] + from_row[o];
            }
            row *total = (row *)fixed, sums[OUT] = {};
            dense<Float, OUT>(sums, x, HIDDEN, weights + first * HIDDEN);
            for (int o = 0; o < OUT; o++)
                for (int v = 0; v < V; v++) total[o][v] += sums[o][v];
        }
    }
}

// The blocks, one after the other, on a strip of which `read` has the value; they add to what follows it there. `time`,
// (BLOCKS, HIDDEN), is what a block's first layer gets for every point at this step.
template <class Kind>
static inline void blocks(const Weights<Kind> &w, const vec *fixed, const float *time, row *read) {
    row *total = read + CHANNELS, x[HIDDEN], y[HIDDEN];
    for (int b = 0; b < BLOCKS; b++) {
        for (int first = 0; first < HIDDEN; first += OUT) {
            row sums[OUT];
            for (int o = 0; o < OUT; o++)
                for (int v = 0; v < V; v++) sums[o][v] = *fixed++ + time[b * HIDDEN + first + o];
            dense<Float, OUT>(sums, read, 2 * CHANNELS, w.first + (b * HIDDEN + first) * 2 * CHANNELS);
            Kind::store_inputs(x + first / Kind::INPUTS, sums, OUT);
        }
        for (int layer = 0; layer < 2; layer++)
            hidden<Kind>(layer ? x : y, layer ? y : x, w.hidden + (2 * b + layer) * HIDDEN * HIDDEN / Kind::INPUTS,
                         w.bias + (2 * b + layer) * HIDDEN);
        row sums[CHANNELS];
        for (int c = 0; c < CHANNELS; c++)
            for (int v = 0; v < V; v++) sums[c][v] = vec{} + w.out_bias[b * CHANNELS + c];
        dense<Kind, CHANNELS>(sums, x, HIDDEN, w.out + b * HIDDEN * CHANNELS / Kind::INPUTS);
        for (int c = 0; c < CHANNELS; c++)
            for (int v = 0; v < V; v++) total[c][v] += sums[c][v];
    }
}

// A strip of (CHANNELS, stride) numbers, of which it has `count` points; the places of the others are 0.
static inline void load(row *to, const float *from, int64_t stride, int64_t count) {
    for (int c = 0; c < CHANNELS; c++)
        for (int64_t p = 0; p < STRIP; p++) to[c][p / LANES][p % LANES] = p < count ? from[c * stride + p] : 0;
}

static inline void store(float *to, const row *from, int64_t stride, int64_t count) {
    for (int c = 0; c < CHANNELS; c++)
        for (int64_t p = 0; p < count; p++) to[c * stride + p] = from[c][p / LANES][p % LANES];
}

static inline void start_from(row *read, const row *value, int from_value) {
    for (int c = 0; c < CHANNELS; c++)
        for (int v = 0; v < V; v++) {
            read[c][v] = value[c][v];
            read[CHANNELS + c][v] = from_value ? value[c][v] : vec{};
        }
}

// The blocks' answer at a step. `value` and `answer` are (CHANNELS, points). The blocks add to the value, or to 0.
template <class Kind>
static void decode(const Weights<Kind> &w, const vec *fixed, const float *time, const float *value, float *answer,
                   int64_t points, int from_value) {
    for (int64_t start = 0; start < points; start += STRIP, fixed += BLOCKS * HIDDEN * V) {
        int64_t count = points - start < STRIP ? points - start : STRIP;
        row x[CHANNELS], read[2 * CHANNELS];
        load(x, value + start, points, count);
        start_from(read, x, from_value);
        blocks<Kind>(w, fixed, time, read);
        store(answer + start, read + CHANNELS, points, count);
    }
}

// The numbers of a step of a sampler; see `StepCoefficients`.
struct Step {
    float root_a, root_rest;  // of alpha_bar, and of what is left to 1
    float keep, toward, sigma;
};

// The steps of a setup and its settings; see `KernelPlan`.
struct Plan {
    const Step *steps;
    int64_t count;
    int32_t from_value, velocity, ddpm, projects, clips;
    float low, high, least;  // the bounds of clipping, and the least square of a length
};

// In what follows, products are `held`: each is rounded before it is added to anything, as operations of torch are.
static inline void lengths(vec *to, const row *x, float least) {
    for (int v = 0; v < V; v++) {
        vec sum = held(x[0][v] * x[0][v]);
        for (int c = 1; c < CHANNELS; c++) sum += held(x[c][v] * x[c][v]);
        sum = sum < least ? vec{} + least : sum;  // NaN propagates
        for (int i = 0; i < LANES; i++) to[v][i] = __builtin_sqrtf(sum[i]);
    }
}

// Some steps of a sampler, all of them on a strip before the next strip begins. `value`, (CHANNELS, stride), is
// what they begin with, and what they end with. `times` is (steps, BLOCKS, HIDDEN), and `noise`, (draws, CHANNELS,
// stride), has a draw for each step whose sigma is not 0.
template <class Kind>
static void sample(const Weights<Kind> &w, const Plan &plan, const vec *fixed, const float *times, const float *noise,
                   float *value, int64_t stride, int64_t points) {
    for (int64_t start = 0; start < points; start += STRIP, fixed += BLOCKS * HIDDEN * V) {
        int64_t count = points - start < STRIP ? points - start : STRIP;
        const float *draw = noise + start;
        row x[CHANNELS];
        load(x, value + start, stride, count);
        for (int64_t m = 0; m < plan.count; m++) {
            const Step &step = plan.steps[m];
            row read[2 * CHANNELS], x0[CHANNELS], offset[CHANNELS];
            start_from(read, x, plan.from_value);
            blocks<Kind>(w, fixed, times + m * BLOCKS * HIDDEN, read);
            const row *answer = read + CHANNELS;
            for (int c = 0; c < CHANNELS; c++)
                for (int v = 0; v < V; v++) {
                    vec e = answer[c][v];
                    if (plan.velocity) e = held(x[c][v] * step.root_rest) + held(e * step.root_a);
                    x0[c][v] = (x[c][v] - held(e * step.root_rest)) / step.root_a;
                    if (plan.ddpm)
                        x[c][v] = (x[c][v] - held(e * step.toward)) / step.keep;
                    else
                        x[c][v] = held(x0[c][v] * step.keep) + held(e * step.toward);
                    offset[c][v] = x[c][v] - x0[c][v];
                }
            vec radius[V], now[V];
            if (plan.projects) lengths(radius, offset, plan.least);
            if (step.sigma > 0) {
                row z[CHANNELS];
                load(z, draw, stride, count);
                draw += CHANNELS * stride;
                for (int c = 0; c < CHANNELS; c++)
                    for (int v = 0; v < V; v++) x[c][v] += held(z[c][v] * step.sigma);
            }
            if (plan.projects) {
                for (int c = 0; c < CHANNELS; c++)
                    for (int v = 0; v < V; v++) offset[c][v] = x[c][v] - x0[c][v];
                lengths(now, offset, plan.least);
                for (int c = 0; c < CHANNELS; c++)
                    for (int v = 0; v < V; v++) x[c][v] = x0[c][v] + held(offset[c][v] * (radius[v] / now[v]));
            }
            if (plan.clips)
                for (int c = 0; c < CHANNELS; c++)
                    for (int v = 0; v < V; v++) {
                        vec raised = x[c][v] < plan.low ? vec{} + plan.low : x[c][v];
                        x[c][v] = raised > plan.high ? vec{} + plan.high : raised;
                    }
        }
        store(value + start, x, stride, count);
    }
}

extern "C" {
int strip() { return STRIP; }
int group() { return OUT; }
int pair() { return Bfloat16::INPUTS; }
void prepare_float32(const float *weights, const float *columns, int64_t stride, const float *rows, const float *local,
                     float *fixed, int64_t width, int64_t height) {
    prepare(weights, columns, stride, rows, local, fixed, width, height);
}
#define FUNCTIONS(name, Kind)                                                                                        \
    void decode_##name(Weights<Kind> *w, const vec *fixed, const float *time, const float *value, float *answer,     \
                       int64_t points, int from_value) {                                                             \
        decode(*w, fixed, time, value, answer, points, from_value);                                                  \
    }                                                                                                                \
    void sample_##name(Weights<Kind> *w, Plan *plan, const vec *fixed, const float *times, const float *noise,       \
                       float *value, int64_t stride, int64_t points) {                                               \
        sample(*w, *plan, fixed, times, noise, value, stride, points);                                               \
    }
FUNCTIONS(float32, Float)
FUNCTIONS(bfloat16, Bfloat16)
}
