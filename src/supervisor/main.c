/* main.c - eoul-supervisor, the program: for a launcher that must not fork into the job's user (see
 * launcher/main.c).  Everything is in supervise.c.
 *
 *     eoul-supervisor NAME                  personal mode; the name is for ps
 *     eoul-supervisor NAME HASH TASK UID    system mode: what the job's user signed (64 hexadecimal digits), which
 *                                           task of it, and the daemon's user
 */
#include <string.h>

#include "supervisor/fault.h"
#include "supervisor/supervisor.h"

static int nibble(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int read_terms(char **argv, struct order_terms *ret)
{
    uint64_t task, uid;
    if (strlen(argv[2]) != 2 * sizeof ret->hash || str_u64(str_of(argv[3]), &task) < 0 || task > UINT32_MAX ||
        str_u64(str_of(argv[4]), &uid) < 0 || uid > UINT32_MAX)
        return -1;
    for (size_t i = 0; i < sizeof ret->hash; i++) {
        int high = nibble(argv[2][2 * i]), low = nibble(argv[2][2 * i + 1]);
        if (high < 0 || low < 0)
            return -1;
        ret->hash[i] = (uint8_t)(high << 4 | low);
    }
    ret->task = (uint32_t)task;
    ret->daemon_uid = (uid_t)uid;
    return 0;
}

int main(int argc, char **argv)
{
    static struct order_terms terms;
    fault_init();
    if (argc == 5)
        return read_terms(argv, &terms) < 0 ? 2 : supervisor_main(&terms);
    return argc == 2 ? supervisor_main(NULL) : 2;
}
