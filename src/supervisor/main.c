/* main.c - eoul-supervisor, the program: for a launcher that must not fork into the job's user (see
 * launcher/main.c).  Everything is in supervise.c. */
#include "supervisor/fault.h"
#include "supervisor/supervisor.h"

int main(void)
{
    fault_init();
    return supervisor_main();
}
