/* fuzz_config.c - eoul.yaml from anybody: taken whole, or refused in one clean sentence.
 *
 * Whatever the walk over the schema accepts, libcyaml must accept too: its own words ("cannot be
 * read") reaching a person would be a gap in the walk.
 */
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "daemon/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool fact)
{
    if (!fact)
        abort();
}

static void check_sentence(const struct err *err)
{
    struct str text = str_of(err->text);
    must(text.len > 0 && utf8_valid(text));
    must(str_starts(text, "file ") || str_starts(text, "file: "));
    must(!str_starts(text, "file cannot be read"));
    for (size_t i = 0; i < text.len; i++)
        must((unsigned char)text.ptr[i] >= 0x20 && text.ptr[i] != 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum lang langs[] = { LANG_EN, LANG_KO };
    struct str text = { (const char *)data, size };
    int codes[2];
    for (int i = 0; i < 2; i++) {
        struct config *c = NULL;
        struct err err = { .translate = tr_of(langs[i]) };
        struct buf out;
        codes[i] = config_parse(text, "file", &c, &err);
        if (codes[i] < 0) {
            check_sentence(&err);
            must(c == NULL);
            continue;
        }
        buf_init(&out, 1 << 20);
        config_tell(c, "file", langs[i], &out);
        must(!out.failed && utf8_valid(buf_look(&out)));
        must(c->gpus_n <= CORE_GPUS_MAX && c->people_n <= CONFIG_PEOPLE_MAX);
        buf_finish(&out);
        config_destroy(c);
    }
    must(codes[0] == codes[1]);
    return 0;
}
