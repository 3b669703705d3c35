/* message.c - one channel's request; see notice.h.
 *
 * What each service wants, as its own pages said in November 2026:
 *   ntfy       JSON to the server's root with topic, title, message, priority; plain text
 *   Slack      {"text"}; & < > as entities; mrkdwn off
 *   Discord    {"content"} up to 2,000 characters; nobody is mentioned; marks of Markdown escaped
 *   Teams      a Workflows hook: a message with one Adaptive Card; text runs are taken as they are
 *   KakaoWork  messages.send with conversation_id and text, the bot's key as bearer; a refusal comes
 *              with status 200 and "success": false
 *   command    what a webhook gets, on stdin
 *   webhook    ours: the body signed with HMAC-SHA256 over "TIME.BODY"
 */
#include "notice/notice.h"

#include <assert.h>
#include <string.h>

#include "base/sha256.h"
#include "cal/civil.h"

#define KAKAOWORK_URL "https://api.kakaowork.com/v1/messages.send"
#define BODY_MAX (256u << 10)
#define HEADERS_MAX 4096u
#define NTFY_ACTIONS_MAX 3u /* what ntfy draws as buttons */
#define MAIL_LINE 57 /* bytes that make a line of 76 letters in base64 */

static const struct {
    const char *word;
    size_t bytes;
} kinds[CHANNEL_KINDS] = {
#define X(kind, word, bytes) [kind] = { word, bytes },
    NOTICE_CHANNEL_LIST(X)
#undef X
};

const char *channel_kind_word(enum channel_kind kind)
{
    return kind < CHANNEL_KINDS ? kinds[kind].word : "?";
}

bool channel_kind_read(struct str word, enum channel_kind *ret)
{
    for (int i = 0; i < CHANNEL_KINDS; i++)
        if (str_is(word, kinds[i].word)) {
            *ret = (enum channel_kind)i;
            return true;
        }
    return false;
}

/* --- addresses ---------------------------------------------------------------------------------------- */

struct address {
    struct str scheme, host, path; /* host with its port; path without the first slash or the fragment */
    struct str fragment;
};

static bool take_apart(struct str text, struct address *ret)
{
    int sign = -1;
    *ret = (struct address){ 0 };
    for (size_t i = 0; i + 2 < text.len && sign < 0; i++)
        if (memcmp(text.ptr + i, "://", 3) == 0)
            sign = (int)i;
    if (sign < 1)
        return false;
    ret->scheme = str_slice(text, 0, (size_t)sign);
    text = str_slice(text, (size_t)sign + 3, text.len);
    size_t host = 0, end = text.len;
    while (host < text.len && text.ptr[host] != '/' && text.ptr[host] != '#' && text.ptr[host] != '?')
        host++;
    ret->host = str_slice(text, 0, host);
    for (size_t i = host; i < end; i++)
        if (text.ptr[i] == '#') {
            ret->fragment = str_slice(text, i + 1, text.len);
            end = i;
        }
    ret->path = str_slice(text, host < end ? host + 1 : end, end);
    return ret->host.len > 0 && ret->host.len < 256 && !memchr(ret->host.ptr, '@', ret->host.len);
}

static bool digits(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return false;
    return s.len > 0 && s.len < 32;
}

static bool is_mailbox(struct str s)
{
    const char *at = s.len ? memchr(s.ptr, '@', s.len) : NULL;
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.ptr[i] <= ' ' || strchr("<>,;:\"()[]\\", s.ptr[i]))
            return false;
    return at && at > s.ptr && at < s.ptr + s.len - 1;
}

static int no_conversation(struct err *err)
{
    return err_set(err, E_INVALID, "KakaoWork needs the number of a conversation, as in \"eoul me notify add kakaowork 1234567 "
                                   "--secrets FILE\".");
}

