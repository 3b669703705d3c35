/* boot.h - start the person's daemon at boot and keep it after logout, without root.
 *
 * With a systemd user manager: a user unit, enabled, and lingering.  Without: an @reboot line of
 * the person's crontab.  Both say exactly what they did, and boot_remove undoes it.
 */
#ifndef EOUL_CLI_BOOT_H
#define EOUL_CLI_BOOT_H

#include "cli/cli.h"

int boot_install(struct cli *cli, const char *team, const char *config);
int boot_remove(struct cli *cli);

#endif
