#!/bin/sh
# banned.sh - calls this project does not make, and what to use instead.  Looks at src/ only: tests and
# examples may be plainer.  Prints each place; exits 1 if there is one.
cd "$(dirname "$0")/.." || exit 1
bad=0
forbid() { # pattern, why
    found=$(grep -rnE "(^|[^A-Za-z0-9_.>])($1)\(" src --include='*.c' --include='*.h' |
        grep -vE '^[^:]+:[0-9]+:[[:space:]]*(\*|//|/\*)' | grep -v 'allowed:')
    if [ -n "$found" ]; then
        printf '%s\n  ^ %s\n' "$found" "$2"
        bad=1
    fi
}
forbid 'strcpy|strcat|sprintf|vsprintf|gets|stpcpy' 'use struct buf (base/buf.h) or snprintf'
forbid 'strtok|strtok_r' 'use str_next (base/str.h)'
forbid 'atoi|atol|atoll|atof' 'use str_u64, str_i64 (base/str.h)'
forbid 'system|popen' 'programs are run by argv: the launcher starts everything'
forbid 'localtime|localtime_r|mktime|strftime|setenv|putenv|tzset' 'local time exists only in src/cal, the environment is data'
forbid 'rand|srand|random|srandom|drand48' 'use prng.h, or getrandom for secrets'
forbid 'sleep|usleep' 'wait for the event'
forbid 'setlocale' 'the language is an argument (src/i18n)'
found=$(grep -rn 'sqlite3_exec' src --include='*.c' | grep -v '^src/store/' | grep -v 'allowed:')
if [ -n "$found" ]; then
    printf '%s\n  ^ SQL text is constant and lives in src/store\n' "$found"
    bad=1
fi
exit $bad
