/* test_fetch.c - eoul-fetch without a network: addresses, messages, multi-status answers, troubles. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/prng.h"
#include "fetch/address.h"
#include "fetch/dav.h"
#include "fetch/http.h"
#include "fetch/message.h"
#include "fetch/trouble.h"

/* --- addresses ------------------------------------------------------------------------------------------ */

static bool is_public(const char *text, bool loopback)
{
    struct sockaddr_in in = { .sin_family = AF_INET };
    struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
    if (inet_pton(AF_INET, text, &in.sin_addr) == 1)
        return address_is_public((struct sockaddr *)&in, loopback);
    if (inet_pton(AF_INET6, text, &in6.sin6_addr) != 1)
        fail_msg("%s is no address", text);
    return address_is_public((struct sockaddr *)&in6, loopback);
}

static void inner_addresses_are_refused(void **state)
{
    static const char *const inner[] = {
        "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.127.255.255", "100.100.100.200",
        "127.0.0.1", "127.255.255.255", "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.1",
        "192.0.2.1", "192.168.0.1", "192.168.255.255", "198.18.0.1", "198.19.255.255", "198.51.100.7",
        "203.0.113.9", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "192.88.99.1",
        "::", "::1", "::127.0.0.1", "::10.0.0.1", "::ffff:127.0.0.1", "::ffff:10.1.2.3", "::ffff:169.254.169.254",
        "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "2002:7f00:1::1", "2002:a00:1::",
        "2002:c0a8:101::1", "fe80::1", "fec0::1", "fc00::1", "fd12:3456::1", "fd00:ec2::254", "ff02::1",
        "2001::1", "2001:0:53aa:64c:0:0:80ff:fffe", "2001:db8::1", "2001:10::1", "3fff::1", "100::1", "4000::1",
    };
    static const char *const outside[] = {
        "1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.1", "100.63.255.255", "100.128.0.1", "126.255.255.255",
        "128.0.0.1", "169.253.255.255", "169.255.0.1", "172.15.255.255", "172.32.0.1", "192.167.255.255",
        "192.169.0.1", "198.17.255.255", "198.20.0.1", "223.255.255.255", "2606:4700::1111", "2a00:1450::1",
        "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1", "2001:4860:4860::8888", "2400:cb00::1",
    };
    struct sockaddr_un local = { .sun_family = AF_UNIX };
    (void)state;
    for (size_t i = 0; i < sizeof inner / sizeof inner[0]; i++)
        if (is_public(inner[i], false))
            fail_msg("%s counts as outside", inner[i]);
    for (size_t i = 0; i < sizeof outside / sizeof outside[0]; i++)
        if (!is_public(outside[i], false) || !is_public(outside[i], true))
            fail_msg("%s does not count as outside", outside[i]);
    /* The switch of tests opens loopback and nothing else. */
    assert_true(is_public("127.0.0.1", true) && is_public("::1", true) && is_public("::ffff:127.0.0.1", true));
    assert_false(is_public("10.0.0.1", true) || is_public("169.254.169.254", true) || is_public("::", true));
    assert_false(address_is_public((struct sockaddr *)&local, true));
}

static void urls(void **state)
{
    static const char *const wrong[] = {
        "http://example.org/", "ftp://example.org/", "file:///etc/passwd", "gopher://example.org/", "example.org",
        "https://example.org:22/", "https://example.org:80/", "https://u@example.org/", "https://u:p@example.org/",
        "https://", "", "dict://example.org/", "https://example.org:99999/", "javascript:1",
    };
    char got[HTTP_URL_MAX];
    (void)state;
    unsetenv("EOUL_FETCH_LOOPBACK");
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        if (http_url_ok(wrong[i], got))
            fail_msg("'%s' was taken", wrong[i]);
    assert_true(http_url_ok("https://example.org/a?b", got) && http_url_ok("https://example.org:8443/", got));
    assert_true(http_url_ok("webcal://example.org/x.ics", got));
    assert_string_equal(got, "https://example.org/x.ics");
    assert_true(http_join("https://a.org/x/y", STR("../z"), got));
    assert_string_equal(got, "https://a.org/z");
    assert_true(http_join("https://a.org/x/", STR("//b.org/q"), got));
    assert_string_equal(got, "https://b.org/q");
    assert_false(http_same_host("https://a.org/", got));
    assert_true(http_same_host("https://a.org/", "https://A.org:443/y"));
    assert_false(http_same_host("https://a.org/", "http://a.org/"));
    assert_false(http_same_host("https://a.org/", "https://a.org:8443/"));
}

/* --- messages ------------------------------------------------------------------------------------------- */

