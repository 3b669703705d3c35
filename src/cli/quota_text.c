/* quota_text.c - see quota_text.h. */
#include "cli/quota_text.h"

void quota_told(struct cli *cli, struct buf *out, const char *whose, const json_t *q)
{
    char memory[96];
    struct buf when;
    cli_clean(out, whose);
    if (json_i64(q, "gpus_max"))
        buf_printf(out, tr(cli->lang, ", %1$lld of %2$lld GPUs"), (long long)json_i64(q, "gpus"),
                   (long long)json_i64(q, "gpus_max"));
    if (json_i64(q, "gpu_hours_max"))
        buf_printf(out, tr(cli->lang, ", %1$lld of %2$lld GPU-hours in %3$lld days"), (long long)json_i64(q, "gpu_hours"),
                   (long long)json_i64(q, "gpu_hours_max"), (long long)json_i64(q, "days"));
    if (json_i64(q, "free_at") <= 0)
        return;
    buf_init_fixed(&when, memory, sizeof memory);
    cli_when(cli, &when, json_i64(q, "free_at"));
    buf_char(&when, '\0');
    buf_printf(out, tr(cli->lang, ", some again from %s"), when.failed ? "?" : memory);
}
