/* test_ticket_ask.c - asking the launcher for a ticket: what it may answer, and what is said when it does not. */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "client/ticket.h"

static char dir[] = "/tmp/eoul-ask-XXXXXX";
static char path[64];
static pid_t launcher;
static bool deaf, mute; /* nothing can be sent; no answer comes in time */

ssize_t __real_send(int fd, const void *bytes, size_t n, int flags);
ssize_t __wrap_send(int fd, const void *bytes, size_t n, int flags);
ssize_t __wrap_send(int fd, const void *bytes, size_t n, int flags) { return deaf ? -1 : __real_send(fd, bytes, n, flags); }
int __real_poll(struct pollfd *at, nfds_t n, int ms);
int __wrap_poll(struct pollfd *at, nfds_t n, int ms);
int __wrap_poll(struct pollfd *at, nfds_t n, int ms) { return mute ? 0 : __real_poll(at, n, ms); }

/* --- a launcher that answers as the number of tasks says ------------------------------------------ */

enum { GOOD = 1, ROOT, GROUPS, DISK, SHORT, STRANGE, SHY, SILENT };

static void answer(int fd, const struct ticket_ask *ask)
{
    static int shy;
    struct ticket_answer a = { .magic = TICKET_MAGIC, .version = TICKET_VERSION };
    a.ticket = (struct ticket){ .magic = TICKET_MAGIC, .version = TICKET_VERSION, .uid = 4000, .tasks = ask->tasks };
    memcpy(a.ticket.hash, ask->hash, sizeof a.ticket.hash);
    a.error = ask->tasks == ROOT ? EPERM : ask->tasks == GROUPS ? E2BIG : ask->tasks == DISK ? ENOSPC : 0;
    if (ask->tasks == STRANGE)
        a.magic++;
    if (ask->tasks == SILENT || (ask->tasks == SHY && ++shy % 3 != 0))
        return; /* flooded: it closes without a word */
    (void)send(fd, &a, ask->tasks == SHORT ? sizeof a - 1 : sizeof a, MSG_NOSIGNAL);
}

static int begin(void **state)
{
    (void)state;
    struct sockaddr_un name = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (!mkdtemp(dir))
        return -1;
    snprintf(path, sizeof path, "%s/socket", dir);
    snprintf(name.sun_path, sizeof name.sun_path, "%s", path);
    if (bind(fd, (struct sockaddr *)&name, sizeof name) < 0 || listen(fd, 8) < 0)
        return -1;
    launcher = fork();
    if (launcher == 0)
        for (;;) {
            struct ticket_ask ask;
            int client = accept(fd, NULL, NULL);
            if (recv(client, &ask, sizeof ask, 0) == (ssize_t)sizeof ask)
                answer(client, &ask);
            close(client);
        }
    close(fd);
    return launcher < 0 ? -1 : setenv("EOUL_LAUNCHER", path, 1);
}

static int end(void **state)
{
    (void)state;
    kill(launcher, SIGKILL);
    waitpid(launcher, NULL, 0);
    unlink(path);
    return rmdir(dir);
}

/* --- what is answered ----------------------------------------------------------------------------- */

static const uint8_t hash[32] = { 1, 2, 3 };

static void what_it_may_answer(void **state)
{
    (void)state;
    static const struct {
        uint32_t tasks;
        int code;
        const char *said; /* in the sentence */
    } table[] = {
        { GOOD, 0, "" },
        { ROOT, E_DENIED, "root's jobs are not run by eoul" },
        { GROUPS, E_DENIED, "more than 64 groups" },
        { DISK, E_NO_SPACE, "The launcher gives no ticket: No space left on device." },
        { SHORT, E_UNAVAILABLE, "does not answer; try again" },
        { STRANGE, E_UNAVAILABLE, "does not answer; try again" },
        { SHY, 0, "" }, /* the third time */
        { SILENT, E_UNAVAILABLE, "does not answer; try again" },
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct ticket t = { .uid = 77 };
        struct err err = { 0 };
        int code = ticket_get(hash, table[i].tasks, &t, &err);
        if (code != table[i].code || !strstr(err.text, table[i].said))
            fail_msg("row %zu: %d, \"%s\"", i, code, err.text);
        assert_int_equal(t.uid, code == 0 ? 4000 : 77); /* written only on success */
        if (code == 0)
            assert_memory_equal(t.hash, hash, sizeof hash);
    }
}

static void nobody_to_ask(void **state)
{
    (void)state;
    char long_path[200];
    struct ticket t;
    struct err err = { 0 };
    struct rlimit files, none;
    deaf = true;
    assert_int_equal(ticket_get(hash, GOOD, &t, &err), E_UNAVAILABLE);
    deaf = false;
    mute = true;
    assert_int_equal(ticket_get(hash, GOOD, &t, &err), E_UNAVAILABLE);
    mute = false;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
    none = (struct rlimit){ 0, files.rlim_max };
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    int code = ticket_get(hash, GOOD, &t, &err);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &files), 0);
    assert_int_equal(code, E_BUSY);
    assert_non_null(strstr(err.text, "is eoul-launcher running?"));
    setenv("EOUL_LAUNCHER", "/nowhere/socket", 1);
    assert_int_equal(ticket_get(hash, GOOD, &t, &err), E_UNAVAILABLE);
    memset(long_path, '/', sizeof long_path - 1);
    long_path[sizeof long_path - 1] = '\0';
    setenv("EOUL_LAUNCHER", long_path, 1);
    assert_int_equal(ticket_get(hash, GOOD, &t, &err), E_TOO_LARGE);
    setenv("EOUL_LAUNCHER", "beside/me", 1); /* whose directory would that be? */
    assert_string_equal(ticket_socket(), TICKET_SOCKET);
    unsetenv("EOUL_LAUNCHER");
    assert_string_equal(ticket_socket(), TICKET_SOCKET);
    setenv("EOUL_LAUNCHER", path, 1);
    assert_string_equal(ticket_socket(), path);
}

/* --- as text -------------------------------------------------------------------------------------- */

static void only_its_own_digits(void **state)
{
    (void)state;
    static char text[2 * sizeof(struct ticket) + 1];
    struct ticket t = { .magic = TICKET_MAGIC, .version = TICKET_VERSION, .uid = 0xabcdef01, .tasks = 7 }, back;
    struct buf b;
    buf_init_fixed(&b, text, sizeof text);
    ticket_print(&b, &t);
    assert_int_equal(b.len, 2 * sizeof t);
    assert_int_equal(ticket_read(buf_look(&b), &back), 0);
    assert_memory_equal(&t, &back, sizeof t);
    assert_int_equal(ticket_read(str_slice(buf_look(&b), 0, b.len - 1), &back), E_INVALID);
    static const char wrong[] = { '/', ':', '`', 'g', 'A', ' ', '\0' };
    for (size_t i = 0; i < sizeof wrong; i++)
        for (size_t at = 0; at < 2; at++) { /* the high half of a byte, and the low one */
            char was = text[16 + at];
            text[16 + at] = wrong[i];
            assert_int_equal(ticket_read((struct str){ text, b.len }, &back), E_INVALID);
            text[16 + at] = was;
        }
    t.magic++;
    b.len = 0;
    ticket_print(&b, &t);
    assert_int_equal(ticket_read(buf_look(&b), &back), E_INVALID);
    t.magic--, t.version++;
    b.len = 0;
    ticket_print(&b, &t);
    assert_int_equal(ticket_read(buf_look(&b), &back), E_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_it_may_answer), cmocka_unit_test(nobody_to_ask), cmocka_unit_test(only_its_own_digits),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
