# shellcheck shell=bash
# files.sh - the folders and files of `make run`: $var as the caller sees it, $data where they really
# are. Sourced by run; uses its settings.

# What the caller finds under $var, wherever $data is.
public_names='doorbell.conf send.key publish.key auth.secret send.curl publish.curl log'

# Sets why_elsewhere if the data cannot be in $var itself: the servers' user must get there, and the
# servers' configurations must be able to name it.
choose_place() {
    why_elsewhere=
    if ! as_server test -x "$var"; then
        why_elsewhere="user $server_user cannot enter $var"
    elif [[ $var == *[\"\'\\\$\;{},*?[]* ]]; then
        why_elsewhere="the servers cannot use a path like $var"
    fi
}

# A folder under /var/tmp that nobody else can have made.
find_own_folder() {
    if [ -L "$var/data" ]; then
        data=$(readlink "$var/data")
        if [ -d "$data" ] && [ ! -L "$data" ] && [ -O "$data" ] &&
            [ -z "$(find "$data" -maxdepth 0 -perm /022)" ]; then
            return 0
        fi
        say "$var/data leads to a folder that is gone or not ours; starting with an empty one."
        rm -f "$var/data"
    fi
    data=$(mktemp -d /var/tmp/doorbell.XXXXXXXXXX)
    chmod 711 "$data"
    ln -s "$data" "$var/data"
}

prepare_folders() {
    local name
    if [ ! -d "$var" ]; then
        mkdir -p -m 711 "$var"
    fi
    var=$(cd "$var" && pwd)
    exec 9>>"$var/lock"
    flock -n 9 || die "another run is using $var; stop it, or choose another folder with VAR="
    data=$var
    choose_place
    if [ -n "$why_elsewhere" ]; then
        find_own_folder
        for name in $public_names; do
            ln -sfn "$data/$name" "$var/$name"
        done
    fi
    stage=$data/stage
    mkdir -p "$data/log"
    make_server_folder "$data/nginx"
    choose_socket_folder
}

# The path of a unix socket has 107 bytes at most.
choose_socket_folder() {
    sockets=$data/run
    if ((${#sockets} > 80)); then
        short_sockets=$(mktemp -d /tmp/doorbell.XXXXXX)
        sockets=$short_sockets
    fi
    make_server_folder "$sockets"
}

# Copies what the servers run and serve, so that they no longer need the checkout.
stage_files() {
    local client=tests/node_modules/socket.io-client-1.3.7/socket.io.js
    rm -rf "$stage"
    mkdir -p "$stage/sbin" "$stage/sql"
    cp "$build/doorbell-app" "$build/doorbell-relay" "$stage/sbin/"
    cp -R sql/doorbell-migrate sql/schema sql/functions sql/*.sql "$stage/sql/"
    cp -R www "$stage/www"
    # For web-msg-sender.html, which says so where there is none.
    [ ! -f "$client" ] || cp "$client" "$stage/www/demo/"
    cp deploy/nginx/doorbell.conf /etc/nginx/mime.types "$data/nginx/"
    chmod -R u=rwX,go=rX "$stage" "$data/nginx"/*
}

# Makes the key files and, for curl, the headers that carry the keys; keeps existing keys.
make_secrets() {
    local name
    for name in send.key publish.key auth.secret; do
        [ -s "$data/$name" ] || head -c 32 /dev/urandom | base64 -w 0 | tr '+/' '-_' | tr -d = |
            sed 's/$/\n/' | write_secret "$data/$name"
    done
    for name in send publish; do
        sed 's/.*/header = "Authorization: Bearer &"/; q' "$data/$name.key" |
            write_secret "$data/$name.curl"
    done
}

# The origins of our own pages, as browsers may name them.
origins() {
    local address
    echo "$url http://localhost:$port"
    if [ "$bind" = 0.0.0.0 ]; then
        for address in $(hostname -I 2>/dev/null) $(hostname); do
            [[ $address == *:* ]] || echo "http://$address:$port"
        done
    fi
}

# For web-msg-sender.html. Whoever names a user is that user, so only on this machine.
legacy_settings() {
    case $bind in
    127.* | '[::1]') printf '%s = yes\n' socketio legacy_login legacy_publish ;;
    esac
}

write_settings() {
    write_secret "$data/doorbell.conf" <<END
# Written anew by each \`make run\`; DOORBELL_<SECTION>_<NAME> in its environment overrides a setting.
[auth]
secret_file = $data/auth.secret
send_key_file = $data/send.key
publish_key_file = $data/publish.key
origins = $(origins | sort -u | tr '\n' ' ' | sed 's/ $//')
[app]
listen = unix:$sockets/app.sock
relay_url = $publish_url
[database]
url = host='$sockets' user=doorbell_app dbname=doorbell
[relay]
listen = $bind:$relay_port
publish_listen = 127.0.0.1:$publish_port
drain_window = 1s
$(legacy_settings)
END
    write_nginx_settings
}
