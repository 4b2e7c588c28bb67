# shellcheck shell=bash
# lib.sh - the parts of deploy/run/run: messages, the servers' user, children. Sourced; uses $data,
# and $stopping, which is not empty once a signal has arrived.

say() {
    printf '%s\n' "$*"
}

die() {
    printf 'make run: %s\n' "$*" >&2
    exit 1
}

# quote TEXT: as one word of a shell command, for lines to be pasted.
quote() {
    local apostrophe="'\\''"
    if [[ $1 == *[!A-Za-z0-9/._+-]* ]]; then
        printf "'%s'" "${1//\'/$apostrophe}"
    else
        printf '%s' "$1"
    fi
}

# The servers' user: the caller, or as root an unprivileged one. Sets server_user, server_group and
# drop, the words before a command that make it the servers' own.
choose_server_user() {
    server_user=$(id -un)
    drop=()
    if [ "$(id -u)" = 0 ]; then
        server_user=${DOORBELL_RUN_USER:-nobody}
        id -u "$server_user" >/dev/null 2>&1 || die "DOORBELL_RUN_USER: no user '$server_user'"
        [ "$(id -u "$server_user")" != 0 ] || die 'DOORBELL_RUN_USER: PostgreSQL refuses to run as root'
        drop=(setpriv --reuid "$(id -u "$server_user")" --regid "$(id -g "$server_user")"
            --clear-groups --no-new-privs --)
    fi
    unset DOORBELL_RUN_USER # not a setting of the programs
}

as_server() {
    "${drop[@]}" "$@"
}

own_by_server() {
    if [ "$(id -u)" = 0 ]; then
        chown -h "$server_user:" "$@"
    fi
}

# A folder of the servers' own.
make_server_folder() {
    mkdir -p "$1"
    own_by_server "$1"
    chmod 700 "$1"
}

# Writes stdin to the file $1, which only its owner, the servers' user, may read; in one step.
write_secret() {
    rm -f "$1.new"
    (umask 077 && cat >"$1.new")
    own_by_server "$1.new"
    mv -f "$1.new" "$1"
}

# Whether something listens on $1 (address) $2 (port).
is_listening() {
    (exec 3<>"/dev/tcp/$1/$2") 2>/dev/null
}

# A sleep that a signal ends.
pause() {
    sleep "$1" </dev/null >/dev/null 2>&1 9>&- &
    wait "$!" 2>/dev/null || true
}

# run_step COMMAND…: one that a signal to this script ends, too.
run_step() {
    local status=0
    "$@" 9>&- &
    step_pid=$!
    wait "$step_pid" || status=$?
    step_pid=
    return "$status"
}

# wait_until SECONDS WHAT COMMAND…: tries until it succeeds; ends the script if a child dies.
wait_until() {
    local deadline=$((SECONDS + $1)) what=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        check_children
        ((SECONDS < deadline)) || die "$what did not start in time; see the logs in $data/log"
        pause 0.05
    done
}

declare -A child_pid=() child_signal=()

# start_child NAME SIGNAL COMMAND…: in a session of its own, so that Ctrl-C reaches this script alone
# and the order of stopping is ours. The kernel sends it SIGNAL if this script is killed.
start_child() {
    local name=$1 signal=$2
    shift 2
    : >"$data/log/$name.log"
    setsid "${drop[@]}" setpriv --pdeathsig "$signal" -- "$@" \
        </dev/null >"$data/log/$name.log" 2>&1 9>&- &
    child_pid[$name]=$!
    child_signal[$name]=$signal
}

# Not by kill -0, which finds the dead as long as bash has not fetched them: in a trap it may not.
is_running() {
    local stat=
    { read -r stat <"/proc/${child_pid[$1]}/stat"; } 2>/dev/null || return 1
    [[ ${stat##*) } != [ZX]* ]]
}

check_children() {
    local name
    for name in "${!child_pid[@]}"; do
        is_running "$name" || report_death "$name"
    done
}

# Says which child ended and why, and ends the script.
report_death() {
    local status=0
    wait "${child_pid[$1]}" || status=$?
    unset "child_pid[$1]"
    {
        echo "make run: $1 ended with status $status; the end of $data/log/$1.log:"
        tail -n 20 "$data/log/$1.log"
    } >&2
    exit 1
}

# A second in which nothing comes. Not by waiting for children: where signals to the whole group end
# them at the same moment as the wait itself, bash may go on waiting for ever.
exec {silence}<> <(:)
doze() {
    read -r -t 1 -u "$silence" _ || true
}

# stop_children SECONDS SIGNAL NAME…: all at once; what outlasts the time gets SIGNAL, then KILL.
stop_children() {
    local deadline=$((SECONDS + $1)) last=$2 name
    shift 2
    for name; do
        [ -z "${child_pid[$name]:-}" ] || signal_child "$name" "${child_signal[$name]}"
    done
    for name; do
        [ -n "${child_pid[$name]:-}" ] || continue
        while is_running "$name"; do
            if ((SECONDS >= deadline)); then
                signal_child "$name" "$last"
                last=KILL
                deadline=$((SECONDS + 1))
            fi
            pause 0.05
        done
        unset "child_pid[$name]"
    done
}

signal_child() {
    kill -s "$2" "${child_pid[$1]}" 2>/dev/null || true
}