static int check_parts(enum channel_kind kind, const struct address *a, struct str secret,
                       struct err *err)
{
    bool web = str_is(a->scheme, "https") || str_is(a->scheme, "http");
    if (kind == CHANNEL_SMTP) {
        if (!str_is(a->scheme, "smtps") && !str_is(a->scheme, "smtp"))
            return err_set(err, E_INVALID, "Mail goes to smtps://SERVER/ME@EXAMPLE.ORG.");
        return is_mailbox(a->path) ? 0 : err_set(err, E_INVALID, "Mail goes to smtps://SERVER/"
                                                                 "ME@EXAMPLE.ORG.");
    }
    if (!web)
        return err_set(err, E_INVALID, "The address must begin with https://.");
    /* A service on this machine (a test's, or one that passes it on) is asked in the clear, and nothing else. */
    if (str_is(a->scheme, "http") && !str_is_loopback(a->host))
        return err_set(err, E_INVALID, "The address must begin with https://: what goes to http:// anybody on the way can read.");
    if (kind == CHANNEL_NTFY && (a->path.len == 0 || memchr(a->path.ptr, '/', a->path.len)))
        return err_set(err, E_INVALID, "An address of ntfy is https://SERVER/TOPIC.");
    if (kind == CHANNEL_KAKAOWORK && !digits(a->fragment))
        return no_conversation(err);
    if (kind == CHANNEL_KAKAOWORK && !secret.len)
        return err_set(err, E_INVALID, "KakaoWork needs the key of a bot: a line \"password KEY\" in the "
                                       "file of --secrets.");
    return 0;
}

int notice_address_check(enum channel_kind kind, struct str address, struct str secret,
                         char ret_place[NOTICE_PLACE_MAX], struct err *err)
{
    struct address a;
    struct buf place;
    buf_init_fixed(&place, ret_place, NOTICE_PLACE_MAX);
    if (address.len > NOTICE_ADDRESS_MAX)
        return err_set(err, E_TOO_LARGE, "The address is too long.");
    for (size_t i = 0; i < address.len; i++)
        if ((unsigned char)address.ptr[i] <= ' ' || (unsigned char)address.ptr[i] == 0x7f)
            return err_set(err, E_INVALID, "An address has no blanks.");
    if (kind == CHANNEL_COMMAND) {
        if (address.len < 2 || address.ptr[0] != '/' || address.len >= NOTICE_PLACE_MAX)
            return err_set(err, E_INVALID, "A command is the whole path of a program, such as /home/me/bin/tell.");
        buf_str(&place, address);
        return 0;
    }
    if (kind == CHANNEL_KAKAOWORK && digits(address)) {
        buf_c(&place, "https://api.kakaowork.com/...");
        return secret.len ? 0 : check_parts(kind, &(struct address){ STR("https"), STR("x"), { 0 },
                                                                     address }, secret, err);
    }
    bool apart = take_apart(address, &a);
    if (!apart && kind == CHANNEL_KAKAOWORK)
        return no_conversation(err);
    if (!apart)
        return err_set(err, E_INVALID, "An address is written https://SERVER/... as the service gave it out, without a user or "
                                       "password in it.");
    int code = check_parts(kind, &a, secret, err);
    if (code < 0)
        return code;
    buf_str(&place, a.scheme);
    buf_c(&place, "://");
    buf_str(&place, a.host);
    buf_c(&place, a.path.len ? "/..." : "/");
    return 0;
}

/* --- pieces -------------------------------------------------------------------------------------------- */

/* As a JSON string, quotes included. */
static void json_text(struct buf *out, struct str s)
{
    buf_char(out, '"');
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c == '"' || c == '\\') {
            buf_char(out, '\\');
            buf_char(out, (char)c);
        } else if (c == '\n') {
            buf_c(out, "\\n");
        } else if (c < ' ' || c == 0x7f) {
            buf_printf(out, "\\u%04x", c);
        } else {
            buf_char(out, (char)c);
        }
    }
    buf_char(out, '"');
}

