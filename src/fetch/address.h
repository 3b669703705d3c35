/* address.h - where eoul-fetch may connect to: the outside, never this machine or what is behind it.
 *
 * A calendar's address is somebody's input.  Whoever may add one must not be able to make the daemon's
 * machine talk to itself, its cloud's metadata service or its inner network.  So the address that is
 * about to be connected to is looked at (not the name: a name may resolve differently each time), also
 * where an IPv4 address hides inside an IPv6 one.  Pure.
 */
#ifndef EOUL_FETCH_ADDRESS_H
#define EOUL_FETCH_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

/* A public unicast address?  With `loopback` (tests only) 127.0.0.0/8 and ::1 count as well. */
bool address_is_public(const struct sockaddr *address, bool loopback);

#endif
