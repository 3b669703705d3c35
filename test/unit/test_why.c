/* test_why.c - sentences about every reason, and that each number in them is one of `numbers`.
 *
 * The check is naive on purpose: every value of the numbers object is written in each way a sentence
 * could write it (plain, as a time, as a length, as memory); those texts are struck out of the
 * sentence, and no digit may remain.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/prng.h"
#include "cal/format.h"
#include "cal/zone_load.h"
#include "daemon/message.h"
#include "daemon/trade.h"
#include "daemon/why.h"
#include "supervisor/wire.h"
#include "i18n/text.h"

static struct zone seoul;

struct answer {
    json_t *sentences, *numbers;
};

static json_t *read_back(struct buf *b)
{
    json_error_t why;
    json_t *value = json_loadb(b->ptr, b->len, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &why);
    if (!value)
        fail_msg("%s: %s", why.text, b->ptr);
    buf_finish(b);
    return value;
}

static struct answer ask(const struct explanation *x, const struct why_facts *f)
{
    struct buf b;
    struct json_out j;
    struct answer a;
    buf_init(&b, 1 << 20);
    out_init(&j, &b);
    why_sentences(x, f, &j);
    assert_true(out_done(&j));
    a.sentences = read_back(&b);
    buf_init(&b, 1 << 20);
    out_init(&j, &b);
    why_numbers(x, f, &j);
    assert_true(out_done(&j));
    a.numbers = read_back(&b);
    return a;
}

static void forget(struct answer a)
{
    json_decref(a.sentences);
    json_decref(a.numbers);
}

/* --- the naive check -------------------------------------------------------------------------------------- */

#define TEXTS_MAX 256

struct texts {
    char text[TEXTS_MAX][96];
    unsigned n;
};

static void add_text(struct texts *t, struct buf *b)
{
    assert_true(t->n < TEXTS_MAX && b->len < sizeof t->text[0]);
    memcpy(t->text[t->n++], b->ptr, b->len + 1);
    buf_clear(b);
}

static void add_value(struct texts *t, const char *key, int64_t value, const struct why_facts *f)
{
    char memory[96];
    struct buf b;
    size_t n = strlen(key);
    enum cal_language language = f->lang == LANG_KO ? CAL_KOREAN : CAL_ENGLISH;
    buf_init_fixed(&b, memory, sizeof memory);
    if (n > 3 && strcmp(key + n - 3, "_at") == 0)
        cal_format(&b, f->zone, language, CAL_SHORT, value, f->now_at);
    else if (n > 3 && strcmp(key + n - 3, "_us") == 0) {
        cal_format_length(&b, language, why_rough(value));
        add_text(t, &b);
        cal_format_length(&b, language, value);
    }
    else if (strncmp(key, "weight", 6) == 0)
        buf_printf(&b, "%lld.%02lld", (long long)(value + 5) / 1000, (long long)(value + 5) % 1000 / 10);
    else if (n > 6 && strcmp(key + n - 6, "_milli") == 0)
        buf_i64(&b, ((value < 0 ? -value : value) + 500) / 1000);
    else if (n > 2 && strcmp(key + n - 2, "_w") == 0)
        text_watts(&b, (uint32_t)value);
    else if (n > 4 && strcmp(key + n - 4, "_mib") == 0)
        text_mib(&b, (uint64_t)value);
    else
        buf_i64(&b, value);
    add_text(t, &b);
}

static int longest_first(const void *a, const void *b)
{
    size_t x = strlen(a), y = strlen(b);
    return x < y ? 1 : x > y ? -1 : strcmp(a, b);
}

static void strike(char *sentence, const char *text)
{
    size_t n = strlen(text);
    for (char *at = sentence; n && (at = strstr(at, text)) != NULL;) {
        bool inside = (at > sentence && isdigit((unsigned char)at[-1]) && isdigit((unsigned char)text[0])) ||
                      (isdigit((unsigned char)at[n]) && isdigit((unsigned char)text[n - 1]));
        if (inside)
            at++;
        else
            memset(at, ' ', n);
    }
}

static void no_number_is_out_of_the_air(struct answer a, const struct why_facts *f)
{
    static struct texts t;
    const char *key;
    json_t *value;
    size_t i;
    t.n = 0;
    json_object_foreach(a.numbers, key, value) {
        if (json_is_integer(value))
            add_value(&t, key, json_integer_value(value), f);
        else if (json_is_string(value))
            snprintf(t.text[t.n++], sizeof t.text[0], "%s", json_string_value(value));
    }
    snprintf(t.text[t.n++], sizeof t.text[0], "%s", f->name_id);
    qsort(t.text, t.n, sizeof t.text[0], longest_first);
    json_array_foreach(a.sentences, i, value) {
        char sentence[WHY_SENTENCE_MAX];
        snprintf(sentence, sizeof sentence, "%s", json_string_value(value));
        for (unsigned k = 0; k < t.n; k++)
            strike(sentence, t.text[k]);
        if (strpbrk(sentence, "0123456789"))
            fail_msg("a number is not among numbers: %s\n%s", json_string_value(value), sentence);
    }
}

/* --- scenes --------------------------------------------------------------------------------------------------- */