/* Whole lines of at most `max` bytes, or of one line whole characters. */
static struct str cut(struct str text, size_t max)
{
    if (text.len <= max)
        return text;
    size_t len = max;
    while (len > 0 && text.ptr[len - 1] != '\n')
        len--;
    if (len == 0)
        for (len = max; len > 0 && ((unsigned char)text.ptr[len] & 0xc0) == 0x80; len--)
            ;
    return str_slice(text, 0, len);
}

static void entities(struct buf *out, struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] == '&')
            buf_c(out, "&amp;");
        else if (s.ptr[i] == '<')
            buf_c(out, "&lt;");
        else if (s.ptr[i] == '>')
            buf_c(out, "&gt;");
        else
            buf_char(out, s.ptr[i]);
}

static void markdown(struct buf *out, struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (strchr("\\*_~|`>[]()#-@<:", s.ptr[i]) && s.ptr[i])
            buf_char(out, '\\');
        buf_char(out, s.ptr[i]);
    }
}

static void base64(struct buf *out, struct str s)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < s.len; i += 3) {
        size_t left = s.len - i;
        uint32_t v = (uint32_t)(unsigned char)s.ptr[i] << 16;
        if (left > 1)
            v |= (uint32_t)(unsigned char)s.ptr[i + 1] << 8;
        if (left > 2)
            v |= (unsigned char)s.ptr[i + 2];
        buf_char(out, letters[v >> 18]);
        buf_char(out, letters[v >> 12 & 63]);
        buf_char(out, left > 1 ? letters[v >> 6 & 63] : '=');
        buf_char(out, left > 2 ? letters[v & 63] : '=');
    }
}

static void header(struct buf *out, const char *name, struct str value)
{
    buf_c(out, name);
    buf_c(out, ": ");
    buf_str(out, value);
    buf_char(out, '\n');
}

static void bearer(struct buf *out, struct str secret)
{
    if (!secret.len)
        return;
    buf_c(out, "Authorization: Bearer ");
    buf_str(out, secret);
    buf_char(out, '\n');
}

/* "LABEL: URL", a line each, from the `from`th on. */
static void answer_lines(struct buf *out, const struct notice_message *m, size_t from)
{
    for (size_t i = from; i < m->answers_n; i++)
        buf_printf(out, "%s: %s\n", m->answers[i].label, m->answers[i].url);
}

/* ,"KEY":[{"BEFORE":"LABEL","url":"URL"}...], or nothing. */
static void answer_list(struct buf *out, const struct notice_message *m, size_t max, const char *key,
                        const char *before)
{
    if (m->answers_n == 0)
        return;
    buf_printf(out, ",\"%s\":[", key);
    for (size_t i = 0; i < m->answers_n && i < max; i++) {
        buf_printf(out, "%s{%s:", i ? "," : "", before);
        json_text(out, str_of(m->answers[i].label));
        buf_c(out, ",\"url\":");
        json_text(out, str_of(m->answers[i].url));
        buf_char(out, '}');
    }
    buf_char(out, ']');
}

/* --- one each ---------------------------------------------------------------------------------------------- */

static void webhook(const struct notice_channel *c, const struct notice_message *m, struct str text,
                    struct notice_request *r)
{
    buf_c(&r->body, "{\"id\":");
    json_text(&r->body, str_of(m->id));
    buf_c(&r->body, ",\"title\":");
    json_text(&r->body, m->title);
    buf_c(&r->body, ",\"text\":");
    json_text(&r->body, text);
    answer_list(&r->body, m, NOTICE_ANSWERS_MAX, "answers", "\"label\"");
    buf_printf(&r->body, ",\"page\":%s,\"at\":%lld}", m->page ? "true" : "false", (long long)m->now_at);
    header(&r->headers, "X-Eoul-Delivery", str_of(m->id));
    if (!c->secret.len)
        return;
    char hex[SHA256_HEX];
    uint8_t digest[SHA256_BYTES];
    struct buf whole;
    buf_init(&whole, BODY_MAX + 32);
    buf_printf(&whole, "%lld.", (long long)(m->now_at / USEC_PER_SEC));
    buf_str(&whole, buf_look(&r->body));
    hmac_sha256(c->secret, buf_look(&whole), digest);
    sha256_hex(digest, hex);
    buf_printf(&r->headers, "X-Eoul-Signature: t=%lld,v1=%s\n", (long long)(m->now_at / USEC_PER_SEC),
               hex);
    if (whole.failed)
        r->body.failed = whole.failed;
    buf_finish(&whole);
}

