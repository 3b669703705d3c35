/* fuzz_tariff.c - electricity tariffs from anybody: every hour has a price, or the gap is named.
 *
 * What is accepted must be whole, must not depend on comments, and must hold the same when the same is said in
 * 84 lines a block, one a month and weekday.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/utf8.h"
#include "energy/tariff.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool fact)
{
    if (!fact)
        abort();
}

static void write_price(struct buf *out, int64_t milli)
{
    int64_t whole = milli / 1000, part = milli % 1000;
    buf_printf(out, "%s%lld.%03lld\n", milli < 0 ? "-" : "", (long long)llabs(whole), (long long)llabs(part));
}

static void write_down(struct buf *out, const struct tariff *t)
{
    static const char *const days[7] = { "mon", "tue", "wed", "thu", "fri", "sat", "sun" };
    buf_printf(out, "name x\ncurrency %s\n", t->currency);
    for (uint32_t b = 0; b < t->blocks_n; b++) {
        uint32_t d = t->block[b].from_date;
        buf_printf(out, "from %04u-%02u-%02u\n", d / 10000, d / 100 % 100, d % 100);
        for (int m = 0; m < 12; m++)
            for (int w = 0; w < 7; w++)
                for (int h = 0; h < 24; h++) {
                    buf_printf(out, "%d %s %02d-%02d ", m + 1, days[w], h, h + 1);
                    write_price(out, t->block[b].price_milli[m][w][h]);
                }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct tariff first, second;
    struct str text = { (const char *)data, size };
    struct err err = { 0 };
    struct buf plain;
    if (tariff_parse(text, &first, &err) < 0) {
        must(err.text[0] && !strchr(err.text, '\n') && utf8_valid(str_of(err.text)));
        return 0;
    }
    must(first.blocks_n > 0 && first.blocks_n <= TARIFF_BLOCKS_MAX);
    buf_init(&plain, TARIFF_TEXT_MAX);
    write_down(&plain, &first);
    if (!plain.failed) {
        must(tariff_parse(buf_look(&plain), &second, &err) == 0);
        must(first.blocks_n == second.blocks_n);
        for (uint32_t b = 0; b < first.blocks_n; b++)
            must(first.block[b].from_date == second.block[b].from_date &&
                 memcmp(first.block[b].price_milli, second.block[b].price_milli,
                        sizeof first.block[b].price_milli) == 0);
    }
    buf_finish(&plain);
    return 0;
}