#define NOW ((usec_t)1795500000 * USEC_PER_SEC) /* Tue 24 Nov 2026 15:00 in Seoul */

static struct explanation some(enum reason reason)
{
    return (struct explanation){
        .reason = reason, .job = 12, .position = 4, .blocker = 9, .change_at = NOW + 3 * USEC_PER_HOUR,
        .need_gpus = 4, .free_gpus = 1, .up_gpus = 8, .need_cpus = 16, .free_cpus = 24,
        .need_mem_mib = 65536, .free_mem_mib = 131072, .limit = 6, .used = 5,
        .need_w = 1500, .used_w = 5230, .cap_w = 6000,
        .start_at = NOW + 9 * USEC_PER_HOUR, .start_p90_at = NOW + 11 * USEC_PER_HOUR,
        .end_p50_at = NOW + 15 * USEC_PER_HOUR, .end_p90_at = NOW + 17 * USEC_PER_HOUR,
        .eyes_at = NOW + 18 * USEC_PER_HOUR, .eyes_late_at = NOW + 18 * USEC_PER_HOUR,
        .now_eyes_at = NOW + 18 * USEC_PER_HOUR, .now_eyes_late_at = NOW + 18 * USEC_PER_HOUR,
        .aged_at = USEC_NEVER, .last_good_at = USEC_NEVER, .last_start_at = USEC_NEVER,
        .forecast = { 4 * USEC_PER_HOUR, 6 * USEC_PER_HOUR, 8 * USEC_PER_HOUR, 7, FORECAST_OWN, 7 },
    };
}

static struct why_facts facts(enum lang lang, enum job_state state)
{
    return (struct why_facts){
        .lang = lang, .zone = &seoul, .now_at = NOW, .state = state, .name_id = "12_3",
        .owner = "민수", .blocker_id = "9", .blocker_name = STR("train"),
        .blocker_end_at = NOW + 9 * USEC_PER_HOUR, .start_at = NOW - USEC_PER_HOUR,
        .end_at = job_state_is_final(state) ? NOW - 5 * USEC_PER_MIN : 0,
        .end_p10_at = NOW + 13 * USEC_PER_HOUR, .attempt = 2, .exit_code = 3, .signal = 9,
        .limit_us = 12 * USEC_PER_HOUR, .cpus = 32, .mem_mib = 262144,
    };
}

static void all_reasons(void **state)
{
    (void)state;
    for (int lang = 0; lang < LANG_COUNT; lang++)
        for (int reason = 0; reason < REASON_COUNT; reason++)
            for (int job = JOB_PENDING; job < JOB_STATE_COUNT; job++) {
                struct explanation x = some((enum reason)reason);
                struct why_facts f = facts((enum lang)lang, (enum job_state)job);
                struct answer a = ask(&x, &f);
                assert_true(json_array_size(a.sentences) >= 1);
                assert_true(json_array_size(a.sentences) <= 9);
                no_number_is_out_of_the_air(a, &f);
                forget(a);
            }
}

/* A fact that may be there or not, of every size. */
static void surprise(struct prng *luck, struct explanation *x, struct why_facts *f, const struct core_weight *weight)
{
    usec_t *times[] = { &x->aged_at, &x->moved_from_at, &x->last_good_at, &x->deadline_at, &x->last_start_at,
                        &f->gave.at, &f->got.at, &f->trade.ready_at, &f->trade.moved_from_at, &f->trade.end_p50_at,
                        &f->trade.end_p90_at, &f->submit_at };
    uint32_t *counts[] = { &x->passed, &x->drained_gpus, &x->foreign_gpus, &x->quarantined_gpus, &f->trade.passed,
                           &f->trade.history_n, &f->got.n, &x->made_way, &x->freed_gpus };
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++)
        *times[i] = prng_below(luck, 4) == 0 ? 0 : NOW + ((usec_t)prng_below(luck, 80 * 24) - 960) * USEC_PER_HOUR;
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
        *counts[i] = (uint32_t)prng_below(luck, 40);
    x->aged = prng_below(luck, 4) == 0;
    x->kept_us = prng_below(luck, 2) ? 0 : (usec_t)prng_below(luck, 100000) * USEC_PER_SEC;
    x->restart_us = 120 * USEC_PER_SEC;
    f->has_trade = prng_below(luck, 2);
    f->gave.id = prng_below(luck, 3) ? NULL : "17";
    f->gave.name = prng_below(luck, 2) ? STR("eval") : (struct str){ 0 };
    f->gave.ran_us = (usec_t)prng_below(luck, 100000) * USEC_PER_SEC;
    f->got.id = prng_below(luck, 3) ? NULL : "18_2";
    f->weight = prng_below(luck, 2) ? weight : NULL;
    f->currency = prng_below(luck, 2) ? "KRW" : NULL;
    f->trade.cost_milli = (int64_t)prng_below(luck, 5000000);
    f->trade.moved_cost_milli = (int64_t)prng_below(luck, 5000000);
}

