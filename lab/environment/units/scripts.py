"""What a machine with systemd is asked to run as root: POSIX shell, the unit's name as its first argument."""

START_SCRIPT = """
systemctl stop --quiet "$1" 2>/dev/null
systemctl enable --quiet "$1" || exit 4
systemctl reset-failed --quiet "$1" 2>/dev/null
date +%s.%N
exec systemctl start "$1"
"""
PROCESSES_SCRIPT = """
for file in $(grep -lsE "/$1(/|\\$)" /proc/[0-9]*/cgroup); do
  folder=${file%/cgroup}
  printf '%s ' "${folder#/proc/}"
  tr '\\000\\n' '  ' < "$folder/cmdline" 2>/dev/null
  echo
done
"""
KNOWING_SCRIPT = f"""{PROCESSES_SCRIPT}
shift
exec systemctl "$@"
"""
"""Looks who there is before systemd is asked to end somebody: those that it has to kill it names by half only."""
MEMORY_SCRIPT = """
for file in $(grep -lsE "/$1(/|\\$)" /proc/[0-9]*/cgroup); do
  cat "${file%/cgroup}/smaps_rollup" "${file%/cgroup}/status" 2>/dev/null
done | awk '/^Pss:/ { current += $2 } /^VmHWM:/ { peak += $2 } END { printf "%d %d\\n", current, peak }'
"""
SAID_SCRIPT = """
for pause in $(seq $((20 * $2))); do
  case "$(systemctl show --property=ActiveState --value "$1")" in active|inactive|failed) break;; esac
  sleep 0.05
done
journalctl --sync 2>/dev/null
exec journalctl --quiet --no-pager --output=cat --since="@$3" _PID=1 UNIT="$1"
"""
LOGS_SCRIPT = """
journalctl --sync 2>/dev/null
journalctl --quiet --no-pager --output=cat --since="@$2" MESSAGE_ID=a596d6fe7bfa4994828e72309e95d61e |
  grep -F " $1" >&2
exec journalctl --quiet --no-pager --all --output=cat --since="@$2" \\
  _SYSTEMD_UNIT="$1" _TRANSPORT=stdout + _SYSTEMD_UNIT="$1" _TRANSPORT=syslog
"""
"""What journald had to drop of it (SD_MESSAGE_JOURNAL_DROPPED of sd-messages.h) goes to the standard error."""
COLLECT_SCRIPT = """
journalctl --sync 2>/dev/null
journalctl --quiet --no-pager --all --output=short-iso-precise
printf '\\036\\n'; systemctl status --no-pager --full --lines=0 "$1"
printf '\\036\\n'; systemctl list-units --failed --no-legend --plain --no-pager
printf '\\036\\n'; systemctl cat --no-pager "$1"
"""
