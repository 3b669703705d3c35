/* main.c - eoul-fetch: calendars in and notices out, the only user of the network; and, in a process of its own,
 * whoever runs the programs that people are told by.
 *
 * Started by the launcher with one end of a socket pair as stdin and stdout.  The first message says
 * what it is for; it shuts itself in (sandbox.h) and then answers one ask after the other until the
 * other end closes.  It has no store, no state of its own on disk and no log: what the daemon should know is
 * in the answers.  An ask that takes longer than ASK_SECONDS_MAX ends the process; the daemon starts
 * another.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fetch/calendar.h"
#include "fetch/caldav.h"
#include "fetch/command.h"
#include "fetch/http.h"
#include "fetch/message.h"
#include "fetch/notice.h"
#include "fetch/sandbox.h"

#define ASK_SECONDS_MAX 110 /* a CalDAV server of 20,000 resources, slow; the daemon waits for 120 */

struct fetch {
    struct http *http;
    struct caldav *caldav;
    bool commands; /* it runs programs, and does nothing else */
    struct fetch_reader reader;
};

static int begin(struct fetch *f)
{
    int code = fetch_receive(&f->reader, STDIN_FILENO);
    bool network = f->reader.head.kind == FETCH_NETWORK;
    f->commands = code == 1 && f->reader.head.kind == FETCH_COMMANDS;
    if (f->commands)
        return 0;
    if (code != 1 || (!network && f->reader.head.kind != FETCH_FILES))
        return E_UNAVAILABLE;
    const char *loopback = getenv("EOUL_FETCH_LOOPBACK");
    if (network) { /* before: certificates and such are found while they can be */
        f->http = http_new();
        f->caldav = caldav_new();
        if (!f->http || !f->caldav)
            return E_NO_MEMORY;
    }
    return sandbox_shut_in(network, loopback && *loopback ? getenv("EOUL_FETCH_CA") : NULL);
}

static int serve(struct fetch *f)
{
    int code;
    while ((code = fetch_receive(&f->reader, STDIN_FILENO)) == 1) {
        struct buf out;
        buf_init(&out, FETCH_LEN_MAX);
        alarm(ASK_SECONDS_MAX);
        if (f->commands && f->reader.head.kind == FETCH_NOTICE)
            command_run(buf_look(&f->reader.fields), &out);
        else if (f->commands)
            fetch_field(&out, FETCH_TROUBLE_TAG, str_of(trouble_word(TROUBLE_PROTOCOL)));
        else if (f->reader.head.kind == FETCH_CALENDAR)
            calendar_read(buf_look(&f->reader.fields), f->http, f->caldav, &out);
        else if (f->reader.head.kind == FETCH_NOTICE)
            notice_send(buf_look(&f->reader.fields), f->http, &out);
        else
            fetch_field(&out, FETCH_TROUBLE_TAG, str_of(trouble_word(TROUBLE_PROTOCOL)));
        alarm(0);
        if (out.failed) {
            buf_finish(&out);
            buf_init(&out, FETCH_LEN_MAX);
            fetch_field(&out, FETCH_TROUBLE_TAG, str_of(trouble_word(TROUBLE_TOO_LARGE)));
        }
        if (f->reader.fields.ptr) /* it may have held a password */
            explicit_bzero(f->reader.fields.ptr, f->reader.fields.size);
        code = fetch_send(STDOUT_FILENO, FETCH_DONE, f->reader.head.number, buf_look(&out));
        buf_finish(&out);
        if (code < 0)
            break;
    }
    return code == E_UNAVAILABLE ? 0 : code;
}

int main(void)
{
    struct fetch f = { 0 };
    int code = begin(&f);
    if (code >= 0)
        code = serve(&f);
    caldav_free(f.caldav);
    http_free(f.http);
    fetch_reader_finish(&f.reader);
    return code < 0 ? 1 : 0;
}