/* The same with numbers of every size, some of them unknown. */
static void any_numbers(void **state)
{
    struct prng luck;
    (void)state;
    prng_init(&luck, 42, 3);
    for (int round = 0; round < 5000; round++) {
        struct explanation x = some((enum reason)prng_below(&luck, REASON_COUNT));
        usec_t *times[] = { &x.change_at, &x.start_at, &x.start_p10_at, &x.start_p50_at, &x.start_p90_at, &x.end_p50_at, &x.end_p90_at,
                            &x.eyes_at, &x.now_eyes_at, &x.eyes_late_at, &x.now_eyes_late_at };
        uint32_t *counts[] = { &x.need_gpus, &x.free_gpus, &x.up_gpus, &x.need_cpus, &x.free_cpus,
                               &x.need_w, &x.used_w, &x.cap_w, &x.limit, &x.used, &x.position, &x.forecast.history_n, &x.samples };
        for (size_t i = 0; i < sizeof times / sizeof times[0]; i++)
            *times[i] = prng_below(&luck, 8) == 0 ? USEC_NEVER
                : NOW + (usec_t)prng_below(&luck, 40 * 24) * USEC_PER_HOUR;
        for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
            *counts[i] = (uint32_t)prng_below(&luck, 70);
        x.need_mem_mib = prng_below(&luck, 1 << 20);
        x.forecast.source = (enum forecast_source)prng_below(&luck, FORECAST_LIMIT + 1);
        x.forecast.source_n = (uint32_t)prng_below(&luck, 40);
        struct why_facts f = facts((enum lang)prng_below(&luck, LANG_COUNT),
                                   (enum job_state)(JOB_PENDING + prng_below(&luck, 4)));
        struct core_weight weight = { .counts = true, .all_milli = (uint32_t)prng_below(&luck, 25000) };
        surprise(&luck, &x, &f, &weight);
        if (f.state != JOB_PENDING && prng_below(&luck, 2))
            f.state = JOB_COMPLETED;
        f.end_at = NOW - 5 * USEC_PER_MIN;
        if (prng_below(&luck, 4) == 0)
            f.blocker_id = NULL;
        struct answer a = ask(&x, &f);
        no_number_is_out_of_the_air(a, &f);
        forget(a);
    }
}

static void says(enum reason reason, enum job_state state, enum lang lang, const char *const *want)
{
    struct explanation x = some(reason);
    struct why_facts f = facts(lang, state);
    struct answer a = ask(&x, &f);
    size_t i;
    json_t *value;
    json_array_foreach(a.sentences, i, value) {
        assert_non_null(want[i]);
        assert_string_equal(json_string_value(value), want[i]);
    }
    assert_null(want[i]);
    forget(a);
}

static void as_people_read_them(void **state)
{
    (void)state;
    says(REASON_RESOURCES, JOB_PENDING, LANG_EN, (const char *[]){
        "It is next in line and needs 4 GPUs at once; 1 of the 8 it could use are free now.",
        "Room is expected when job 9 (train) ends, around tomorrow 00:00.",
        "Planned start: tomorrow 00:00, or tomorrow 02:00 if the jobs before it run long.",
        "It should end around tomorrow 06:00, and 민수 can look from tomorrow 09:00; there is too little history to "
        "give odds.",
        "If it started now, 민수 would see it from tomorrow 09:00 either way: waiting costs nothing.",
        "Its run time, 6 h (4 h to 8 h), is taken from 7 earlier runs of this command.", NULL });
    says(REASON_RESOURCES, JOB_PENDING, LANG_KO, (const char *[]){
        "다음 차례이며 GPU 4개가 한꺼번에 필요합니다. 쓸 수 있는 8개 가운데 지금 1개가 비어 있습니다.",
        "작업 9 (train)이 끝나는 내일 00:00쯤 자리가 날 것으로 보입니다.",
        "일정에서는 내일 00:00에 시작하고, 앞선 작업들이 길어지면 내일 02:00에 시작합니다.",
        "내일 06:00쯤 끝나고, 민수님은 내일 09:00부터 볼 수 있을 것입니다. 확률을 말하기에는 실행 기록이 모자랍니다.",
        "지금 시작해도 민수님이 보는 시각은 똑같이 내일 09:00입니다. 기다려서 잃는 것이 없습니다.",
        "걸리는 시간 6시간(4시간 ~ 8시간)은 이 명령을 예전에 실행한 7번에서 나온 값입니다.", NULL });
    says(REASON_HELD_USER, JOB_PENDING, LANG_EN, (const char *[]){
        "It is held; \"eoul release 12_3\" lets it go.",
        "Its run time, 6 h (4 h to 8 h), is taken from 7 earlier runs of this command.", NULL });
    says(REASON_EXIT_CODE, JOB_FAILED, LANG_KO, (const char *[]){
        "종료 코드 3으로 실패했습니다(14:55).", "55분 동안 실행되었습니다.", NULL });
}

/* Whose work has the room meanwhile. */
static void room_for_others(void **state)
{
    (void)state;
    struct explanation x = some(REASON_DEFERRED);
    struct why_facts f = facts(LANG_EN, JOB_PENDING);
    x.need_gpus = 2;
    x.freed_gpus = 2;
    struct answer a = ask(&x, &f);
    no_number_is_out_of_the_air(a, &f);
    assert_string_equal(json_string_value(json_array_get(a.sentences, 1)),
                        "2 GPUs run other people's work now that would have had no room.");
    assert_int_equal(json_integer_value(json_object_get(a.numbers, "freed_gpus")), 2);
    forget(a);
}

