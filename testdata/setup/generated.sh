#!/bin/bash
# Builds the kernel's part of the media relay from its source, in a directory of its own, and compares what comes out
# with what is committed.
set -euo pipefail

here=$(pwd)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cp go.mod go.sum "$dir"
cp -r media/kernel "$dir/kernel"
rm "$dir"/kernel/relay_bpfel.*
cd "$dir/kernel"
${GO:-go} generate .
for file in relay_bpfel.go relay_bpfel.o; do
	if ! cmp "$file" "$here/media/kernel/$file"; then
		echo "media/kernel/$file is not what its source makes: type make generate and commit it" >&2
		exit 1
	fi
done
