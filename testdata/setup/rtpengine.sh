#!/bin/bash
# Installs Debian's rtpengine, which the bench of the media relay measures itself against, where it is missing. No
# service is started: the bench starts its own in a network of its own, in user space.
# Without root or apt it prints the line to type and fails.
set -euo pipefail

if command -v rtpengine >/dev/null || test -x /usr/sbin/rtpengine; then
	exit 0
fi

line="apt-get install -y --no-install-recommends rtpengine-daemon"
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
	echo "missing for the bench: rtpengine-daemon" >&2
	echo "type: sudo $line" >&2
	exit 1
fi

# A package starts its service unless this file forbids it (invoke-rc.d). One that is there already is the
# administrator's: it stays, and the service is stopped below where it allowed it.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
	trap 'rm -f "$policy"' EXIT
	printf '#!/bin/sh\nexit 101\n' >"$policy"
	chmod 755 "$policy"
fi

export DEBIAN_FRONTEND=noninteractive
echo "installing: rtpengine-daemon"
if ! $line >/dev/null 2>&1; then
	apt-get update
	$line
fi
if [ -d /run/systemd/system ]; then
	systemctl disable --now rtpengine-daemon.service >/dev/null 2>&1 || true
fi