/* The trade in money: a sum that is saved, and a dearer one; the difference is a number of the answer, too. */
static void money(void **state)
{
    (void)state;
    struct explanation x = some(REASON_DEFERRED);
    struct why_facts f = facts(LANG_EN, JOB_PENDING);
    f.currency = "KRW";
    x.power_mw = 800000;
    x.now_cost_milli = 1640400;
    x.start_cost_milli = 1230000;
    x.need_gpus = 1;
    struct answer a = ask(&x, &f);
    no_number_is_out_of_the_air(a, &f);
    assert_string_equal(json_string_value(json_array_get(a.sentences, 2)),
                        "Its electricity is about 410 won cheaper then: 1230 won instead of 1640 won.");
    assert_int_equal(json_integer_value(json_object_get(a.numbers, "saved_milli")), 410400);
    forget(a);
    f.lang = LANG_KO;
    x.now_cost_milli = 1000000;
    a = ask(&x, &f);
    no_number_is_out_of_the_air(a, &f);
    assert_string_equal(json_string_value(json_array_get(a.sentences, 2)),
                        "그때는 전기요금이 약 230원 비쌉니다. 1000원 대신 1230원입니다.");
    forget(a);
    x.now_cost_milli = x.start_cost_milli + 900; /* not a won: nothing is said */
    a = ask(&x, &f);
    assert_null(strstr(json_string_value(json_array_get(a.sentences, 2)), "전기"));
    forget(a);
}

static void one_of_each(void **state)
{
    (void)state;
    struct explanation x = some(REASON_RESOURCES);
    struct why_facts f = facts(LANG_EN, JOB_PENDING);
    x.need_gpus = 1;
    x.free_gpus = 0;
    struct answer a = ask(&x, &f);
    assert_string_equal(json_string_value(json_array_get(a.sentences, 0)),
                        "It is next in line and needs 1 GPU; 0 of the 8 it could use are free now.");
    forget(a);
}

static void rough_lengths(void **state)
{
    (void)state;
    assert_int_equal(why_rough(59 * USEC_PER_MIN + 57 * USEC_PER_SEC), USEC_PER_HOUR);
    assert_int_equal(why_rough(14 * USEC_PER_MIN + 59 * USEC_PER_SEC), 15 * USEC_PER_MIN);
    assert_int_equal(why_rough(42 * USEC_PER_SEC), 42 * USEC_PER_SEC);
    assert_int_equal(why_rough(3 * USEC_PER_HOUR + 4 * USEC_PER_MIN), 3 * USEC_PER_HOUR + 5 * USEC_PER_MIN);
    assert_int_equal(why_rough(0), 0);
}

static void what_is_missing(void **state)
{
    struct explanation x = some(REASON_NEVER_FITS);
    struct why_facts f = facts(LANG_EN, JOB_PENDING);
    (void)state;
    x.need_gpus = 9;
    struct answer a = ask(&x, &f);
    assert_string_equal(json_string_value(json_array_get(a.sentences, 0)),
                        "It asks for 9 GPUs, but there are only 8 it could use; ask for fewer, or let "
                        "drained ones back in.");
    forget(a);
    x.need_gpus = 1;
    x.need_cpus = 40;
    a = ask(&x, &f);
    assert_string_equal(json_string_value(json_array_get(a.sentences, 0)),
                        "It asks for 40 CPUs, but this machine has only 32 to give; ask for fewer.");
    forget(a);
    x.need_cpus = 1;
    x.need_mem_mib = 1 << 20;
    a = ask(&x, &f);
    assert_string_equal(json_string_value(json_array_get(a.sentences, 0)),
                        "It asks for 1 TiB of memory, but this machine has only 256 GiB to give; ask "
                        "for less.");
    forget(a);
}

static void waiting_has_a_price(void **state)
{
    struct explanation x = some(REASON_PRIORITY);
    struct why_facts f = facts(LANG_EN, JOB_PENDING);
    bool said = false;
    size_t i;
    json_t *value;
    (void)state;
    x.now_eyes_at = x.eyes_at - 15 * USEC_PER_HOUR;
    struct answer a = ask(&x, &f);
    json_array_foreach(a.sentences, i, value)
        said = said || strcmp(json_string_value(value), "If it started now, 민수 would see it from 18:00: "
                                                        "waiting costs 15 h.") == 0;
    assert_true(said);
    assert_int_equal(json_integer_value(json_object_get(a.numbers, "waiting_costs_us")),
                     15 * USEC_PER_HOUR);
    assert_int_equal(json_integer_value(json_object_get(a.numbers, "before")), 3);
    forget(a);
}