static void ntfy(const struct notice_channel *c, const struct notice_message *m, struct str text,
                 const struct address *a, struct notice_request *r)
{
    buf_clear(&r->url);
    buf_str(&r->url, a->scheme);
    buf_c(&r->url, "://");
    buf_str(&r->url, a->host);
    buf_char(&r->url, '/');
    buf_c(&r->body, "{\"topic\":");
    json_text(&r->body, a->path);
    buf_c(&r->body, ",\"title\":");
    json_text(&r->body, m->title);
    buf_c(&r->body, ",\"message\":");
    json_text(&r->body, text);
    answer_list(&r->body, m, NTFY_ACTIONS_MAX, "actions", "\"action\":\"view\",\"label\"");
    buf_printf(&r->body, ",\"priority\":%d}", m->page ? 5 : 3);
    bearer(&r->headers, c->secret);
}

static void slack(const struct notice_message *m, struct str text, struct notice_request *r)
{
    struct buf safe;
    buf_init(&safe, BODY_MAX);
    entities(&safe, m->title);
    buf_char(&safe, '\n');
    entities(&safe, text);
    buf_c(&r->body, "{\"text\":");
    json_text(&r->body, buf_look(&safe));
    buf_c(&r->body, ",\"mrkdwn\":false,\"unfurl_links\":false,\"unfurl_media\":false}");
    buf_finish(&safe);
}

static void discord(const struct notice_message *m, struct str text, struct notice_request *r)
{
    struct buf safe;
    size_t max = kinds[CHANNEL_DISCORD].bytes;
    buf_init(&safe, BODY_MAX);
    for (;; max -= max / 4) { /* escaping makes it longer */
        buf_clear(&safe);
        markdown(&safe, cut(m->title, max / 4));
        buf_char(&safe, '\n');
        markdown(&safe, cut(text, max));
        if (m->answers_n && safe.len && safe.ptr[safe.len - 1] != '\n')
            buf_char(&safe, '\n');
        for (size_t i = 0; i < m->answers_n; i++) { /* in angle brackets no preview is drawn */
            markdown(&safe, str_of(m->answers[i].label));
            buf_printf(&safe, ": <%s>\n", m->answers[i].url);
        }
        if (safe.len <= kinds[CHANNEL_DISCORD].bytes + 100 || max < 100)
            break;
    }
    buf_c(&r->body, "{\"content\":");
    json_text(&r->body, buf_look(&safe));
    buf_c(&r->body, ",\"allowed_mentions\":{\"parse\":[]},\"flags\":4}");
    buf_finish(&safe);
}

static void card_line(struct buf *out, struct str line, bool title)
{
    buf_c(out, "{\"type\":\"RichTextBlock\",\"inlines\":[{\"type\":\"TextRun\",\"text\":");
    json_text(out, line);
    buf_c(out, title ? ",\"weight\":\"Bolder\",\"size\":\"Medium\"}]}" : "}]}");
}

