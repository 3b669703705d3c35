/* calendar.h - one ask for a calendar, whatever it is kept in, becomes the fields of an answer. */
#ifndef EOUL_FETCH_CALENDAR_H
#define EOUL_FETCH_CALENDAR_H

#include "base/buf.h"
#include "base/str.h"

#define DIRECTORY_FILES_MAX 5000 /* a vdir has one event a file */
#define DIRECTORY_BYTES_MAX (64u << 20)

struct caldav;
struct http;

/* http and caldav: NULL in the process that reads files. */
void calendar_read(struct str ask, struct http *http, struct caldav *caldav, struct buf *out);

#endif
