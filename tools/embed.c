/* embed.c - turn a file into a C array: embed NAME INPUT OUTPUT.
 *
 * Runs on the build machine.  The output defines `const char NAME[]`, NUL-terminated, and
 * `const unsigned long NAME_len` without the NUL.
 */
#include <stdio.h>

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: embed NAME INPUT OUTPUT\n");
        return 2;
    }
    FILE *in = fopen(argv[2], "rb");
    FILE *out = in ? fopen(argv[3], "wb") : NULL;
    if (!in || !out) {
        perror(in ? argv[3] : argv[2]);
        return 1;
    }
    fprintf(out, "extern const char %s[];\nextern const unsigned long %s_len;\nconst char %s[] = {",
            argv[1], argv[1], argv[1]);
    unsigned long n = 0;
    for (int c; (c = getc(in)) != EOF; n++)
        fprintf(out, "%s%d,", n % 20 ? "" : "\n", c > 127 ? c - 256 : c);
    fprintf(out, "\n0};\nconst unsigned long %s_len = %lu;\n", argv[1], n);
    if (ferror(in) || fclose(out) != 0) {
        perror(argv[3]);
        return 1;
    }
    fclose(in);
    return 0;
}
