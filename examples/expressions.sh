#!/bin/sh
# xargs over a file of expressions, two at a time: prints those whose gradient at 0.5 is not proven to agree.
set -eu

# shellcheck disable=SC2016
xargs -d '\n' -n 1 -P 2 sh -c '
    gradcalc diff "$1" --at 0.5 --quiet || echo "$? $1"
' sh < "${1:-expressions.txt}"
