/* address.c - see address.h.  The ranges are those of IANA's special-purpose registries. */
#include "fetch/address.h"

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct range4 {
    uint32_t base;
    unsigned bits;
};

#define V4(a, b, c, d) ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))

static const struct range4 inner4[] = {
    { V4(0, 0, 0, 0), 8 },      /* this network; 0.0.0.0 reaches this machine */
    { V4(10, 0, 0, 0), 8 },     /* private */
    { V4(100, 64, 0, 0), 10 },  /* behind a carrier's NAT; some clouds' metadata */
    { V4(127, 0, 0, 0), 8 },    /* loopback */
    { V4(169, 254, 0, 0), 16 }, /* link-local; metadata services */
    { V4(172, 16, 0, 0), 12 },  /* private */
    { V4(192, 0, 0, 0), 24 },   /* protocol assignments */
    { V4(192, 0, 2, 0), 24 },   /* documentation */
    { V4(192, 88, 99, 0), 24 }, /* 6to4 relays */
    { V4(192, 168, 0, 0), 16 }, /* private */
    { V4(198, 18, 0, 0), 15 },  /* benchmarks */
    { V4(198, 51, 100, 0), 24 },/* documentation */
    { V4(203, 0, 113, 0), 24 }, /* documentation */
    { V4(224, 0, 0, 0), 4 },    /* multicast */
    { V4(240, 0, 0, 0), 4 },    /* reserved, and broadcast */
};

static bool public4(uint32_t a, bool loopback)
{
    if (loopback && a >> 24 == 127)
        return true;
    for (size_t i = 0; i < sizeof inner4 / sizeof inner4[0]; i++)
        if ((a ^ inner4[i].base) >> (32 - inner4[i].bits) == 0)
            return false;
    return true;
}

static uint32_t quad(const uint8_t *p)
{
    return V4(p[0], p[1], p[2], p[3]);
}

static bool starts(const uint8_t *a, const uint8_t *prefix, unsigned bits)
{
    unsigned whole = bits / 8, rest = bits % 8;
    return memcmp(a, prefix, whole) == 0 &&
           (rest == 0 || (a[whole] ^ prefix[whole]) >> (8 - rest) == 0);
}

static bool public6(const uint8_t a[16], bool loopback)
{
    static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };
    static const uint8_t translated[12] = { 0, 0x64, 0xff, 0x9b };
    static const uint8_t one[16] = { [15] = 1 };
    static const uint8_t nothing[12] = { 0 };
    static const struct {
        uint8_t base[4];
        unsigned bits;
    } inner[] = {
        { { 0x20, 0x01, 0x00, 0x00 }, 23 }, /* Teredo, ORCHID and other protocol assignments */
        { { 0x20, 0x01, 0x0d, 0xb8 }, 32 }, /* documentation */
        { { 0x3f, 0xff, 0x00, 0x00 }, 20 }, /* documentation */
    };
    if (loopback && memcmp(a, one, 16) == 0)
        return true;
    if (memcmp(a, mapped, 12) == 0 || memcmp(a, translated, 12) == 0)
        return public4(quad(a + 12), loopback); /* an IPv4 address in IPv6 clothes */
    if (memcmp(a, nothing, 12) == 0)
        return false; /* ::, ::1, and IPv4-compatible */
    if (a[0] == 0x20 && a[1] == 0x02)
        return public4(quad(a + 2), loopback); /* 6to4 */
    if (a[0] >> 5 != 1)
        return false; /* global unicast is 2000::/3; the rest is unique-local, link-local, multicast */
    for (size_t i = 0; i < sizeof inner / sizeof inner[0]; i++)
        if (starts(a, inner[i].base, inner[i].bits))
            return false;
    return true;
}

bool address_is_public(const struct sockaddr *address, bool loopback)
{
    if (address->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, address, sizeof in);
        return public4(ntohl(in.sin_addr.s_addr), loopback);
    }
    if (address->sa_family == AF_INET6) {
        struct sockaddr_in6 in6;
        memcpy(&in6, address, sizeof in6);
        return public6(in6.sin6_addr.s6_addr, loopback);
    }
    return false;
}