static void teams(const struct notice_message *m, struct str text, struct notice_request *r)
{
    struct str line;
    buf_c(&r->body, "{\"type\":\"message\",\"attachments\":[{\"contentType\":"
                    "\"application/vnd.microsoft.card.adaptive\",\"contentUrl\":null,\"content\":{"
                    "\"$schema\":\"http://adaptivecards.io/schemas/adaptive-card.json\","
                    "\"type\":\"AdaptiveCard\",\"version\":\"1.4\",\"body\":[");
    card_line(&r->body, m->title, true);
    while (text.len && str_next(&text, '\n', &line)) {
        if (!line.len)
            continue;
        buf_char(&r->body, ',');
        card_line(&r->body, line, false);
    }
    buf_char(&r->body, ']');
    answer_list(&r->body, m, NOTICE_ANSWERS_MAX, "actions", "\"type\":\"Action.OpenUrl\",\"title\"");
    buf_c(&r->body, "}}]}");
}

static void kakaowork(const struct notice_channel *c, const struct notice_message *m, struct str text,
                      const struct address *a, struct notice_request *r)
{
    struct buf whole;
    buf_init(&whole, BODY_MAX);
    buf_str(&whole, m->title);
    buf_char(&whole, '\n');
    buf_str(&whole, text);
    buf_clear(&r->url);
    if (a->host.len) {
        buf_str(&r->url, a->scheme);
        buf_c(&r->url, "://");
        buf_str(&r->url, a->host);
        buf_char(&r->url, '/');
        buf_str(&r->url, a->path);
    } else {
        buf_c(&r->url, KAKAOWORK_URL);
    }
    buf_c(&r->body, "{\"conversation_id\":");
    json_text(&r->body, a->host.len ? a->fragment : c->address);
    buf_c(&r->body, ",\"text\":");
    json_text(&r->body, buf_look(&whole));
    buf_char(&r->body, '}');
    bearer(&r->headers, c->secret);
    buf_finish(&whole);
}

/* "=?UTF-8?B?...?=", in pieces of whole characters, each on a line of its own (RFC 2047). */
static void mail_subject(struct buf *out, struct str title)
{
    buf_c(out, "Subject:");
    while (title.len) {
        struct str piece = cut(title, 42);
        if (piece.len == 0)
            break;
        buf_c(out, " =?UTF-8?B?");
        base64(out, piece);
        buf_c(out, "?=\r\n");
        title = str_slice(title, piece.len, title.len);
    }
    if (out->len < 2 || out->ptr[out->len - 1] != '\n')
        buf_c(out, "\r\n");
}

static void mail_date(struct buf *out, usec_t now_at)
{
    static const char *const days[] = { "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun" };
    static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
    int64_t s = now_at / USEC_PER_SEC;
    struct civil c = civil_from_local_s(s);
    buf_printf(out, "Date: %s, %d %s %d %02d:%02d:%02d +0000\r\n", days[civil_weekday(civil_day_of(s))],
               c.day, months[c.month - 1], c.year, c.hour, c.minute, c.second);
}

/* The sender is the user who logs in, where that is a mailbox; else whoever receives it. */
static void smtp(const struct notice_channel *c, const struct notice_message *m, struct str text,
                 const struct address *a, struct notice_request *r)
{
    struct str from = is_mailbox(c->user) ? c->user : a->path;
    assert(from.ptr); /* notice_address_check has seen it */
    const char *at = memchr(from.ptr, '@', from.len);
    assert(at);
    buf_clear(&r->url);
    buf_str(&r->url, a->scheme);
    buf_c(&r->url, "://");
    buf_str(&r->url, a->host);
    buf_str(&r->from, from);
    buf_str(&r->to, a->path);
    buf_printf(&r->body, "From: eoul <%.*s>\r\nTo: <%.*s>\r\n", STR_ARG(from), STR_ARG(a->path));
    mail_subject(&r->body, m->title);
    mail_date(&r->body, m->now_at);
    buf_printf(&r->body, "Message-ID: <eoul.%s%.*s>\r\n", m->id, (int)(from.ptr + from.len - at), at);
    buf_c(&r->body, "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"
                    "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n");
    for (size_t i = 0; i < text.len; i += MAIL_LINE) {
        base64(&r->body, str_slice(text, i, i + MAIL_LINE < text.len ? i + MAIL_LINE : text.len));
        buf_c(&r->body, "\r\n");
    }
}