static void kept_for_somebody(void **state)
{
    struct explanation x = some(REASON_RESERVED);
    struct why_facts f = facts(LANG_EN, JOB_PENDING);
    (void)state;
    struct answer a = ask(&x, &f);
    assert_non_null(strstr(json_string_value(json_array_get(a.sentences, 0)), "eoul reserve"));
    forget(a);
    x.reservation = 3;
    f.reservation_for = "Kim";
    f.reservation_name = STR("demo");
    f.reservation_from_at = f.now_at + USEC_PER_HOUR;
    f.reservation_until_at = f.now_at + 3 * USEC_PER_HOUR;
    a = ask(&x, &f);
    assert_non_null(strstr(json_string_value(json_array_get(a.sentences, 0)), "kept for Kim (demo) from "));
    no_number_is_out_of_the_air(a, &f);
    forget(a);
    f.lang = LANG_KO;
    a = ask(&x, &f);
    assert_non_null(strstr(json_string_value(json_array_get(a.sentences, 0)), "Kim 몫으로 "));
    no_number_is_out_of_the_air(a, &f);
    forget(a);
}

static const char *sentence(struct answer a, size_t at)
{
    const char *text = json_string_value(json_array_get(a.sentences, at));
    return text ? text : "";
}

static bool has(struct answer a, const char *want)
{
    for (size_t i = 0; i < json_array_size(a.sentences); i++)
        if (strcmp(sentence(a, i), want) == 0)
            return true;
    return false;
}

/* Both sides of making way: what the one lost and when it was, who did it for the other. */
static void making_way(void **state)
{
    struct explanation x = some(REASON_RESOURCES);
    struct why_facts f = facts(LANG_EN, JOB_PENDING);
    (void)state;
    x.made_way = 1;
    f.gave = (struct why_way){ .id = "17", .name = STR("eval"), .at = NOW - USEC_PER_HOUR, .ran_us = 2 * USEC_PER_HOUR };
    struct answer a = ask(&x, &f);
    assert_true(has(a, "It made way for job 17 (eval) at 14:00, after it had run for 2 h, as its --preempt allows."));
    assert_true(has(a, "It begins anew when there is room again."));
    no_number_is_out_of_the_air(a, &f);
    forget(a);
    x.kept_us = USEC_PER_HOUR + 50 * USEC_PER_MIN;
    x.restart_us = 2 * USEC_PER_MIN;
    a = ask(&x, &f);
    assert_true(has(a, "What it had done is kept, 1 h 50 min of work; going on costs it about 2 min."));
    assert_int_equal(json_integer_value(json_object_get(a.numbers, "kept_us")), x.kept_us);
    forget(a);
    f.lang = LANG_KO;
    a = ask(&x, &f);
    assert_true(has(a, "--preempt 설정에 따라 2시간 동안 실행된 뒤 작업 17 (eval)에 자리를 양보했습니다(14:00)."));
    no_number_is_out_of_the_air(a, &f);
    forget(a);
    x = some(REASON_PREEMPTED);
    f.lang = LANG_EN;
    f.state = JOB_COMPLETING;
    f.gave.at = 0;
    a = ask(&x, &f);
    assert_true(has(a, "It is making way for job 17 (eval), which counts for more now, as its --preempt allows, and goes back "
                       "in line."));
    forget(a);
    f = facts(LANG_EN, JOB_RUNNING);
    f.got = (struct why_way){ .id = "9_2", .at = NOW - USEC_PER_HOUR, .n = 1 };
    a = ask(&x, &f);
    assert_true(has(a, "Job 9_2 made way for it: it counted for more then."));
    forget(a);
    f.got.id = NULL;
    f.gave = (struct why_way){ .id = "17", .at = NOW - USEC_PER_HOUR, .ran_us = 2 * USEC_PER_HOUR };
    a = ask(&x, &f);
    assert_true(has(a, "It made way for job 17 at 14:00, after it had run for 2 h, as its --preempt allows."));
    assert_false(has(a, "It begins anew when there is room again."));
    no_number_is_out_of_the_air(a, &f);
    forget(a);
}

/* Odds are told of samples, from thirty runs of history on, and never where nobody can see what ends the wait. */
static void odds(void **state)
{
    struct explanation x = some(REASON_RESOURCES);
    struct why_facts f = facts(LANG_EN, JOB_PENDING);
    (void)state;
    x.samples = 64;
    x.start_p10_at = NOW + 8 * USEC_PER_HOUR;
    x.start_p50_at = NOW + 9 * USEC_PER_HOUR;
    struct answer a = ask(&x, &f); /* seven runs */
    assert_false(has(a, "in eight of ten cases"));
    assert_true(has(a, "It should end around tomorrow 06:00, and 민수 can look from tomorrow 09:00; there is too little history to give "
                       "odds."));
    forget(a);
    x.forecast.source = FORECAST_PROGRESS; /* as much as many runs */
    a = ask(&x, &f);
    assert_true(has(a, "It starts about tomorrow 00:00, in eight of ten cases between 23:00 and tomorrow 02:00."));
    forget(a);
    x.forecast.source = FORECAST_OWN;
    x.forecast.history_n = 40;
    a = ask(&x, &f);
    assert_true(has(a, "It starts about tomorrow 00:00, in eight of ten cases between 23:00 and tomorrow 02:00."));
    assert_true(has(a, "It should end around tomorrow 06:00, in eight of ten cases between tomorrow 04:00 and tomorrow 08:00; "
                       "민수 can look from tomorrow 09:00, in nine of ten by tomorrow 09:00."));
    no_number_is_out_of_the_air(a, &f);
    forget(a);
    x = some(REASON_HELD_USER);
    x.start_at = x.start_p90_at = x.end_p50_at = USEC_NEVER;
    x.forecast.history_n = 40;
    a = ask(&x, &f);
    assert_true(has(a, "When it can start depends on what nobody can foresee, so there are no odds."));
    assert_false(has(a, "of ten"));
    forget(a);
}

