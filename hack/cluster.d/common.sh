# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154 # the pieces share variables
# Where a cluster keeps its things, how it speaks, waits, and starts and ends processes.
# Law: a process is only ever signalled when its recorded start time still fits its recorded id.

# Sets id and state for the cluster named $1 (may be empty). The id carries a hash of the
# checkout's path, so equal names in two checkouts are two clusters.
cluster_identify() {
    local hash
    hash=$(realpath "$root" | sha256sum | cut -c1-6)
    case $1 in *[!a-z0-9-]* | *-) die "a cluster name has lower-case letters, digits and dashes, not '$1'" ;; esac
    id=mb-$hash${1:+-$1}
    state=$cache/clusters/$id
}

say() { printf '[%s] %s\n' "$id" "$*" >&2; }
die() { say "error: $*"; exit 1; }

# Runs a step and tells how long it took. Not in a condition, so that the first error in it ends the
# run; on_exit then names the step.
step() { # TEXT COMMAND...
    local start
    start=$(now_ms)
    current_step=$1
    shift
    "$@"
    say "$(printf '%5.1f s  %s' "$(seconds_since "$start")" "$current_step")"
    current_step=''
}

on_exit() {
    local status=$?
    [ "$status" = 0 ] || [ -z "${current_step:-}" ] || say "failed at: $current_step"
}

# Without this, an error that says nothing itself would end the run in silence.
on_error() { # LINE COMMAND
    say "error in ${BASH_SOURCE[1]##*/}, line $1: $2"
}

now_ms() { date +%s%3N; }
seconds_since() { awk -v a="$1" -v b="$(now_ms)" 'BEGIN { printf "%.1f", (b - a) / 1000 }'; }

# Waits until a command succeeds; every five seconds it says what is waited for.
wait_until() { # SECONDS TEXT COMMAND...
    local limit=$1 text=$2 start=$SECONDS told=0
    shift 2
    until "$@" >/dev/null 2>&1; do
        if [ $((SECONDS - start)) -ge "$limit" ]; then
            say "gave up after $limit s waiting for $text"
            return 1
        fi
        if [ $((SECONDS - start)) -ge $((told + 5)) ]; then
            told=$((SECONDS - start))
            say "        waiting for $text ($told s)"
        fi
        sleep 0.1
    done
}

# The time, in clock ticks since boot, at which a process started; empty when there is none.
started_at() { # PID
    local line
    { read -r line <"/proc/$1/stat"; } 2>/dev/null || return 0
    line=${line##*) }
    # shellcheck disable=SC2086 # the fields are wanted apart
    set -- $line
    printf '%s' "${20}"
}

# Prints the id of a recorded process if that very process still runs.
live_pid() { # PROCESS
    local pid ticks
    { read -r pid ticks <"$state/processes/$1.pid"; } 2>/dev/null || return 1
    [ -n "$ticks" ] && [ "$(started_at "$pid")" = "$ticks" ] || return 1
    # A zombie has ended already; whoever started it has not looked yet.
    grep -q '^State:[[:space:]]*Z' "/proc/$pid/status" 2>/dev/null && return 1
    printf '%s\n' "$pid"
}

# Defines and starts a background process. Its output goes to logs/PROCESS.log. What was
# started once can be started again, the same way, by process_start.
process_run() { # PROCESS CGROUP|- COMMAND...
    local process=$1 group=$2
    shift 2
    mkdir -p "$state/processes" "$state/logs"
    # shellcheck disable=SC2016 # the script that is written expands these
    {
        printf '#!/usr/bin/env bash\n'
        printf 'for fd in {3..63}; do eval "exec $fd>&-"; done\n'
        [ "$group" = - ] || cgroup_files "$group" | while read -r file; do
            printf 'echo $$ >%q\n' "$file"
        done
        printf 'read -r line </proc/$$/stat\nline=${line##*) }\nset -- $line\n'
        printf 'echo "$$ ${20}" >%q\n' "$state/processes/$process.pid.new"
        printf 'mv %q %q\n' "$state/processes/$process.pid.new" "$state/processes/$process.pid"
        printf 'exec'
        printf ' %q' "$@"
        printf '\n'
    } >"$state/processes/$process.run"
    process_start "$process"
}

process_start() { # PROCESS
    local process=$1
    live_pid "$process" >/dev/null && return 0
    rm -f "$state/processes/$process.pid"
    setsid bash "$state/processes/$process.run" </dev/null >>"$state/logs/$process.log" 2>&1 &
    disown
    wait_until 10 "$process to start" test -f "$state/processes/$process.pid"
}

# Ends a process, with a signal first and by force after a time.
process_stop() { # PROCESS [SIGNAL [SECONDS]]
    local process=$1 signal=${2:-TERM} limit=${3:-15} pid
    pid=$(live_pid "$process") || return 0
    kill "-$signal" "$pid" 2>/dev/null || true
    if ! wait_until "$limit" "$process to end" process_gone "$process"; then
        pid=$(live_pid "$process") || return 0
        kill -KILL "$pid" 2>/dev/null || true
        wait_until 10 "$process to end by force" process_gone "$process"
    fi
}

process_gone() { ! live_pid "$1" >/dev/null; }

recorded_processes() {
    local file
    for file in "$state"/processes/*.run; do
        [ -f "$file" ] && basename "$file" .run
    done
    return 0
}

# Shows why a process ended, for error messages.
log_tail() { # PROCESS
    say "the end of $state/logs/$1.log:"
    tail -n 15 "$state/logs/$1.log" >&2 || true
}

# Waits for something that a process has to bring about; an early end of that process is told.
wait_for_process() { # SECONDS TEXT PROCESS COMMAND...
    local limit=$1 text=$2 process=$3
    shift 3
    if ! wait_until "$limit" "$text" ready_or_ended "$process" "$@" || ! live_pid "$process" >/dev/null; then
        log_tail "$process"
        die "$process does not serve"
    fi
}

ready_or_ended() { # PROCESS COMMAND...
    local process=$1
    shift
    "$@" || ! live_pid "$process" >/dev/null
}

in_net() { # NAMESPACE COMMAND...
    local namespace=$1
    shift
    nsenter --net="$state/net/$namespace" -- "$@"
}
