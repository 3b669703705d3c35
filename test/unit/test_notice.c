/* test_notice.c - notices: when they may leave, what they say, how each channel wants it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/prng.h"
#include "base/sha256.h"
#include "base/utf8.h"
#include "cal/zone_load.h"
#include "notice/outbox.h"

#define H USEC_PER_HOUR
#define MIDNIGHT (((int64_t)1795618800) * USEC_PER_SEC) /* Thu 26 Nov 2026 in Seoul */

static struct zone seoul;

static int load_zone(void **state)
{
    (void)state;
    return zone_load(STR("Asia/Seoul"), &seoul, NULL, NULL);
}

/* --- hashes --------------------------------------------------------------------------------------- */

static void digest_is(struct str text, const char *hex)
{
    struct sha256 s;
    uint8_t digest[SHA256_BYTES];
    char said[SHA256_HEX];
    sha256_init(&s);
    sha256_add(&s, text);
    sha256_end(&s, digest);
    sha256_hex(digest, said);
    assert_string_equal(said, hex);
}

/* FIPS 180-4's examples and RFC 4231's, a key longer than a block among them. */
static void hashes_are_those_of_the_standards(void **state)
{
    uint8_t digest[SHA256_BYTES];
    char hex[SHA256_HEX], key[131], million[1000];
    struct sha256 s;
    (void)state;
    digest_is(STR(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    digest_is(STR("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    digest_is(STR("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
              "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    memset(million, 'a', sizeof million);
    sha256_init(&s);
    for (int i = 0; i < 1000; i++)
        sha256_add(&s, (struct str){ million, sizeof million });
    sha256_end(&s, digest);
    sha256_hex(digest, hex);
    assert_string_equal(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    hmac_sha256(STR("Jefe"), STR("what do ya want for nothing?"), digest);
    sha256_hex(digest, hex);
    assert_string_equal(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(key, 0xaa, sizeof key);
    hmac_sha256((struct str){ key, sizeof key },
                STR("Test Using Larger Than Block-Size Key - Hash Key First"), digest);
    sha256_hex(digest, hex);
    assert_string_equal(hex, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

/* --- when ----------------------------------------------------------------------------------------- */

struct sent {
    bool page;
    usec_t made_at, sent_at;
};

/* A week of one person: hours with gaps, things that happen at any time, a service that refuses at times.
 * Steps are those of the daemon: look, send all that may leave, sleep until then or something happens. */
static void a_week(struct prng *luck, bool may_refuse)
{
    struct span look[40];
    struct sent waits[64];
    size_t look_n = 0, waits_n = 0, told = 0, made = 0;
    struct notice_wait w = { 0 };
    uint32_t tries = 0;
    usec_t now_at = MIDNIGHT, end_at = MIDNIGHT + 8 * 24 * H, happens_at = now_at;
    for (usec_t at = MIDNIGHT; at < end_at && look_n < 40;) {
        at += (usec_t)prng_below(luck, 20 * (uint64_t)H);
        look[look_n].from_at = at;
        at += (usec_t)prng_below(luck, prng_below(luck, 4) ? 9 * (uint64_t)H : 60 * USEC_PER_SEC) + 1;
        look[look_n++].until_at = at;
        at += USEC_PER_MIN;
    }
    while (now_at < end_at) {
        bool only_pages;
        if (happens_at <= now_at && waits_n < 64) {
            bool page = prng_below(luck, 5) == 0;
            waits[waits_n++] = (struct sent){ page, now_at, 0 };
            made++;
            *(page ? &w.pages : &w.others) = true;
            happens_at = now_at + (usec_t)prng_below(luck, 6 * (uint64_t)H);
        }
        size_t from = 0;
        while (from < look_n && look[from].until_at <= now_at)
            from++;
        usec_t at = notice_due_at(&w, look + from, look_n - from, now_at, &only_pages);
        assert_true(at >= now_at);
        if (at > now_at) {
            now_at = usec_min(at, happens_at > now_at ? happens_at : at);
            continue;
        }
        /* what leaves */
        bool open = false;
        for (size_t i = 0; i < look_n; i++)
            open |= look[i].from_at <= now_at && now_at + NOTICE_MARGIN_US <= look[i].until_at;
        bool refused = may_refuse && prng_below(luck, 3) == 0;
        size_t kept = 0;
        for (size_t i = 0; i < waits_n; i++) {
            if (only_pages && !waits[i].page) {
                waits[kept++] = waits[i];
                continue;
            }
            assert_true(open || waits[i].page); /* nothing leaves outside the person's hours */
            if (refused) {
                waits[kept++] = waits[i];
                continue;
            }
            told++;
            if (may_refuse)
                continue;
            /* at the first chance: at once, or as the first long enough stretch after it begins */
            usec_t first_at = waits[i].page ? waits[i].made_at : USEC_NEVER;
            for (size_t k = 0; k < look_n && first_at == USEC_NEVER; k++) {
                usec_t begins_at = usec_max(look[k].from_at, waits[i].made_at);
                if (look[k].until_at - begins_at >= NOTICE_MARGIN_US)
                    first_at = begins_at;
            }
            assert_int_equal(now_at, first_at);
        }
        waits_n = kept;
        tries = refused ? tries + 1 : 0;
        usec_t later_at = refused ? now_at + notice_again_us(tries - 1, prng_below(luck, 2) ? 0 : 7 * USEC_PER_SEC)
                                  : 0;
        w = (struct notice_wait){ .not_before_at = later_at };
        for (size_t i = 0; i < waits_n; i++)
            *(waits[i].page ? &w.pages : &w.others) = true;
        assert_true(refused || !w.pages);
    }
    assert_int_equal(told + waits_n, made);
}

static void nothing_leaves_outside_hours_and_all_at_the_first_chance(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 1000; seed++) {
        struct prng luck;
        prng_init(&luck, seed, 0);
        a_week(&luck, seed % 2 == 0);
    }
}

static void waiting_grows_and_a_clock_set_back_keeps_nothing(void **state)
{
    const struct span open = { MIDNIGHT, MIDNIGHT + H };
    struct notice_wait w = { .others = true, .not_before_at = MIDNIGHT + 900 * 24 * H };
    bool only_pages;
    (void)state;
    assert_int_equal(notice_again_us(0, 0), 30 * USEC_PER_SEC);
    assert_int_equal(notice_again_us(3, 0), 240 * USEC_PER_SEC);
    assert_int_equal(notice_again_us(7, 0), NOTICE_AGAIN_US_MAX);
    assert_int_equal(notice_again_us(4000000000u, 0), NOTICE_AGAIN_US_MAX);
    assert_int_equal(notice_again_us(9, 5 * USEC_PER_SEC), 5 * USEC_PER_SEC);
    assert_int_equal(notice_due_at(&w, &open, 1, MIDNIGHT, &only_pages), MIDNIGHT);
    assert_int_equal(notice_due_at(&w, NULL, 0, MIDNIGHT, &only_pages), USEC_NEVER);
}

struct team { /* what notice_pick asks for */
    struct notice_view channels[3];
};

static void view(void *data, uint32_t channel, struct notice_view *ret)
{
    *ret = ((struct team *)data)->channels[channel];
}

/* One after another, what a service asked for holds for rows, pages and briefs of its channel alone. */
static void channels_have_their_turn(void **state)
{
    const struct span day = { MIDNIGHT, MIDNIGHT + 9 * H };
    struct team t = { 0 };
    struct notice_picking p = { .n = 3, .now_at = MIDNIGHT + H, .data = &t, .view = view };
    struct notice_pick pick;
    usec_t next_at;
    (void)state;
    assert_false(notice_pick(&p, &pick, &next_at));
    assert_int_equal(next_at, USEC_NEVER);
    for (int i = 0; i < 3; i++)
        t.channels[i] = (struct notice_view){ .wait = { .others = true }, .looked = &day, .looked_n = 1 };
    for (uint32_t i = 0; i < 5; i++) {
        p.first = i;
        assert_true(notice_pick(&p, &pick, &next_at));
        assert_int_equal(pick.channel, i % 3);
    }
    p.first = UINT32_MAX;
    assert_true(notice_pick(&p, &pick, &next_at));
    t.channels[1].wait.others = t.channels[2].wait.others = false;
    t.channels[0].wait = (struct notice_wait){ true, true, p.now_at + 60 * USEC_PER_SEC };
    t.channels[0].brief.morning = true;
    assert_false(notice_pick(&p, &pick, &next_at));
    assert_int_equal(next_at, p.now_at + 60 * USEC_PER_SEC);
    p.now_at = next_at;
    assert_true(notice_pick(&p, &pick, &next_at));
    assert_int_equal(pick.brief, BRIEF_MORNING);
    t.channels[0].brief.morning_at = p.now_at;
    assert_true(notice_pick(&p, &pick, &next_at) && !pick.brief && !pick.only_pages);
    p.now_at = MIDNIGHT + 10 * H; /* not there any more */
    assert_true(notice_pick(&p, &pick, &next_at) && pick.only_pages);
    t.channels[0].wait.pages = false;
    assert_false(notice_pick(&p, &pick, &next_at));
    assert_int_equal(next_at, p.now_at + NOTICE_LOOK_US_MAX);
}

static void a_brief_said_by_a_clock_that_ran_ahead_is_said_again(void **state)
{
    const struct span day = { MIDNIGHT, MIDNIGHT + 9 * H };
    struct brief_wish w = { .morning = true, .morning_at = MIDNIGHT + 400 * 24 * H };
    usec_t next_at;
    (void)state;
    assert_int_equal(brief_due(&w, &day, 1, MIDNIGHT + H, &next_at), BRIEF_MORNING);
    w.morning_at = MIDNIGHT + H + USEC_PER_SEC; /* by a second is a clock being set right */
    assert_int_equal(brief_due(&w, &day, 1, MIDNIGHT + H, &next_at), BRIEF_NONE);
}

/* Alike is one row, but for what happens while it is under way. */
static void alike_is_one_row(void **state)
{
    char a[NOTICE_DEDUPE_MAX], b[NOTICE_DEDUPE_MAX];
    (void)state;
    notice_dedupe(NOTICE_DONE, 12, 0, a);
    assert_string_equal(a, "job-done/12");
    notice_dedupe(NOTICE_DONE, 12, 7, b);
    assert_string_not_equal(a, b);
    notice_dedupe(NOTICE_FAILED, UINT32_MAX, UINT64_MAX, b);
    assert_true(strlen(b) < NOTICE_DEDUPE_MAX - 1);
    assert_true(notice_is_listed(STR("job-failed,todo-asked"), NOTICE_ASKED));
    assert_false(notice_is_listed(STR("job-failed,todo-asked"), NOTICE_DONE));
    assert_false(notice_is_listed(STR(""), NOTICE_DONE));
}

/* --- words ------------------------------------------------------------------------------------------ */

static const struct notice_item items[] = {
    { NOTICE_FAILED, 1, "12", "train", "FAILED", "RaisedSignal", 0, 9, MIDNIGHT + 2 * H },
    { NOTICE_DONE, 10, "20", "sweep", "COMPLETED", "None", 0, 0, MIDNIGHT + 3 * H },
    { NOTICE_ASKED, 1, "31", "label", "", "", 0, 0, MIDNIGHT + 4 * H },
};

static void words_in_both_languages(void **state)
{
    struct buf title, lines;
    struct notice_text t = { LANG_EN, &seoul, MIDNIGHT + 9 * H, items, 3, 7 };
    (void)state;
    buf_init(&title, 4096);
    buf_init(&lines, 65536);
    notice_title(&title, &t);
    notice_lines(&lines, &t);
    assert_string_equal(title.ptr, "eoul: 1 failed, 10 done, 8 other");
    assert_string_equal(lines.ptr, "02:00  12 train: failed (signal 9)\n"
                                   "03:00  20 sweep: is done (10 tasks of the array)\n"
                                   "04:00  31 label: is asked of you; \"eoul todo accept 31\" or \"eoul todo "
                                   "decline 31\"\nand 7 more; \"eoul brief --morning\" names them\n");
    t.lang = LANG_KO;
    t.items_n = 1;
    t.more = 0;
    buf_clear(&title);
    notice_title(&title, &t);
    assert_string_equal(title.ptr, "실패: 12 train");
    buf_finish(&title);
    buf_finish(&lines);
}

/* Whatever a job is called, what leaves is one whole request: no line of the head is added, JSON's strings
 * end where they should, a mail has no line of its own making, and nothing is cut within a character. */
static void foreign_names_stay_text(void **state)
{
    static const char *const pieces[] = { "\"", "\\", "\r\n", "\n", "X-Evil: 1", "한글", "😀", "<!channel>",
                                          "@everyone", "&", "`", "\x7f", "\x01", ".", "a b" };
    struct prng luck;
    (void)state;
    prng_init(&luck, 7, 0);
    for (int round = 0; round < 400; round++) {
        struct buf title, text;
        struct notice_request r;
        buf_init(&title, 1 << 20);
        buf_init(&text, 1 << 20);
        for (uint64_t n = prng_below(&luck, 30); n > 0; n--)
            buf_c(&title, pieces[prng_below(&luck, 15)]);
        for (uint64_t n = prng_below(&luck, 3000); n > 0; n--)
            buf_c(&text, pieces[prng_below(&luck, 15)]);
        enum channel_kind kind = (enum channel_kind)prng_below(&luck, CHANNEL_KINDS);
        const struct notice_channel c = { kind, kind == CHANNEL_SMTP ? STR("smtps://mail.example/me@example.org")
                                                                     : STR("https://hook.example/topic#12"),
                                          STR(""), STR("key") };
        static const struct notice_answer answers[] = {
            { "Accept 12 라벨", "https://eoul.example.org/t/3.accept.12.1795680000.00" },
            { "Decline 12 라벨", "https://eoul.example.org/t/3.decline.12.1795680000.00" },
            { "Later 12 라벨", "https://eoul.example.org/t/3.later.12.1795680000.00" },
            { "I am away", "https://eoul.example.org/t/3.away.0.1795680000.00" } };
        size_t answers_n = prng_below(&luck, 5);
        const struct notice_message m = { "7.1", buf_look(&title), buf_look(&text), false, MIDNIGHT, answers,
                                          answers_n };
        assert_int_equal(notice_request(&c, &m, &r), 0);
        assert_true(utf8_valid(buf_look(&r.body)));
        assert_null(strstr(r.headers.ptr ? r.headers.ptr : "", "Evil"));
        for (size_t i = 0; i < answers_n && kind != CHANNEL_SMTP; i++)
            assert_non_null(strstr(r.body.ptr, answers[i].url)); /* whole, however much is cut */
        unsigned open = 0;
        bool in = false;
        for (size_t i = 0; i < r.body.len && kind != CHANNEL_SMTP; i++) {
            unsigned char ch = (unsigned char)r.body.ptr[i];
            assert_true(ch >= ' ');
            if (in && ch == '\\')
                i++;
            else if (ch == '"')
                in = !in;
            else if (!in)
                open += ch == '{' ? 1 : ch == '}' ? -1u : 0;
        }
        assert_false(in);
        assert_int_equal(open, 0);
        if (kind == CHANNEL_SMTP) {
            assert_null(strstr(r.body.ptr, "\nX-Evil"));
            for (size_t i = 0; i < r.body.len; i++)
                assert_true(r.body.ptr[i] != '\n' || (i > 0 && r.body.ptr[i - 1] == '\r'));
        }
        if (kind == CHANNEL_DISCORD)
            assert_true(r.body.len < 4600);
        notice_request_finish(&r);
        buf_finish(&title);
        buf_finish(&text);
    }
}

static void addresses_show_their_host_only(void **state)
{
    char place[NOTICE_PLACE_MAX];
    struct err err = { 0 };
    static const struct {
        enum channel_kind kind;
        const char *address, *place; /* NULL: refused */
    } list[] = {
        { CHANNEL_SLACK, "https://hooks.slack.com/services/T0/B0/secret", "https://hooks.slack.com/..." },
        { CHANNEL_TEAMS, "https://x.example?sig=secret", "https://x.example/..." },
        { CHANNEL_NTFY, "https://ntfy.sh/secret", "https://ntfy.sh/..." },
        { CHANNEL_NTFY, "https://ntfy.sh/", NULL }, { CHANNEL_NTFY, "https://ntfy.sh/a/b", NULL },
        { CHANNEL_WEBHOOK, "ftp://x.example/", NULL }, { CHANNEL_WEBHOOK, "http://x.example/", NULL },
        { CHANNEL_NTFY, "http://ntfy.sh/topic", NULL }, { CHANNEL_WEBHOOK, "http://127.0.0.1:81/x", "http://127.0.0.1:81/..." },
         { CHANNEL_WEBHOOK, "https://u:p@x.example/", NULL },
        { CHANNEL_WEBHOOK, "https:///x", NULL }, { CHANNEL_WEBHOOK, "https://x.example/a b", NULL },
        { CHANNEL_WEBHOOK, "x.example", NULL }, { CHANNEL_WEBHOOK, "", NULL },
        { CHANNEL_KAKAOWORK, "12345", "https://api.kakaowork.com/..." },
        { CHANNEL_KAKAOWORK, "12a", NULL }, { CHANNEL_KAKAOWORK, "https://x.example/y", NULL },
        { CHANNEL_SMTP, "smtps://mail.example/me@example.org", "smtps://mail.example/..." },
        { CHANNEL_SMTP, "smtps://mail.example/me>x@example.org", NULL },
        { CHANNEL_SMTP, "https://mail.example/me@example.org", NULL },
        { CHANNEL_COMMAND, "/home/me/bin/tell", "/home/me/bin/tell" },
        { CHANNEL_COMMAND, "tell", NULL }, { CHANNEL_COMMAND, "/", NULL }, { CHANNEL_COMMAND, "/a b", NULL },
        { CHANNEL_COMMAND, "https://x.example/", NULL },
    };
    (void)state;
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        int code = notice_address_check(list[i].kind, str_of(list[i].address), STR("key"), place, &err);
        if (!list[i].place != (code < 0))
            fail_msg("%s: %d", list[i].address, code);
        if (code == 0)
            assert_string_equal(place, list[i].place);
    }
    assert_int_equal(notice_address_check(CHANNEL_KAKAOWORK, STR("12"), STR(""), place, &err), E_INVALID);
}

static void arriving_is_what_the_service_says(void **state)
{
    (void)state;
    assert_true(notice_arrived(CHANNEL_SLACK, 200, STR("ok")));
    assert_false(notice_arrived(CHANNEL_SLACK, 302, STR("")));
    assert_false(notice_arrived(CHANNEL_DISCORD, 429, STR("")));
    assert_true(notice_arrived(CHANNEL_TEAMS, 202, STR("")));
    assert_false(notice_arrived(CHANNEL_KAKAOWORK, 200, STR("{\"success\":false}")));
    assert_true(notice_arrived(CHANNEL_KAKAOWORK, 200, STR("{\"success\":true}")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashes_are_those_of_the_standards),
        cmocka_unit_test(nothing_leaves_outside_hours_and_all_at_the_first_chance),
        cmocka_unit_test(waiting_grows_and_a_clock_set_back_keeps_nothing),
        cmocka_unit_test(channels_have_their_turn),
        cmocka_unit_test(a_brief_said_by_a_clock_that_ran_ahead_is_said_again),
        cmocka_unit_test(alike_is_one_row),
        cmocka_unit_test(words_in_both_languages),
        cmocka_unit_test(foreign_names_stay_text),
        cmocka_unit_test(addresses_show_their_host_only),
        cmocka_unit_test(arriving_is_what_the_service_says),
    };
    return cmocka_run_group_tests(tests, load_zone, NULL);
}
