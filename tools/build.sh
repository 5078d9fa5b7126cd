#!/usr/bin/env bash
# Builds one of the folders, quietly when nothing goes wrong.
#
#   tools/build.sh build         what users get
#   tools/build.sh build-san     address and undefined-behaviour sanitizers, fault points, tests
#   tools/build.sh build-tsan    thread sanitizer, fault points, tests
#   tools/build.sh build-long    tests and fault points without sanitizers, for many seeds
#   tools/build.sh build-fuzz    fuzz targets, by clang's libFuzzer
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

dir=${1:?usage: tools/build.sh build|build-san|build-tsan|build-long|build-fuzz}
case "$dir" in
build) options=() ;;
build-san)
    options=(-Dtests=true -Dfaults=true -Doptimization=1 -Dwerror=false -Dpage=disabled
        "-Db_sanitize=address,undefined")
    ;;
build-tsan)
    options=(-Dtests=true -Dfaults=true -Doptimization=1 -Dwerror=false -Dpage=disabled
        "-Db_sanitize=thread" -Db_lundef=false)
    ;;
build-long) options=(-Dtests=true -Dfaults=true -Doptimization=2 -Dwerror=false -Dpage=disabled) ;;
build-fuzz)
    options=(-Dfuzz=true -Dfaults=true -Dpage=disabled "-Db_sanitize=address,undefined"
        -Db_lundef=false)
    export CC=clang-14
    ;;
*)
    echo "tools/build.sh: no such build: $dir" >&2
    exit 2
    ;;
esac

log=$(mktemp)
trap 'rm -f "$log"' EXIT
if [ ! -f "$dir/build.ninja" ]; then
    if ! meson setup "$dir" "${options[@]}" >"$log" 2>&1; then
        cat "$log" >&2
        exit 1
    fi
fi
# A page that could not be made is tried again, and told.
absent=$dir/src/page.absent
if [ -e "$absent" ]; then rm -f "$absent" "$dir/src/ui_files.c"; fi
# On a terminal ninja's one moving line is the progress; elsewhere only what failed is of interest.
if [ -t 1 ]; then
    ninja -C "$dir"
elif ! ninja -C "$dir" >"$log" 2>&1; then
    grep -v '^\[[0-9]*/[0-9]*\] \(Compiling\|Linking\|Generating\)' "$log" >&2
    exit 1
fi
if [ -e "$absent" ]; then echo "build: the page is not in this build: $(cat "$absent")" >&2; fi
