# words.awk - reads words.table, then files, and prints each place that says what the table has given up.
NR == FNR {
    if (/^#/)
        next
    pattern[++rows] = "(^|[^A-Za-z_])(" $1 ")([^A-Za-z_]|$)"
    remedy[rows] = $2
    meant_well[rows] = $3
    next
}
{
    for (row = 1; row <= rows; row++) {
        if ($0 !~ pattern[row])
            continue
        rest = $0
        if (meant_well[row])
            gsub(meant_well[row], "", rest)
        if (match(rest, pattern[row])) {
            found = substr(rest, RSTART, RLENGTH)
            gsub(/^[^A-Za-z]|[^A-Za-z]$/, "", found)
            print substr(FILENAME, 3) ":" FNR ": \"" found "\": " remedy[row]
            bad = 1
        }
    }
}
END { exit bad }
