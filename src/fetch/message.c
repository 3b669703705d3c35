/* message.c - see message.h. */
#include "fetch/message.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/io.h"

struct field_head {
    uint32_t tag, len;
};

void fetch_field(struct buf *out, enum fetch_tag tag, struct str value)
{
    struct field_head head = { tag, (uint32_t)value.len };
    buf_add(out, &head, sizeof head);
    if (value.len)
        buf_str(out, value);
}

void fetch_field_i64(struct buf *out, enum fetch_tag tag, int64_t value)
{
    char memory[24];
    struct buf text;
    buf_init_fixed(&text, memory, sizeof memory);
    buf_i64(&text, value);
    fetch_field(out, tag, buf_look(&text));
}

bool fetch_next(struct str *rest, enum fetch_tag *ret_tag, struct str *ret_value)
{
    struct field_head head;
    if (rest->len < sizeof head)
        return false;
    memcpy(&head, rest->ptr, sizeof head);
    if (head.tag == FETCH_TAG_NONE || head.tag >= FETCH_TAGS || head.len > rest->len - sizeof head)
        return false;
    *ret_tag = (enum fetch_tag)head.tag;
    *ret_value = (struct str){ rest->ptr + sizeof head, head.len };
    *rest = str_slice(*rest, sizeof head + head.len, rest->len);
    return true;
}

struct str fetch_get(struct str fields, enum fetch_tag tag)
{
    enum fetch_tag found;
    struct str value;
    while (fetch_next(&fields, &found, &value))
        if (found == tag)
            return value;
    return (struct str){ "", 0 };
}

int64_t fetch_get_i64(struct str fields, enum fetch_tag tag, int64_t otherwise)
{
    int64_t value = otherwise;
    return str_i64(fetch_get(fields, tag), &value) < 0 ? otherwise : value;
}

static int send_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN) {
            struct pollfd p = { .fd = fd, .events = POLLOUT };
            (void)poll(&p, 1, 1000);
            continue;
        }
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return io_from_errno(errno);
        bytes += n;
        len -= (size_t)n;
    }
    return 0;
}

bool fetch_id(struct str text, uint64_t *ret)
{
    uint64_t id = 0;
    for (size_t i = 0; i < text.len && i < 16; i++) {
        char c = text.ptr[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
            return false;
        id = id << 4 | (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    if (text.len != 16 || id == 0)
        return false;
    *ret = id;
    return true;
}

int fetch_send(int fd, enum fetch_kind kind, uint32_t number, struct str fields)
{
    struct fetch_head head = { .magic = FETCH_MAGIC, .version = FETCH_VERSION, .kind = kind,
                               .number = number, .len = (uint32_t)fields.len };
    if (fields.len > FETCH_LEN_MAX)
        return E_TOO_LARGE;
    int code = send_all(fd, (const char *)&head, sizeof head);
    return code < 0 ? code : send_all(fd, fields.ptr, fields.len);
}

/* Bytes read, 0 if there are none yet, or E_*. */
static ssize_t read_some(int fd, void *to, size_t len)
{
    ssize_t n;
    while ((n = recv(fd, to, len, 0)) < 0 && errno == EINTR)
        ;
    if (n > 0)
        return n;
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return 0;
    return n == 0 || errno == ECONNRESET ? E_UNAVAILABLE : io_from_errno(errno);
}

static int head_is_right(struct fetch_reader *r)
{
    if (r->head.magic != FETCH_MAGIC || r->head.version != FETCH_VERSION ||
        r->head.len > FETCH_LEN_MAX)
        return E_CORRUPT;
    if (!r->fields.max)
        buf_init(&r->fields, FETCH_LEN_MAX);
    buf_clear(&r->fields);
    return 0;
}

int fetch_receive(struct fetch_reader *r, int fd)
{
    if (r->head_len == sizeof r->head && r->fields.len == r->head.len)
        r->head_len = 0; /* the last one was handed out */
    while (r->head_len < sizeof r->head) {
        ssize_t n = read_some(fd, (char *)&r->head + r->head_len, sizeof r->head - r->head_len);
        if (n <= 0)
            return (int)n;
        r->head_len += (size_t)n;
        if (r->head_len == sizeof r->head && head_is_right(r) < 0)
            return E_CORRUPT;
    }
    while (r->fields.len < r->head.len) {
        size_t want = r->head.len - r->fields.len;
        void *to = buf_reserve(&r->fields, want);
        if (!to)
            return E_NO_MEMORY;
        ssize_t n = read_some(fd, to, want);
        if (n <= 0)
            return (int)n;
        buf_added(&r->fields, (size_t)n);
    }
    return 1;
}

void fetch_reader_finish(struct fetch_reader *r)
{
    buf_finish(&r->fields);
    *r = (struct fetch_reader){ 0 };
}
