#!/bin/bash
# chain.sh - people and GPUs in one chain: label by hand, train in the night, look at it by hand.
#
# Against a running daemon (day.sh has one; so has the test that checks what is promised here).  Mina offers
# the evening, Jun the afternoon, so whatever the hour is now a night lies between the two, and the GPUs
# have it.  Needs `eoul` in PATH; TRAIN is the command that trains, GPUS on how many.
set -eu

show() {
    printf '$ eoul %s\n' "$*"
    eoul "$@"
}

show me --for mina work 'Mon-Fri 20:30-22:00' >/dev/null
show me --for jun work 'Mon-Fri 14:00-16:00' >/dev/null
said=$(show todo add label 200 images --for mina --takes 1h)
printf '%s\n' "$said"
label=$(sed -n 's/^Todo \([0-9]*\) .*/\1/p' <<<"$said")
show todo accept "$label" --as mina
show submit --for jun --gpus="${GPUS:-4}" --time=9:00:00 --dependency="afterok:$label" --review=jun:20m --job-name=train -- \
    ${TRAIN:-train} --steps 100000000
show todo
