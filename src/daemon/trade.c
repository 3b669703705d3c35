/* trade.c - see trade.h. */
#include "daemon/trade.h"

#define FIELDS(F) \
    F(usec_t, ready_at) F(usec_t, moved_from_at) F(usec_t, end_p50_at) F(usec_t, end_p90_at) F(usec_t, eyes_at) \
    F(usec_t, eyes_late_at) F(uint32_t, history_n) F(uint32_t, passed) F(int64_t, cost_milli) F(int64_t, moved_cost_milli) \
    F(usec_t, would_at) F(int64_t, would_cost_milli)

void trade_print(struct buf *out, const struct core_trade *t)
{
    size_t from = out->len;
#define F(type, name) \
    if (t->name) \
        buf_printf(out, "%s" #name "=%lld", out->len > from ? " " : "", (long long)t->name);
    FIELDS(F)
#undef F
}

bool trade_parse(struct str kept, struct core_trade *ret)
{
    struct core_trade t = { 0 };
    struct str field, name;
    int64_t value;
    if (kept.len == 0)
        return false;
    while (str_next(&kept, ' ', &field)) {
        if (!str_next(&field, '=', &name) || str_i64(field, &value) < 0)
            return false;
#define F(type, member) \
        if (str_is(name, #member)) \
            t.member = (type)value;
        FIELDS(F)
#undef F
    }
    *ret = t;
    return true;
}
