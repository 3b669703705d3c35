/* trouble.h - why a calendar could not be read: a word for programs, a sentence for its owner.
 *
 * In text it is "WORD" or "WORD DETAIL"; the detail is a number or a short text of ours, never of the
 * other side.
 */
#ifndef EOUL_FETCH_TROUBLE_H
#define EOUL_FETCH_TROUBLE_H

#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"

/* X(code, word, sentence): the sentences are whole, for tr(). */
#define TROUBLE_LIST(X) \
    X(TROUBLE_NOT_FOUND, "not-found", N_("The file or directory is not there.")) \
    X(TROUBLE_DENIED, "denied", N_("The file or directory may not be read.")) \
    X(TROUBLE_IO, "io", N_("Reading broke off.")) \
    X(TROUBLE_TOO_LARGE, "too-large", N_("It is larger than eoul reads.")) \
    X(TROUBLE_NO_CALENDAR, "no-calendar", N_("What came is no calendar.")) \
    X(TROUBLE_URL, "bad-address", N_("The address must begin with https:// and may name port 443 or 8443 only; a user and a password do not belong in it.")) \
    X(TROUBLE_NO_HOST, "no-host", N_("The name of the server is not known.")) \
    X(TROUBLE_INNER, "inner-address", N_("The server's address belongs to this machine or an inner network, where eoul does not read calendars.")) \
    X(TROUBLE_CONNECT, "no-connection", N_("The server does not answer.")) \
    X(TROUBLE_TIMEOUT, "timeout", N_("The server took too long.")) \
    X(TROUBLE_CERTIFICATE, "certificate", N_("The server's certificate is not trusted.")) \
    X(TROUBLE_REDIRECTS, "redirects", N_("The server sends from one address to another without end, or to another host.")) \
    X(TROUBLE_LOGIN, "login", N_("The server does not accept user and password.")) \
    X(TROUBLE_HTTP, "http", N_("The server refused the request.")) \
    X(TROUBLE_PROTOCOL, "protocol", N_("The server's answer is not understood.")) \
    X(TROUBLE_ENCODING, "encoding", N_("The answer is packed in a way that eoul does not unpack.")) \
    X(TROUBLE_NO_COLLECTION, "no-collection", N_("There is no calendar at this address.")) \
    X(TROUBLE_OVER, "over", N_("The list of holidays has come to its end; a newer one is needed.")) \
    X(TROUBLE_MEMORY, "memory", N_("There was not enough memory to read it.")) \
    X(TROUBLE_HUNG, "hung", N_("Reading it took too long and was stopped.")) \
    X(TROUBLE_PROGRAM, "program", N_("The program that reads it, eoul-fetch, could not be started.")) \
    X(TROUBLE_CREDENTIALS, "credentials", N_("Its address or password is not there any more; add it again.")) \
    X(TROUBLE_NO_ROOM, "no-room", N_("Not all of its todos could be taken; there are too many already.")) \
    X(TROUBLE_DAMAGED, "damaged", N_("The stored copy is damaged; read it again."))

enum trouble {
    TROUBLE_NONE,
#define X(code, word, sentence) code,
    TROUBLE_LIST(X)
#undef X
    TROUBLES
};

const char *trouble_word(enum trouble t);     /* "" for none */
const char *trouble_sentence(enum trouble t); /* in English, for tr() */
/* The trouble of a text; TROUBLE_NONE if it is none. *ret_detail may be NULL. */
enum trouble trouble_read(struct str text, struct str *ret_detail);

#endif