/* What a start rested on is told when it has ended, too; without a record nothing is made up. */
static void afterwards(void **state)
{
    struct explanation x = some(REASON_NONE);
    struct why_facts f = facts(LANG_EN, JOB_COMPLETED);
    (void)state;
    f.attempt = 1;
    f.submit_at = NOW - 5 * USEC_PER_HOUR;
    struct answer a = ask(&x, &f);
    assert_int_equal(json_array_size(a.sentences), 2);
    forget(a);
    f.has_trade = true;
    f.currency = "KRW";
    f.trade = (struct core_trade){ .ready_at = NOW - 3 * USEC_PER_HOUR, .moved_from_at = NOW - 2 * USEC_PER_HOUR,
                                   .end_p50_at = NOW, .end_p90_at = NOW + USEC_PER_HOUR, .history_n = 40, .passed = 2,
                                   .cost_milli = 1230000, .moved_cost_milli = 1640400 };
    a = ask(&x, &f);
    assert_true(has(a, "It waited 2 h until nothing but room kept it (what it depends on, its begin time, a hold), and then 2 h "
                       "for its turn."));
    assert_true(has(a, "Its start was moved from 13:00 to 14:00 inside its slack."));
    assert_true(has(a, "That made its electricity about 410 won cheaper: 1230 won instead of 1640 won."));
    assert_true(has(a, "It started before 2 jobs that were submitted earlier: they needed more room, had a limit in the way or "
                       "counted for less."));
    assert_true(has(a, "When it started it was expected to end around 15:00 (nine times in ten by 16:00)."));
    no_number_is_out_of_the_air(a, &f);
    forget(a);
    f.trade.history_n = 29;
    a = ask(&x, &f);
    assert_true(has(a, "When it started it was expected to end around 15:00; there was too little history to give odds."));
    forget(a);
}

/* Whoever has not agreed to later starts is told what they would have brought. */
static void what_would_have_been(void **state)
{
    struct explanation x = some(REASON_NONE);
    struct why_facts f = facts(LANG_EN, JOB_COMPLETED);
    (void)state;
    f.attempt = 1;
    f.end_at = f.start_at + USEC_PER_HOUR;
    f.submit_at = f.start_at;
    f.has_trade = true;
    f.currency = "KRW";
    f.trade = (struct core_trade){ .ready_at = f.start_at, .end_p50_at = NOW, .end_p90_at = NOW + USEC_PER_HOUR, .history_n = 40,
                                   .eyes_late_at = NOW + 2 * USEC_PER_HOUR, .cost_milli = 1640400, .would_cost_milli = 1230000,
                                   .would_at = f.start_at + 3 * USEC_PER_HOUR };
    struct answer a = ask(&x, &f);
    assert_true(has(a, "Had you agreed to later starts (\"eoul me defer yes\"), it would have begun at 17:00 instead of 14:00."));
    assert_true(has(a, "Having run as long, it would have ended at 18:00."));
    assert_true(has(a, "That would have made its electricity about 410 won cheaper: 1230 won instead of 1640 won."));
    no_number_is_out_of_the_air(a, &f);
    forget(a);
    f.state = JOB_RUNNING;
    a = ask(&x, &f);
    assert_true(has(a, "Nine times in ten 민수 sees it by 17:00 either way."));
    no_number_is_out_of_the_air(a, &f);
    forget(a);
    f.trade.history_n = 29;
    a = ask(&x, &f);
    assert_false(has(a, "Nine times in ten 민수 sees it by 17:00 either way."));
    assert_true(has(a, "There is too little history to give odds: 29 runs are known."));
    forget(a);
    f.trade.would_at = 0; /* others ask, or its owner agreed */
    a = ask(&x, &f);
    for (size_t i = 0; i < json_array_size(a.sentences); i++)
        assert_null(strstr(sentence(a, i), "agreed"));
    forget(a);
}

static void arrays_and_starts(void **state)
{
    struct explanation x = some(REASON_DEPENDENCY);
    struct why_facts f = facts(LANG_EN, JOB_PENDING);
    (void)state;
    x.blocker_tasks = 3;
    struct answer a = ask(&x, &f);
    assert_string_equal(sentence(a, 0), "It depends on an array of which 3 tasks have not ended; the last, 9 (train), is expected "
                                        "to end around 18:00.");
    no_number_is_out_of_the_air(a, &f);
    forget(a);
    x.blocker_tasks = 0;
    x.blocker_starts = true;
    a = ask(&x, &f);
    assert_string_equal(sentence(a, 0), "It waits until job 9 (train) has started, which is planned for 18:00.");
    forget(a);
    x.blocker_started = true;
    a = ask(&x, &f);
    assert_string_equal(sentence(a, 0), "It was asked to start no sooner than some time after the start of job 9 (train): it may "
                                        "from 18:00.");
    forget(a);
}

