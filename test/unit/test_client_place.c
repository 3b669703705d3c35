/* test_client_place.c - where things live, and what is refused there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/place.h"

struct world {
    char dir[64];
    char path[256];
    struct place_env env;
    struct place place;
    struct err err;
};

static int make_world(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    snprintf(w->dir, sizeof w->dir, "/tmp/eoul-test-XXXXXX");
    if (!w || !mkdtemp(w->dir))
        return -1;
    w->env = (struct place_env){ .uid = geteuid(), .home = w->dir, .tmp = w->dir, .var_tmp = w->dir,
                                 .passwd = "/etc/passwd", .system_socket = "/nonexistent/socket" };
    *state = w;
    return 0;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st, (void)kind, (void)ftw;
    return remove(path);
}

static int remove_world(void **state)
{
    struct world *w = *state;
    nftw(w->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    free(w);
    return 0;
}

static const char *in(struct world *w, const char *name)
{
    snprintf(w->path, sizeof w->path, "%s/%s", w->dir, name);
    return w->path;
}

static void personal_is_the_default(void **state)
{
    struct world *w = *state;
    char want[256];
    assert_int_equal(place_find(&w->env, &w->place, &w->err), 0);
    assert_int_equal(w->place.mode, PLACE_PERSONAL);
    snprintf(want, sizeof want, "%s/eoul-%u/socket", w->dir, geteuid());
    assert_string_equal(w->place.socket, want);
    assert_string_equal(w->place.state, in(w, ".local/state/eoul"));
    assert_string_equal(w->place.home_fs, "");

    w->env.xdg_state_home = "relative";
    assert_int_equal(place_find(&w->env, &w->place, &w->err), 0);
    assert_string_equal(w->place.state, in(w, ".local/state/eoul"));
    w->env.xdg_state_home = "/elsewhere";
    assert_int_equal(place_find(&w->env, &w->place, &w->err), 0);
    assert_string_equal(w->place.state, "/elsewhere/eoul");
}

static void directories_are_made_and_are_private(void **state)
{
    struct world *w = *state;
    struct stat st;
    assert_int_equal(place_find(&w->env, &w->place, &w->err), 0);
    assert_int_equal(place_check_run(&w->place, &w->err), E_NOT_FOUND);
    int fd = place_open_run(&w->place, &w->err);
    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    close(fd);
    fd = place_open_state(&w->place, &w->err);
    assert_true(fd >= 0);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    close(fd);
    assert_int_equal(place_check_run(&w->place, &w->err), 0);
}

static void what_somebody_else_may_have_made_is_refused(void **state)
{
    struct world *w = *state;
    assert_int_equal(place_find(&w->env, &w->place, &w->err), 0);
    /* a symlink, even to a good directory of our own */
    assert_int_equal(mkdir(in(w, "mine"), 0700), 0);
    assert_int_equal(symlink("mine", w->place.run_dir), 0);
    assert_int_equal(place_open_run(&w->place, &w->err), E_DENIED);
    assert_non_null(strstr(w->err.text, "not a directory"));
    assert_int_equal(place_check_run(&w->place, &w->err), E_DENIED);
    assert_int_equal(unlink(w->place.run_dir), 0);
    /* a loose mode */
    assert_int_equal(mkdir(w->place.run_dir, 0700), 0);
    assert_int_equal(chmod(w->place.run_dir, 0755), 0);
    assert_int_equal(place_open_run(&w->place, &w->err), E_DENIED);
    assert_non_null(strstr(w->err.text, "chmod 700"));
    assert_int_equal(place_check_run(&w->place, &w->err), E_DENIED);
    /* a foreign owner */
    assert_int_equal(chmod(w->place.run_dir, 0700), 0);
    w->place.uid = geteuid() + 1;
    assert_int_equal(place_open_run(&w->place, &w->err), E_DENIED);
    assert_non_null(strstr(w->err.text, "belongs to user"));
    assert_int_equal(place_check_run(&w->place, &w->err), E_DENIED);
}

