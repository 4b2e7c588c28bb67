# SPDX-License-Identifier: MIT
# layers.awk - reads layers.table, then lines: of paths, and prints those whose kind is -v kind=pure
# or shell; or, without it, of "path:line:#include ...", and prints those that are not allowed.

function row_of(path) {
    sub(/\.[ch]$/, "", path)
    while (!(path in kinds) && sub(/\/[^\/]*$/, "", path))
        continue
    return path
}

# Whether `word` is that file, or a folder that has it.
function covers(word, path) {
    return word == path || index(path, word "/") == 1
}

function may_include(row, target,    words, n, i, allowed) {
    sub(/\.h$/, "", target)
    allowed = covers(row, target)
    n = split(row_words[row], words)
    for (i = 1; i <= n; i++) {
        if (covers(words[i], target))
            allowed = 1
        if (words[i] ~ /^!/ && covers(substr(words[i], 2), target))
            return 0
    }
    return allowed
}

# Whether the row may have this system header: it has the word for it, or no row has one.
function may_use(row, header,    word) {
    for (word in libraries)
        if (index("<" header, word) == 1)
            return index(row_words[row] " ", " " word) > 0
    return 1
}

FNR == NR {
    if ($0 ~ /^#/ || NF == 0)
        next
    kinds[$1] = $2
    row_words[$1] = ""
    for (i = 3; i <= NF; i++) {
        row_words[$1] = row_words[$1] " " $i
        if ($i ~ /^</)
            libraries[substr($i, 1, length($i) - 1)] = 1
    }
    next
}

kind != "" {
    if (kinds[row_of($0)] == kind)
        print
    next
}

{
    path = $0
    sub(/:.*/, "", path)
    row = row_of(path)
    target = $0
    if (sub(/.*#include "/, "", target)) {
        sub(/".*/, "", target)
        if (!may_include(row, target))
            print "foreign include: " $0
        if (kinds[row] == "pure" && kinds[row_of(target)] != "pure")
            print "pure code includes the shell: " $0
    } else if (sub(/.*#include </, "", target)) {
        sub(/>.*/, "", target)
        if (!may_use(row, target))
            print "a library has its own files: " $0
    }
}
