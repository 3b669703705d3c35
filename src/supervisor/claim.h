/* claim.h - the point of no return of an attempt.
 *
 * Whoever makes the name `claim` in the attempt's directory decides its fate: the supervisor, and then
 * it runs the command; or the launcher during recovery, and then it is proven never to have run and
 * never can.  The name is made by link() or O_EXCL, both of which the file system lets only one do, and
 * synced before anything else happens, so that a power cut cannot take it back.
 */
#ifndef EOUL_SUPERVISOR_CLAIM_H
#define EOUL_SUPERVISOR_CLAIM_H

/* 0: it is ours.  E_EXISTS: it was somebody's before.  Otherwise unknown: do not run, do not retry. */
int claim_take(int dir_fd);

#endif
