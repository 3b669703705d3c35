/* train.c - a small but real training run, for trying a queue with.
 *
 *     train TEXT [--steps N] [--lr X] [--hidden N] [--seed N] [--checkpoint FILE] [--fail-once FILE]
 *
 * Learns to predict the next byte of TEXT from the CONTEXT bytes before it: a table of byte vectors,
 * one hidden layer, a softmax, plain stochastic gradient descent (after Bengio et al., "A neural
 * probabilistic language model", 2003).  Every tenth of the text is held out; what is printed is the
 * loss on it in bits per byte, so "it learns" is a number that falls.
 *
 * Behaves as a good batch job does: prints progress and its result in lines a scheduler can read,
 * writes a checkpoint and exits with 0x80 + SIGTERM when told to stop, goes on from the checkpoint
 * when it is started again.  The same seed gives the same figures, with or without interruption.
 *
 * --fail-once FILE: the first run creates FILE and exits 1 half way (to show a retry).
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <math.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BYTES = 256, CONTEXT = 6, VECTOR = 12, HIDDEN_MAX = 256, TEXT_MAX = 4 << 20, BATCH = 16 };

struct model {
    char magic[8];
    uint32_t hidden, step;
    uint64_t luck;
    float loss_seen; /* running training loss, bits per byte */
    float vectors[BYTES][VECTOR];
    float in[HIDDEN_MAX][CONTEXT * VECTOR], in_bias[HIDDEN_MAX];
    float out[BYTES][HIDDEN_MAX], out_bias[BYTES];
};

struct options {
    const char *text, *checkpoint, *fail_once;
    unsigned long steps, hidden, seed;
    float rate;
};

static volatile sig_atomic_t stop_asked;

static void ask_stop(int signal)
{
    stop_asked = signal;
}