static void messages_come_through_in_any_pieces(void **state)
{
    int pair[2];
    struct buf fields;
    struct fetch_reader r = { 0 };
    char big[5000];
    (void)state;
    memset(big, 'x', sizeof big);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    buf_init(&fields, 1 << 20);
    fetch_field(&fields, FETCH_URL_TAG, STR("https://example.org/"));
    fetch_field(&fields, FETCH_MARKS_TAG, STR(""));
    fetch_field_i64(&fields, FETCH_FROM_AT_TAG, -7);
    fetch_field(&fields, FETCH_BUSY_TAG, (struct str){ big, sizeof big });
    assert_int_equal(fetch_send(pair[0], FETCH_CALENDAR, 5, buf_look(&fields)), 0);
    /* Piece by piece into another pair. */
    int slow[2];
    char byte;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, slow), 0);
    int code = 0;
    while (recv(pair[1], &byte, 1, 0) == 1) {
        assert_int_equal(code, 0);
        assert_int_equal(send(slow[0], &byte, 1, 0), 1);
        code = fetch_receive(&r, slow[1]);
    }
    assert_int_equal(code, 1);
    assert_int_equal(r.head.kind, FETCH_CALENDAR);
    assert_int_equal(r.head.number, 5);
    struct str got = buf_look(&r.fields);
    assert_true(str_is(fetch_get(got, FETCH_URL_TAG), "https://example.org/"));
    assert_int_equal(fetch_get(got, FETCH_MARKS_TAG).len, 0);
    assert_int_equal(fetch_get_i64(got, FETCH_FROM_AT_TAG, 1), -7);
    assert_int_equal(fetch_get_i64(got, FETCH_EVENTS_TAG, 42), 42);
    assert_int_equal(fetch_get(got, FETCH_BUSY_TAG).len, sizeof big);
    /* The next one, then the end. */
    assert_int_equal(fetch_send(slow[0], FETCH_DONE, 6, (struct str){ "", 0 }), 0);
    assert_int_equal(fetch_receive(&r, slow[1]), 1);
    assert_int_equal(r.head.number, 6);
    assert_int_equal(fetch_receive(&r, slow[1]), 0);
    close(slow[0]);
    assert_int_equal(fetch_receive(&r, slow[1]), E_UNAVAILABLE);
    close(slow[1]);
    close(pair[0]);
    close(pair[1]);
    fetch_reader_finish(&r);
    buf_finish(&fields);
}

/* Whatever comes, reading it ends, within its bounds. */
static void nonsense_is_refused(void **state)
{
    struct prng luck;
    (void)state;
    prng_init(&luck, 3, 0);
    for (int round = 0; round < 3000; round++) {
        char bytes[200];
        enum fetch_tag tag;
        struct str value;
        size_t n = prng_below(&luck, sizeof bytes), taken = 0;
        for (size_t i = 0; i < n; i++)
            bytes[i] = (char)prng_below(&luck, prng_below(&luck, 2) ? 8 : 256);
        struct str rest = { bytes, n };
        while (fetch_next(&rest, &tag, &value)) {
            taken += 8 + value.len;
            assert_true(taken <= n && tag > FETCH_TAG_NONE && tag < FETCH_TAGS);
            assert_true(value.ptr >= bytes && value.ptr + value.len <= bytes + n);
        }
    }
    int pair[2];
    struct fetch_reader r = { 0 };
    struct fetch_head head = { .magic = FETCH_MAGIC, .version = FETCH_VERSION, .len = FETCH_LEN_MAX + 1 };
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    assert_int_equal(send(pair[0], &head, sizeof head, 0), (ssize_t)sizeof head);
    assert_int_equal(fetch_receive(&r, pair[1]), E_CORRUPT);
    fetch_reader_finish(&r);
    close(pair[0]);
    close(pair[1]);
}

/* --- multi-status ----------------------------------------------------------------------------------------- */

struct seen {
    char text[2000];
    struct buf b;
};

static int see(const struct dav_resource *r, void *data)
{
    struct seen *s = data;
    buf_str(&s->b, r->href);
    buf_char(&s->b, ' ');
    buf_i64(&s->b, r->status);
    buf_char(&s->b, ' ');
    buf_str(&s->b, r->etag);
    buf_c(&s->b, r->calendar ? " calendar" : "");
    buf_c(&s->b, r->components_said ? r->events ? " events" : " others" : "");
    if (r->data.len) {
        buf_c(&s->b, " data=");
        buf_str(&s->b, r->data);
    }
    if (r->principal.len) {
        buf_c(&s->b, " principal=");
        buf_str(&s->b, r->principal);
    }
    if (r->home.len) {
        buf_c(&s->b, " home=");
        buf_str(&s->b, r->home);
    }
    buf_char(&s->b, '\n');
    return 0;
}

static enum trouble read_dav(const char *xml, struct seen *s, struct dav_answer *ret)
{
    buf_init_fixed(&s->b, s->text, sizeof s->text);
    s->text[0] = '\0';
    return dav_read(str_of(xml), see, s, ret);
}

