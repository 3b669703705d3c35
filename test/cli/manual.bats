#!/usr/bin/env bats
# The manual and help say the same: every verb and option of the tables is in eoul(1), in both languages, and
# nothing else is; eould's options likewise.
load fake

man=$BATS_TEST_DIRNAME/../../man

verbs_of_help() { "$eoul" help | awk '/^  [a-z]+ / && $1 != "eoul" {print $1}' | sort; }
options_of_help() { "$eoul" help "$1" | grep -oE '^  (-., |    )--[a-z-]+' | grep -oE '\-\-[a-z-]+' | sort -u; }
options_of_page() { grep -E '^(\*-.\*, )?\*--' | grep -oE '\*--[a-z-]+\*' | tr -d '*' | sort -u; }
# What stands under one verb's heading.
section() { awk -v heading="## eoul $2" '$0 == heading {on = 1; next} /^#/ {on = 0} on' "$1"; }

@test "every verb has its section, and every section its verb" {
    for page in "$man/eoul.1.scd" "$man/ko/eoul.1.scd"; do
        diff <(verbs_of_help) <(sed -n 's/^## eoul //p' "$page" | sort)
    done
}

@test "every option of every verb is in the manual, and no other" {
    for page in "$man/eoul.1.scd" "$man/ko/eoul.1.scd"; do
        for verb in $(verbs_of_help); do
            case $verb in
            run | shell | submit | sweep) continue ;; # below: they share a section
            esac
            diff <(options_of_help "$verb" | grep -vxE -e '--(help|lang|ascii)') <(section "$page" "$verb" | options_of_page) ||
                { echo "eoul $verb in $page"; false; }
        done
        diff <({ options_of_help submit; options_of_help run; options_of_help queue; } | sort -u) \
             <({ section "$page" submit; awk '/^# (OPTIONS OF A JOB|작업 옵션)/ {on = 1} on' "$page"; section "$page" queue; } | options_of_page)
    done
}

@test "eould: usage and manual name the same options" {
    eould=$(dirname "$eoul")/eould
    for page in "$man/eould.8.scd" "$man/ko/eould.8.scd"; do
        diff <("$eould" --help | sed 's/eoul sim --replay//' | grep -oE '\-\-[a-z-]+' | sort -u) \
             <(grep -oE '\*--[a-z-]+\*' "$page" | tr -d '*' | sort -u)
    done
}

@test "the pages are good scdoc" {
    command -v scdoc >/dev/null || skip "scdoc is not installed"
    for page in "$man"/*.scd "$man"/ko/*.scd; do
        scdoc <"$page" >page || { echo "$page"; false; }
    done
}