static uint64_t draw(uint64_t *luck)
{
    uint64_t z = (*luck += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static float draw_weight(uint64_t *luck, float scale)
{
    return ((float)(draw(luck) >> 40) / (float)(1 << 24) - 0.5f) * 2 * scale;
}

static void model_init(struct model *m, const struct options *o)
{
    memset(m, 0, sizeof *m);
    memcpy(m->magic, "eoultr1", 8);
    m->hidden = (uint32_t)o->hidden;
    m->luck = o->seed;
    m->loss_seen = 8;
    for (int b = 0; b < BYTES; b++)
        for (int v = 0; v < VECTOR; v++)
            m->vectors[b][v] = draw_weight(&m->luck, 0.5f);
    for (uint32_t h = 0; h < m->hidden; h++)
        for (int i = 0; i < CONTEXT * VECTOR; i++)
            m->in[h][i] = draw_weight(&m->luck, 0.15f);
    for (int b = 0; b < BYTES; b++)
        for (uint32_t h = 0; h < m->hidden; h++)
            m->out[b][h] = draw_weight(&m->luck, 0.05f);
}

/* Probability of every next byte after text[at - CONTEXT .. at); keeps the hidden layer. */
static void predict(const struct model *m, const unsigned char *text, size_t at, float *hidden,
                    float *chance)
{
    for (uint32_t h = 0; h < m->hidden; h++) {
        float sum = m->in_bias[h];
        for (int c = 0; c < CONTEXT; c++)
            for (int v = 0; v < VECTOR; v++)
                sum += m->in[h][c * VECTOR + v] * m->vectors[text[at - CONTEXT + (size_t)c]][v];
        hidden[h] = tanhf(sum);
    }
    float most = -1e30f, total = 0;
    for (int b = 0; b < BYTES; b++) {
        float sum = m->out_bias[b];
        for (uint32_t h = 0; h < m->hidden; h++)
            sum += m->out[b][h] * hidden[h];
        chance[b] = sum;
        most = sum > most ? sum : most;
    }
    for (int b = 0; b < BYTES; b++)
        total += chance[b] = expf(chance[b] - most);
    for (int b = 0; b < BYTES; b++)
        chance[b] /= total;
}

/* One step of gradient descent on one position; returns its loss in bits. */
static float learn(struct model *m, const unsigned char *text, size_t at, float rate)
{
    static float hidden[HIDDEN_MAX], chance[BYTES], back[HIDDEN_MAX];
    predict(m, text, at, hidden, chance);
    float loss = -log2f(chance[text[at]] + 1e-12f);
    memset(back, 0, sizeof back);
    for (int b = 0; b < BYTES; b++) {
        float error = chance[b] - (b == text[at] ? 1.0f : 0.0f);
        if (fabsf(error) < 1e-5f)
            continue;
        m->out_bias[b] -= rate * error;
        for (uint32_t h = 0; h < m->hidden; h++) {
            back[h] += error * m->out[b][h];
            m->out[b][h] -= rate * error * hidden[h];
        }
    }
    for (uint32_t h = 0; h < m->hidden; h++) {
        float slope = rate * back[h] * (1 - hidden[h] * hidden[h]);
        m->in_bias[h] -= slope;
        for (int c = 0; c < CONTEXT; c++) {
            float *vector = m->vectors[text[at - CONTEXT + (size_t)c]];
            for (int v = 0; v < VECTOR; v++) {
                float weight = m->in[h][c * VECTOR + v];
                m->in[h][c * VECTOR + v] -= slope * vector[v];
                vector[v] -= slope * weight;
            }
        }
    }
    return loss;
}

/* Every tenth block of the text is never learned from. */
static bool held_out(size_t at) { return at / 64 % 10 == 9; }

static float held_out_loss(const struct model *m, const unsigned char *text, size_t len)
{
    static float hidden[HIDDEN_MAX], chance[BYTES];
    float total = 0;
    unsigned count = 0;
    for (size_t at = CONTEXT; at < len && count < 4000; at++) {
        if (!held_out(at))
            continue;
        predict(m, text, at, hidden, chance);
        total += -log2f(chance[text[at]] + 1e-12f);
        count++;
    }
    return count ? total / (float)count : 0;
}

static int checkpoint_write(const struct model *m, const char *path)
{
    char temporary[4096];
    if (snprintf(temporary, sizeof temporary, "%s.new", path) >= (int)sizeof temporary)
        return -1;
    FILE *file = fopen(temporary, "wb");
    if (!file)
        return -1;
    bool ok = fwrite(m, sizeof *m, 1, file) == 1 && fflush(file) == 0 && fsync(fileno(file)) == 0;
    ok = fclose(file) == 0 && ok;
    return ok && rename(temporary, path) == 0 ? 0 : -1;
}

static bool checkpoint_read(struct model *m, const char *path, const struct options *o)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return false;
    bool ok = fread(m, sizeof *m, 1, file) == 1 && memcmp(m->magic, "eoultr1", 8) == 0 &&
              m->hidden == o->hidden;
    fclose(file);
    return ok;
}

static unsigned long number(const char *name, const char *text, unsigned long most)
{
    char *end;
    errno = 0;
    unsigned long value = strtoul(text, &end, 10);
    if (errno || *end || end == text || value == 0 || value > most) {
        fprintf(stderr, "train: --%s=%s: write a whole number from 1 to %lu\n", name, text, most);
        exit(2);
    }
    return value;
}

static void read_options(int argc, char **argv, struct options *o)
{
    static const struct option names[] = {
        { "steps", required_argument, 0, 's' },      { "lr", required_argument, 0, 'l' },
        { "hidden", required_argument, 0, 'h' },     { "seed", required_argument, 0, 'e' },
        { "checkpoint", required_argument, 0, 'c' }, { "fail-once", required_argument, 0, 'f' },
        { 0 },
    };
    *o = (struct options){ .steps = 20000, .hidden = 64, .seed = 1, .rate = 0.05f };
    for (int c; (c = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        switch (c) {
        case 's': o->steps = number("steps", optarg, 1000000000); break;
        case 'h': o->hidden = number("hidden", optarg, HIDDEN_MAX); break;
        case 'e': o->seed = number("seed", optarg, UINT32_MAX); break;
        case 'l': {
            char *end;
            o->rate = strtof(optarg, &end);
            if (*end || end == optarg || !(o->rate > 0) || o->rate > 10) {
                fprintf(stderr, "train: --lr=%s: write a number above 0 and at most 10\n", optarg);
                exit(2);
            }
            break;
        }
        case 'c': o->checkpoint = optarg; break;
        case 'f': o->fail_once = optarg; break;
        default: exit(2);
        }
    }
    if (optind + 1 != argc) {
        fprintf(stderr, "usage: train TEXT [--steps N] [--lr X] [--hidden N] [--seed N] "
                        "[--checkpoint FILE] [--fail-once FILE]\n");
        exit(2);
    }
    o->text = argv[optind];
}

static size_t read_text(const char *path, unsigned char *text)
{
    FILE *file = fopen(path, "rb");
    size_t len = file ? fread(text, 1, TEXT_MAX, file) : 0;
    if (!file || ferror(file) || len < 1000) {
        fprintf(stderr, "train: %s: %s\n", path,
                file && !ferror(file) ? "too short to learn from; give at least 1,000 bytes of text"
                                      : strerror(errno));
        exit(1);
    }
    fclose(file);
    return len;
}

/* The flag file is made the first time only, so only the first run fails. */
static bool fails_now(const struct options *o, unsigned long step)
{
    if (!o->fail_once || step != o->steps / 2)
        return false;
    int fd = open(o->fail_once, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    close(fd);
    return true;
}

int main(int argc, char **argv)
{
    static unsigned char text[TEXT_MAX];
    static struct model model;
    struct options o;
    read_options(argc, argv, &o);
    size_t len = read_text(o.text, text);
    setvbuf(stdout, NULL, _IOLBF, 0);

    struct sigaction on_term = { .sa_handler = ask_stop };
    sigaction(SIGTERM, &on_term, NULL);
    sigaction(SIGINT, &on_term, NULL);

    if (o.checkpoint && checkpoint_read(&model, o.checkpoint, &o))
        printf("going on from step %u\n", model.step);
    else
        model_init(&model, &o);

    for (; model.step < o.steps; model.step++) {
        if (stop_asked) {
            bool kept = o.checkpoint && checkpoint_write(&model, o.checkpoint) == 0;
            printf("stopped at step %u, checkpoint %s\n", model.step, kept ? "written" : "not written");
            return 128 + stop_asked;
        }
        if (fails_now(&o, model.step)) {
            fprintf(stderr, "train: failing once at step %u, as asked\n", model.step);
            return 1;
        }
        float rate = o.rate * (1 - 0.9f * (float)model.step / (float)o.steps);
        for (int i = 0; i < BATCH; i++) {
            size_t at;
            do
                at = CONTEXT + draw(&model.luck) % (len - CONTEXT);
            while (held_out(at));
            model.loss_seen += 0.0005f * (learn(&model, text, at, rate) - model.loss_seen);
        }
        if (model.step % (o.steps / 10 ? o.steps / 10 : 1) == 0) {
            printf("step %u/%lu  training %.3f bits/byte\n", model.step, o.steps, model.loss_seen);
            printf("eoul:progress %.2f\n", (double)model.step / (double)o.steps);
        }
    }
    printf("eoul:result loss=%.4f\n", held_out_loss(&model, text, len));
    if (o.checkpoint)
        unlink(o.checkpoint);
    return 0;
}