/* The text as long as the channel takes it, behind it the answers that have no button of their own there.
 * Cutting spares them: an address cut short opens nothing. */
static struct str with_answers(enum channel_kind kind, const struct notice_message *m, struct buf *memory)
{
    struct buf lines;
    size_t max = kinds[kind].bytes;
    bool buttons = kind == CHANNEL_WEBHOOK || kind == CHANNEL_COMMAND || kind == CHANNEL_TEAMS || kind == CHANNEL_DISCORD;
    buf_init(&lines, NOTICE_ANSWERS_MAX * (NOTICE_URL_MAX + 200));
    if (!buttons)
        answer_lines(&lines, m, kind == CHANNEL_NTFY ? NTFY_ACTIONS_MAX : 0);
    struct str text = cut(m->text, lines.len < max ? max - lines.len : 0);
    if (lines.len) {
        buf_str(memory, text);
        buf_str(memory, buf_look(&lines));
        text = buf_look(memory);
    }
    memory->failed |= lines.failed;
    buf_finish(&lines);
    return text;
}

int notice_request(const struct notice_channel *c, const struct notice_message *m,
                   struct notice_request *ret)
{
    struct address a = { 0 };
    struct buf whole;
    *ret = (struct notice_request){ 0 };
    buf_init(&ret->url, NOTICE_ADDRESS_MAX + 64);
    buf_init(&ret->body, BODY_MAX);
    buf_init(&ret->headers, HEADERS_MAX);
    buf_init(&ret->from, NOTICE_ADDRESS_MAX);
    buf_init(&ret->to, NOTICE_ADDRESS_MAX);
    buf_init(&whole, BODY_MAX);
    struct str text = with_answers(c->kind, m, &whole);
    (void)take_apart(c->address, &a); /* a bare conversation has no parts */
    buf_str(&ret->url, c->address);
    if (c->kind != CHANNEL_SMTP && c->kind != CHANNEL_COMMAND)
        header(&ret->headers, "Content-Type", STR("application/json; charset=utf-8"));
    switch (c->kind) {
    case CHANNEL_COMMAND: case CHANNEL_WEBHOOK: webhook(c, m, text, ret); break;
    case CHANNEL_NTFY: ntfy(c, m, text, &a, ret); break;
    case CHANNEL_SLACK: slack(m, text, ret); break;
    case CHANNEL_DISCORD: discord(m, m->text, ret); break;
    case CHANNEL_TEAMS: teams(m, text, ret); break;
    case CHANNEL_KAKAOWORK: kakaowork(c, m, text, &a, ret); break;
    case CHANNEL_SMTP: smtp(c, m, text, &a, ret); break;
    case CHANNEL_KINDS: break;
    }
    int failed = whole.failed;
    buf_finish(&whole);
    return failed | ret->url.failed | ret->body.failed | ret->headers.failed | ret->from.failed | ret->to.failed
               ? E_TOO_LARGE : 0;
}

static void wipe(struct buf *b)
{
    if (b->ptr)
        explicit_bzero(b->ptr, b->size);
    buf_finish(b);
}

void notice_request_finish(struct notice_request *r)
{
    wipe(&r->url);
    wipe(&r->body);
    wipe(&r->headers);
    wipe(&r->from);
    wipe(&r->to);
}

static bool says(struct str body, const char *what)
{
    size_t len = strlen(what);
    for (size_t i = 0; i + len <= body.len; i++)
        if (memcmp(body.ptr + i, what, len) == 0)
            return true;
    return false;
}

bool notice_arrived(enum channel_kind kind, int64_t status, struct str body)
{
    if (kind == CHANNEL_COMMAND)
        return status == 0;
    if (kind == CHANNEL_SMTP)
        return status >= 200 && status < 300;
    if (kind == CHANNEL_KAKAOWORK && (says(body, "\"success\":false") || says(body, "\"success\": false")))
        return false;
    return status >= 200 && status < 300;
}
