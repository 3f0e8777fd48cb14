#!/bin/sh
# Makes the root folder of the image: the program, the certificates of authorities, the licences, a /tmp. For the Dockerfile, too,
# whose base has no bash.
#
#   release/rootfs.sh PROGRAM FOLDER [THIRD-PARTY.md]
set -eu
program=$1 folder=$2
mkdir -p "$folder/etc/ssl/certs" "$folder/licenses" "$folder/tmp"
# The sidecar's health file is written there.
chmod 1777 "$folder/tmp"
cp "$program" "$folder/ecspan"
chmod 755 "$folder/ecspan"
cp /etc/ssl/certs/ca-certificates.crt "$folder/etc/ssl/certs/"
chmod 644 "$folder/etc/ssl/certs/ca-certificates.crt"
cp "$(dirname "$0")"/../LICENSE-* "$folder/licenses/"
if [ $# -gt 2 ]; then
    cp "$3" "$folder/licenses/THIRD-PARTY.md"
fi