static void multi_status(void **state)
{
    static const char xml[] =
        "<?xml version='1.0'?><m:multistatus xmlns:m='DAV:' xmlns='urn:ietf:params:xml:ns:caldav'>"
        "<m:response><m:href>/a%20b/</m:href><m:propstat><m:prop><m:resourcetype><m:collection/><calendar/>"
        "</m:resourcetype><supported-calendar-component-set><comp name='VTODO'/></supported-calendar-component-set>"
        "<m:current-user-principal><m:href>/p/</m:href></m:current-user-principal></m:prop>"
        "<m:status>HTTP/1.1 200 OK</m:status></m:propstat><m:propstat><m:prop><calendar-home-set><m:href>/no/</m:href>"
        "</calendar-home-set></m:prop><m:status>HTTP/1.1 404 Not Found</m:status></m:propstat></m:response>"
        "<m:response><m:href> /a.ics\n</m:href><m:status>HTTP/1.1 404 Gone</m:status></m:response>"
        "<m:response><m:href>/b.ics</m:href><m:propstat><m:prop><m:getetag>\"x&amp;y\"</m:getetag>"
        "<calendar-data>BEGIN:&lt;x&gt;\n<![CDATA[<y>]]></calendar-data></m:prop>"
        "<m:status>HTTP/1.1 200 OK</m:status></m:propstat></m:response>"
        "<m:sync-token> http://x/1?a&amp;b </m:sync-token></m:multistatus>";
    struct seen s;
    struct dav_answer a;
    (void)state;
    assert_int_equal(read_dav(xml, &s, &a), TROUBLE_NONE);
    assert_string_equal(s.text, "/a%20b/ 0  calendar others principal=/p/\n/a.ics 404 \n"
                                "/b.ics 0 \"x&y\" data=BEGIN:<x>\n<y>\n");
    assert_string_equal(a.sync_token, "http://x/1?a&b");
    assert_false(a.wants_valid_token);
    assert_int_equal(read_dav("<d:error xmlns:d='DAV:'><d:valid-sync-token/></d:error>", &s, &a), TROUBLE_NONE);
    assert_true(a.wants_valid_token);
    /* Another namespace is another word. */
    assert_int_equal(read_dav("<multistatus><response><href>/x</href></response></multistatus>", &s, &a), TROUBLE_NONE);
    assert_string_equal(s.text, "");
}

static void bad_xml_is_refused(void **state)
{
    static const char *const wrong[] = {
        "", "hello", "<a>", "<a></b>", "<a xmlns:x='1'><y:b/></a>",
        "<!DOCTYPE a [<!ENTITY x \"y\">]><a>&x;</a>", "<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>",
        "<?xml version='1.0' encoding='martian'?><a/>",
    };
    struct seen s;
    struct dav_answer a;
    struct buf deep;
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        if (read_dav(wrong[i], &s, &a) != TROUBLE_PROTOCOL)
            fail_msg("'%s' was taken", wrong[i]);
    buf_init(&deep, 1 << 20);
    for (int i = 0; i < 10000; i++)
        buf_c(&deep, "<a>");
    assert_int_equal(dav_read(buf_look(&deep), see, &s, &a), TROUBLE_PROTOCOL);
    /* A token, an ETag or a name of a megabyte. */
    buf_clear(&deep);
    buf_c(&deep, "<multistatus xmlns='DAV:'><sync-token>");
    for (int i = 0; i < 10000; i++)
        buf_c(&deep, "0123456789");
    buf_c(&deep, "</sync-token></multistatus>");
    assert_int_equal(dav_read(buf_look(&deep), see, &s, &a), TROUBLE_TOO_LARGE);
    buf_finish(&deep);
}

static void troubles(void **state)
{
    struct str detail;
    (void)state;
    for (unsigned t = TROUBLE_NONE + 1; t < TROUBLES; t++) {
        assert_int_equal(trouble_read(str_of(trouble_word((enum trouble)t)), NULL), t);
        assert_true(strlen(trouble_sentence((enum trouble)t)) > 10);
    }
    assert_int_equal(trouble_read(STR("http 503"), &detail), TROUBLE_HTTP);
    assert_true(str_is(detail, "503"));
    assert_int_equal(trouble_read(STR(""), NULL), TROUBLE_NONE);
    assert_int_equal(trouble_read(STR("httpx"), NULL), TROUBLE_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(inner_addresses_are_refused), cmocka_unit_test(urls),
        cmocka_unit_test(messages_come_through_in_any_pieces), cmocka_unit_test(nonsense_is_refused),
        cmocka_unit_test(multi_status), cmocka_unit_test(bad_xml_is_refused), cmocka_unit_test(troubles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
