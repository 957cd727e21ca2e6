#!/bin/bash
# Installs what the tests need beyond Go, git and make from Debian's packages, where it is missing:
# a C compiler and its headers for the race detector, SIPp, Kamailio, tshark, the phones baresip and linphone with
# the network that they are put into, and the compiler of the program for the kernel.
# Without root or apt it prints the line to type and fails.
set -euo pipefail

declare -A provides=(
	[gcc]='command -v gcc'
	[libc6-dev]='test -e /usr/include/stdlib.h'
	[sip-tester]='command -v sipp'
	[kamailio]='command -v kamailio || test -x /usr/sbin/kamailio'
	[tshark]='command -v tshark && command -v dumpcap'
	[iproute2]='command -v ip'
	[baresip-core]='command -v baresip'
	[linphone-cli]='command -v linphonec'
	[clang-14]='command -v clang-14'
	[llvm-14]='command -v llvm-strip-14'
)

missing=()
for package in gcc libc6-dev sip-tester kamailio tshark iproute2 baresip-core linphone-cli clang-14 llvm-14; do
	if ! eval "${provides[$package]}" >/dev/null 2>&1; then
		missing+=("$package")
	fi
done
if [ ${#missing[@]} -eq 0 ]; then
	exit 0
fi

line="apt-get install -y --no-install-recommends ${missing[*]}"
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
	echo "missing for the tests: ${missing[*]}" >&2
	echo "type: sudo $line" >&2
	exit 1
fi

export DEBIAN_FRONTEND=noninteractive
echo "installing: ${missing[*]}"
if ! $line >/dev/null 2>&1; then
	apt-get update
	$line
fi
