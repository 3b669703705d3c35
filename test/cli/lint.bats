#!/usr/bin/env bats
# eoul lint: findings with file and line, how it was meant, exit codes, JSON, languages.
load fake

script() { printf '#!/bin/bash\n%b' "$1" >a.sbatch; }

@test "a good script gets one sentence and 0" {
    script '#SBATCH --time=5\ntrue\n'
    run "$eoul" lint a.sbatch
    [ "$status" -eq 0 ]
    [ "$output" = "Nothing to remark." ]
}

@test "findings name file and line and how it was meant" {
    script '#SBATCH \xe2\x80\x94time=5\necho hi\n#SBATCH --mem=4G\n'
    run "$eoul" lint a.sbatch
    [ "$status" -eq 1 ]
    [[ ${lines[0]} == 'a.sbatch:2: refused: the line holds a long dash'* ]]
    [ "${lines[1]}" = '    #SBATCH --time=5' ]
    [[ ${lines[2]} == 'a.sbatch:4: ignored: the first command stands on line 3'* ]]
    [ "${#lines[@]}" -eq 3 ]
}

@test "Korean" {
    script '# SBATCH --time=5\n'
    LANGUAGE=ko run "$eoul" lint a.sbatch
    [ "$status" -eq 1 ]
    [[ ${lines[0]} == 'a.sbatch:2: '*': "# SBATCH" 부분은 Slurm에게 주석이라'* ]]
}

@test "JSON for several files, one of them from standard input" {
    script '#SBATCH --time = 5\n'
    printf '#!/bin/sh\n#SBATCH -J my job\n' >b
    run "$eoul" lint --json a.sbatch - <b
    [ "$status" -eq 1 ]
    python3 -c 'import json, sys
found = json.load(sys.stdin)
assert [(f["file"], f["line"], f["effect"], f["meant"]) for f in found] == [
    ("a.sbatch", 2, "refused", "#SBATCH --time=5"), ("-", 2, "refused", "#SBATCH --job-name=\"my job\"")], found' <<<"$output"
}

@test "bad input: one sentence each" {
    run "$eoul" lint
    [ "$status" -eq 2 ]
    [ "${#lines[@]}" -eq 1 ]
    run "$eoul" lint missing.sbatch
    [ "$status" -eq 1 ]
    [ "${#lines[@]}" -eq 1 ]
    [[ $output == *'"missing.sbatch" cannot be opened'* ]]
    run "$eoul" lint .
    [ "$status" -eq 1 ]
    [ "${#lines[@]}" -eq 1 ]
    for size in 5242880 10485760; do
        head -c $size /dev/zero | tr '\0' 'x' >big
        run "$eoul" lint big
        [ "$status" -eq 1 ]
        [[ $output == *'too large'* || $output == *"has $size bytes; at most 4194304 are possible"* ]]
        [ "${#lines[@]}" -eq 1 ]
    done
    script '#SBATCH \x1b[31m--time = \x1b[31m5\xff -J a \x1b[31mb\n'
    run "$eoul" lint a.sbatch
    [[ $output != *$'\e'* ]]
}
