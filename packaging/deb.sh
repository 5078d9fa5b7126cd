#!/usr/bin/env bash
# Makes the Debian package out of build/leat: `make deb` builds that first.
#
#   packaging/deb.sh [FOLDER]    leat_VERSION_ARCH.deb in FOLDER (default: build)
#
# What it depends on is asked of the libraries that the binary is linked with (dpkg-shlibdeps).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

out=$(realpath "${1:-build}")
version=$(build/leat --version | cut -d' ' -f2)
arch=$(dpkg --print-architecture)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root

install -D -m 755 build/leat "$root/usr/bin/leat"
strip --strip-unneeded "$root/usr/bin/leat"
install -D -m 644 packaging/leat.service "$root/lib/systemd/system/leat.service"
install -D -m 644 packaging/leat.socket "$root/lib/systemd/system/leat.socket"
install -D -m 644 packaging/default "$root/etc/default/leat"
install -D -m 644 packaging/grafana/leat.json "$root/usr/share/leat/grafana/leat.json"
doc=$root/usr/share/doc/leat
mkdir -p "$doc"
install -m 644 docs/*.md "$doc/"
install -m 644 LICENSE "$doc/copyright"
gzip -9n <CHANGES.md >"$doc/changelog.gz"
chmod 644 "$doc/changelog.gz"

mkdir -p "$work/debian" "$root/DEBIAN"
echo "Source: leat" >"$work/debian/control"
depends=$(cd "$work" && dpkg-shlibdeps -O -e"$root/usr/bin/leat" 2>/dev/null |
    sed -n 's/^shlibs:Depends=//p')
cat >"$root/DEBIAN/control" <<CONTROL
Package: leat
Version: $version
Architecture: $arch
Maintainer: leat <leat@localhost>
Installed-Size: $(du -sk "$root" | cut -f1)
Depends: $depends, adduser, ca-certificates
Section: database
Priority: optional
Description: change data capture in one binary
 Reads what changes in databases, as Debezium does, into topics of its own or of
 Kafka, and serves Kafka Connect's REST API for its connectors, without a JVM.
CONTROL
echo /etc/default/leat >"$root/DEBIAN/conffiles"

# At an upgrade the hub becomes the new program, and its connectors follow one by one.
cat >"$root/DEBIAN/postinst" <<'SCRIPT'
#!/bin/sh
set -e
if [ "$1" = configure ] && [ -z "$DPKG_ROOT" ]; then
    getent passwd leat >/dev/null ||
        adduser --system --group --home /var/lib/leat --no-create-home --quiet leat
    if [ -d /run/systemd/system ]; then
        systemctl daemon-reload
        [ -z "$2" ] || systemctl try-reload-or-restart leat.service || true
    fi
fi
SCRIPT
cat >"$root/DEBIAN/prerm" <<'SCRIPT'
#!/bin/sh
set -e
if [ "$1" = remove ] && [ -z "$DPKG_ROOT" ] && [ -d /run/systemd/system ]; then
    systemctl --no-reload disable --now leat.socket leat.service || true
fi
SCRIPT
cat >"$root/DEBIAN/postrm" <<'SCRIPT'
#!/bin/sh
set -e
if [ -z "$DPKG_ROOT" ] && [ -d /run/systemd/system ]; then
    systemctl daemon-reload || true
fi
# Positions and streams are data: purge alone removes them.
if [ "$1" = purge ]; then
    rm -rf "$DPKG_ROOT/var/lib/leat"
fi
SCRIPT
chmod 755 "$root/DEBIAN/postinst" "$root/DEBIAN/prerm" "$root/DEBIAN/postrm"

deb=$out/leat_${version}_$arch.deb
dpkg-deb --root-owner-group --build "$root" "$deb" >/dev/null
echo "$deb"
