#!/bin/sh
# Makes the certificates of the TLS tests anew, valid for a hundred years. They guard nothing: the keys are public.
set -eu
cd "$(dirname "$0")"
key() { openssl ecparam -name prime256v1 -genkey -noout | openssl pkcs8 -topk8 -nocrypt -out "$1-key.pem"; }
signed() { # name, subject alternative name, use
    key "$1"
    openssl req -new -key "$1-key.pem" -subj "/CN=ecspan test $1" |
        openssl x509 -req -CA ca.pem -CAkey ca-key.pem -CAcreateserial -days 36500 -out "$1.pem" -extfile /dev/fd/3 3<<END
subjectAltName=$2
extendedKeyUsage=$3
END
}
key ca
openssl req -x509 -new -key ca-key.pem -subj "/CN=ecspan test authority" -days 36500 -out ca.pem \
    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign
signed server IP:127.0.0.1 serverAuth
signed other DNS:other.example serverAuth
signed client DNS:client.example clientAuth
rm -f ca-key.pem ca.srl