static void deadlines(void **state)
{
    struct explanation x = some(REASON_RESOURCES);
    struct why_facts f = facts(LANG_EN, JOB_PENDING);
    (void)state;
    x.deadline_at = NOW + 24 * USEC_PER_HOUR;
    x.last_start_at = NOW + 16 * USEC_PER_HOUR;
    struct answer a = ask(&x, &f);
    assert_true(has(a, "Its deadline is tomorrow 15:00: it should start by tomorrow 07:00, and does as planned."));
    forget(a);
    x.start_at = NOW + 26 * USEC_PER_HOUR;
    a = ask(&x, &f);
    assert_non_null(strstr(sentence(a, json_array_size(a.sentences) - 2), "no room for it before tomorrow 17:00"));
    no_number_is_out_of_the_air(a, &f);
    forget(a);
}

static void gpus_that_are_down(void **state)
{
    struct explanation x = some(REASON_GPU_TAKEN);
    struct why_facts f = facts(LANG_EN, JOB_PENDING);
    (void)state;
    x.up_gpus = 2;
    x.drained_gpus = 5;
    x.foreign_gpus = 1;
    struct answer a = ask(&x, &f);
    assert_string_equal(sentence(a, 0), "It needs 4 GPUs, but only 2 of those it could use are up.");
    assert_string_equal(sentence(a, 1), "1 is used by somebody outside of eoul and comes back when that ends.");
    assert_string_equal(sentence(a, 2), "5 are drained; \"eoul undrain\" lets them back in.");
    no_number_is_out_of_the_air(a, &f);
    forget(a);
}

/* Weights are for whoever owns the job, and only where they change something. */
static void weights(void **state)
{
    struct explanation x = some(REASON_PRIORITY);
    struct why_facts f = facts(LANG_EN, JOB_PENDING);
    struct core_weight w = { .counts = true, .all_milli = 1304, .own_milli = 1000, .fair_milli = 1304 };
    (void)state;
    struct answer a = ask(&x, &f);
    assert_null(json_object_get(a.numbers, "weight_milli"));
    forget(a);
    f.weight = &w;
    a = ask(&x, &f);
    assert_true(has(a, "Your jobs count 1.30 times as much as usual at present; \"eoul me\" says why."));
    assert_int_equal(json_integer_value(json_object_get(a.numbers, "weight_fair_milli")), 1304);
    no_number_is_out_of_the_air(a, &f);
    forget(a);
    w.all_milli = 1001;
    a = ask(&x, &f);
    for (size_t i = 0; i < json_array_size(a.sentences); i++)
        assert_null(strstr(sentence(a, i), "Your jobs"));
    forget(a);
}

/* What a store keeps of an attempt is told in the reader's language, and what cannot be read as it is. */
static void messages(void **state)
{
    char memory[512], told[512];
    struct buf kept, out;
    (void)state;
    buf_init_fixed(&kept, memory, sizeof memory);
    message_of_launch(&kept, ATTEMPT_LAUNCH, STAGE_CWD, ENOENT, "/a b/c");
    buf_init_fixed(&out, told, sizeof told);
    message_tell(&out, buf_look(&kept), tr_en);
    assert_string_equal(told, "cannot enter the working directory \"/a b/c\": No such file or directory");
    buf_clear(&out);
    message_tell(&out, buf_look(&kept), tr_ko);
    assert_string_equal(told, "작업 디렉터리 \"/a b/c\"에 들어갈 수 없습니다: 그런 파일이나 디렉터리가 없습니다");
    buf_clear(&kept);
    buf_clear(&out);
    message_of_code(&kept, STR("0123456789abcdef+ffff0000ffff"), STR("fedcba9876543210"));
    message_tell(&out, buf_look(&kept), tr_en);
    assert_string_equal(told, "Its code changed between the submit (0123456789ab+ffff0000) and this start (fedcba987654); it ran "
                              "as it was at the start.");
    static const char *const others[] = { "cannot execute \"x\": Permission denied", "", "=launch", "=launch exit moon 2 x",
                                          "=launch launch cwd many x", "=code", "=else 1 2" };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        buf_clear(&out);
        buf_c(&out, "");
        message_tell(&out, str_of(others[i]), tr_ko);
        assert_string_equal(told, others[i]);
    }
}

static void trades(void **state)
{
    char memory[TRADE_TEXT_MAX];
    struct buf b;
    struct core_trade t = { .ready_at = INT64_MAX, .moved_from_at = INT64_MAX, .end_p50_at = INT64_MAX,
                            .end_p90_at = INT64_MAX, .eyes_at = INT64_MAX, .eyes_late_at = INT64_MAX,
                            .history_n = UINT32_MAX, .passed = UINT32_MAX, .cost_milli = INT64_MIN + 1,
                            .moved_cost_milli = INT64_MIN + 1 }, back;
    (void)state;
    buf_init_fixed(&b, memory, sizeof memory);
    trade_print(&b, &t);
    assert_false(b.failed);
    assert_true(trade_parse(buf_look(&b), &back));
    assert_memory_equal(&t, &back, sizeof t);
    assert_false(trade_parse(STR(""), &back));
    assert_false(trade_parse(STR("ready_at=x"), &back));
    assert_true(trade_parse(STR("ready_at=5 newer=7"), &back));
    assert_true(back.ready_at == 5 && back.passed == 0);
}

