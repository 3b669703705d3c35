# fake.bash - a fake daemon for the tests of the command line; load it, then `fake ANSWERS`.
# Every test has a directory of its own ($T), a fixed zone and a fixed language.

setup() {
    T=$(mktemp -d /tmp/eoul-cli-XXXXXX)
    cd "$T" || return 1
    eoul=${EOUL_BIN:?path of eoul}
    export EOUL_SOCKET=$T/socket EOUL_STATE=$T/state EOUL_LOCK_DIR=$T/lock HOME=$T TZ=Asia/Seoul LANG=C.UTF-8
    unset LC_ALL LC_MESSAGES LC_CTYPE LANGUAGE COLUMNS NO_COLOR XDG_STATE_HOME
}

teardown() {
    if [ -n "${fake_in:-}" ]; then
        exec {fake_in}>&-
        wait "$fake_pid" 2>/dev/null
    fi
    cd / && rm -rf "$T"
}

# fake JSON: start it with these answers; requests.log has what was asked.
fake() {
    printf '%s' "$1" >"$T/answers.json"
    mkfifo "$T/fake.in" "$T/fake.out"
    python3 "$BATS_TEST_DIRNAME/../lib/fake_eould.py" "$T/socket" "$T/answers.json" "$T/requests.log" \
        <"$T/fake.in" >"$T/fake.out" 3>&- &
    fake_pid=$!
    exec {fake_in}>"$T/fake.in"
    read -r ready <"$T/fake.out"
    [ "$ready" = ready ]
}

# The k-th request, from 1, as "METHOD PATH LANG BODY".
request() { sed -n "$1p" "$T/requests.log"; }

# same NAME: $output is what test/cli/golden/NAME holds.  EOUL_GOLDEN=write makes it so.
same() {
    local golden=$BATS_TEST_DIRNAME/golden/$1
    [ "${EOUL_GOLDEN:-}" = write ] && printf '%s\n' "$output" >"$golden"
    diff -u "$golden" <(printf '%s\n' "$output")
}
