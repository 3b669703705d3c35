# ended.bash - waiting for a process that is nobody's child here; load it.

# ended PID: it has ended.  Who inherits a daemon (PID 1; in a container whatever that is) may be slow to collect it, and
# until then it has a number: what has only that left has ended, too.
ended() {
    local line
    for _ in $(seq 1000); do
        { read -r line <"/proc/$1/stat"; } 2>/dev/null || return 0
        line=${line##*) }
        [ "${line%% *}" = Z ] && return 0
        sleep 0.02
    done
    false
}