/* What binds under a power cap, in the sentence that fits. */
static void power_is_waited_for(void **state)
{
    struct explanation x = some(REASON_POWER);
    struct why_facts f = facts(LANG_EN, JOB_PENDING);
    (void)state;
    x.free_gpus = x.need_gpus;
    struct answer a = ask(&x, &f);
    assert_non_null(strstr(json_string_value(json_array_get(a.sentences, 0)),
                           "It waits for power: 5.2 kW of 6 kW are in use until about "));
    assert_non_null(strstr(json_string_value(json_array_get(a.sentences, 0)), ", and it takes 1.5 kW."));
    no_number_is_out_of_the_air(a, &f);
    forget(a);
    x.used_w = 3000;
    a = ask(&x, &f);
    assert_non_null(strstr(json_string_value(json_array_get(a.sentences, 0)), "A lower power cap begins while"));
    forget(a);
    x.need_w = 7000;
    a = ask(&x, &f);
    assert_string_equal(json_string_value(json_array_get(a.sentences, 0)),
                        "It takes 7 kW, and the power cap of this hour is 6 kW.");
    forget(a);
    f.lang = LANG_KO;
    a = ask(&x, &f);
    assert_non_null(strstr(json_string_value(json_array_get(a.sentences, 0)), "7 kW"));
    no_number_is_out_of_the_air(a, &f);
    forget(a);
}

/* A job's name is foreign text. */
static void names_cannot_forge(void **state)
{
    struct explanation x = some(REASON_DEPENDENCY);
    struct why_facts f = facts(LANG_EN, JOB_PENDING);
    (void)state;
    f.blocker_name = STR("a\x1b]52;c;x\x07\n\xe2\x80\xae\"b");
    struct answer a = ask(&x, &f);
    const char *first = json_string_value(json_array_get(a.sentences, 0));
    assert_null(strpbrk(first, "\x1b\x07\n"));
    assert_null(strstr(first, "\xe2\x80\xae"));
    assert_non_null(strstr(first, "\"b"));
    forget(a);
}

static int find_zone(void **state)
{
    (void)state;
    return zone_load(STR("Asia/Seoul"), &seoul, NULL, NULL);
}

/* What a forecast rests on, in words. */
static void the_source_of_a_forecast(void **state)
{
    (void)state;
    static const struct { enum forecast_source source; enum lang lang; const char *says; } table[] = {
        { FORECAST_LIMIT, LANG_EN, "Its run time, 6 h (4 h to 8 h), is taken from 7 runs of 민수 with the same time limit, and a little from others." },
        { FORECAST_LIMIT, LANG_KO, "걸리는 시간 6시간(4시간 ~ 8시간)은 민수님이 시간 제한을 똑같이 두고 예전에 실행한 작업 7개에서 나온 값이며, "
                                   "다른 실행도 조금 셈했습니다." },
        { FORECAST_PROGRESS, LANG_EN, "Its run time, 6 h (4 h to 8 h), is taken mostly from how far it says it is." },
        { FORECAST_PROGRESS, LANG_KO, "걸리는 시간 6시간(4시간 ~ 8시간)은 주로 작업이 스스로 알린 진행률에서 나온 값입니다." },
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct explanation x = some(REASON_NONE);
        struct why_facts f = facts(table[i].lang, JOB_RUNNING);
        x.forecast.source = table[i].source;
        x.forecast.source_n = table[i].source == FORECAST_LIMIT ? 7 : 0;
        struct answer a = ask(&x, &f);
        assert_true(has(a, table[i].says));
        no_number_is_out_of_the_air(a, &f);
        forget(a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_reasons), cmocka_unit_test(any_numbers),
        cmocka_unit_test(as_people_read_them), cmocka_unit_test(the_source_of_a_forecast), cmocka_unit_test(waiting_has_a_price),
        cmocka_unit_test(room_for_others),
        cmocka_unit_test(money), cmocka_unit_test(one_of_each), cmocka_unit_test(rough_lengths), cmocka_unit_test(what_is_missing),
        cmocka_unit_test(making_way), cmocka_unit_test(odds), cmocka_unit_test(afterwards), cmocka_unit_test(deadlines), cmocka_unit_test(arrays_and_starts),
        cmocka_unit_test(what_would_have_been),
        cmocka_unit_test(gpus_that_are_down), cmocka_unit_test(weights), cmocka_unit_test(messages), cmocka_unit_test(trades),
        cmocka_unit_test(names_cannot_forge), cmocka_unit_test(kept_for_somebody), cmocka_unit_test(power_is_waited_for),
    };
    return cmocka_run_group_tests(tests, find_zone, NULL);
}
