#!/bin/bash
# servers.sh PACKAGE...: installs Debian's servers which the benches measure mask700 against, where they are missing. No
# service is started: the benches start their own.
# Without root or apt it prints the line to type and fails.
set -euo pipefail

declare -A provides=(
	[rtpengine-daemon]='command -v rtpengine || test -x /usr/sbin/rtpengine'
	[redis-server]='command -v redis-server'
	[postgresql]='ls /usr/lib/postgresql/*/bin/postgres'
)

missing=()
for package in "$@"; do
	if ! eval "${provides[$package]}" >/dev/null 2>&1; then
		missing+=("$package")
	fi
done
if [ ${#missing[@]} -eq 0 ]; then
	exit 0
fi

line="apt-get install -y --no-install-recommends ${missing[*]}"
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
	echo "missing for the bench: ${missing[*]}" >&2
	echo "type: sudo $line" >&2
	exit 1
fi

# A package starts its service unless this file forbids it (invoke-rc.d). One that is there already is the
# administrator's: it stays, and the services are stopped below where it allowed them.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
	trap 'rm -f "$policy"' EXIT
	printf '#!/bin/sh\nexit 101\n' >"$policy"
	chmod 755 "$policy"
fi

export DEBIAN_FRONTEND=noninteractive
echo "installing: ${missing[*]}"
if ! $line >/dev/null 2>&1; then
	apt-get update
	$line
fi
if [ -d /run/systemd/system ]; then
	systemctl disable --now "${missing[@]}" >/dev/null 2>&1 || true
fi