static void the_environment_may_name_both(void **state)
{
    struct world *w = *state;
    char state_dir[256];
    snprintf(state_dir, sizeof state_dir, "%s/s", w->dir);
    w->env.state = state_dir;
    assert_int_equal(place_find(&w->env, &w->place, &w->err), 0);
    assert_int_equal(w->place.mode, PLACE_NAMED);
    assert_string_equal(w->place.state, state_dir);
    assert_string_equal(w->place.socket, in(w, "s/socket"));
    w->env.socket = "/x/y";
    assert_int_equal(place_find(&w->env, &w->place, &w->err), 0);
    assert_string_equal(w->place.socket, "/x/y");
    assert_string_equal(w->place.run_dir, "/x");
    w->env.socket = "relative/socket";
    assert_int_equal(place_find(&w->env, &w->place, &w->err), E_INVALID);
    w->env.socket = "";
    w->env.state = "relative";
    assert_int_equal(place_find(&w->env, &w->place, &w->err), E_INVALID);
    char deep[300];
    memset(deep, 'a', sizeof deep);
    deep[0] = '/';
    deep[sizeof deep - 1] = '\0';
    w->env.state = NULL;
    w->env.socket = deep;
    assert_int_equal(place_find(&w->env, &w->place, &w->err), E_TOO_LARGE);
}

static void the_systems_socket_wins_even_if_it_refuses(void **state)
{
    struct world *w = *state;
    char system_socket[256];
    snprintf(system_socket, sizeof system_socket, "%s/system", w->dir);
    close(open(system_socket, O_CREAT | O_WRONLY, 0000)); /* not even a socket */
    w->env.system_socket = system_socket;
    assert_int_equal(place_find(&w->env, &w->place, &w->err), 0);
    assert_int_equal(w->place.mode, PLACE_SYSTEM);
    assert_string_equal(w->place.socket, system_socket);
}

static void a_teams_socket_must_belong_to_the_group(void **state)
{
    struct world *w = *state;
    gid_t mine = getegid();
    struct place team;
    assert_int_equal(place_of_team(&w->env, mine, &team, &w->err), 0);
    int fd = place_open_run(&team, &w->err);
    assert_true(fd >= 0);
    close(fd);
    struct stat st;
    assert_int_equal(stat(team.run_dir, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0750);
    assert_int_equal(st.st_gid, mine);

    w->env.groups = &mine;
    w->env.groups_n = 1;
    assert_int_equal(place_find(&w->env, &w->place, &w->err), 0);
    assert_int_equal(w->place.mode, PLACE_PERSONAL); /* nobody listens there */
    close(open(team.socket, O_CREAT | O_WRONLY, 0600));
    assert_int_equal(place_find(&w->env, &w->place, &w->err), 0);
    assert_int_equal(w->place.mode, PLACE_TEAM);
    assert_int_equal(place_check_run(&w->place, &w->err), 0);

    assert_int_equal(chmod(team.run_dir, 0777), 0); /* anybody's: no team's */
    assert_int_equal(place_find(&w->env, &w->place, &w->err), 0);
    assert_int_equal(w->place.mode, PLACE_PERSONAL);
}

static void passwd_is_read_without_nss(void **state)
{
    struct world *w = *state;
    char home[64], name[64];
    FILE *f = fopen(in(w, "passwd"), "w");
    assert_non_null(f);
    fputs("broken\nroot:x:0:0:root:/root:/bin/sh\nkim:x:1234:1234:Kim:/home/kim:/bin/sh\nnohome:x:9:9::\n", f);
    fclose(f);
    assert_int_equal(place_home(w->path, 1234, home, sizeof home), 0);
    assert_string_equal(home, "/home/kim");
    assert_int_equal(place_home(w->path, 9, home, sizeof home), E_NOT_FOUND);
    assert_int_equal(place_home(w->path, 77, home, sizeof home), E_NOT_FOUND);
    place_user_name(w->path, 1234, name, sizeof name);
    assert_string_equal(name, "kim");
    place_user_name(w->path, 77, name, sizeof name);
    assert_string_equal(name, "77");
    char small[4];
    assert_int_equal(place_home(w->path, 1234, small, sizeof small), E_NOT_FOUND);

    w->env.home = NULL;
    w->env.uid = 77;
    w->env.passwd = w->path;
    assert_int_equal(place_find(&w->env, &w->place, &w->err), E_NOT_FOUND);
    assert_non_null(strstr(w->err.text, "HOME"));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, make_world, remove_world)
    const struct CMUnitTest tests[] = {
        TEST(personal_is_the_default),
        TEST(directories_are_made_and_are_private),
        TEST(what_somebody_else_may_have_made_is_refused),
        TEST(the_environment_may_name_both),
        TEST(the_systems_socket_wins_even_if_it_refuses),
        TEST(a_teams_socket_must_belong_to_the_group),
        TEST(passwd_is_read_without_nss),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
