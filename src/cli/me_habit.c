/* me_habit.c - see me_habit.h. */
#include "cli/me_habit.h"

int me_habit(struct cli *cli, const char *person, bool json)
{
    json_t *answer = NULL;
    char memory[1100];
    struct buf hours;
    int r = cli_connect(cli);
    if (r == 0)
        r = cli_get_for(cli, "/v1/me/habit", "?for=", person, &answer);
    buf_init_fixed(&hours, memory, sizeof memory);
    cli_clean(&hours, json_text(answer, "hours"));
    buf_char(&hours, '\0');
    long long days = json_i64(answer, "days");
    if (r == 0 && json)
        buf_printf(&cli->out, "{\"days\":%lld,\"days_needed\":%lld,\"hours\":\"%s\"}\n", days,
                   (long long)json_i64(answer, "days_needed"), memory);
    else if (r == 0 && memory[0])
        buf_printf(&cli->out, tr(cli->lang, "You submitted on %1$lld days of the last eight weeks, mostly %2$s. Nothing is "
                                            "set; \"eoul me hours '%2$s'\" would say so.\n"), days, memory);
    else if (r == 0)
        buf_printf(&cli->out, tr(cli->lang, "You submitted on %1$lld days of the last eight weeks; %2$lld are needed to "
                                            "suggest anything.\n"), days, (long long)json_i64(answer, "days_needed"));
    json_decref(answer);
    return r;
}
