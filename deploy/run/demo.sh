# shellcheck shell=bash
# demo.sh - nginx for `make run`, and the two pages that are signed in as alice and as bob. Each has
# its own folder of addresses, and its token in a cookie of that folder. Sourced by run.

demo_users='alice bob'

write_nginx_settings() {
    write_cookies </dev/null
    cat >"$data/nginx/nginx.conf" <<END
daemon off;
worker_processes 2;
pid "$data/nginx/nginx.pid";
error_log stderr warn;
events { worker_connections 1024; }
http {
    include mime.types;
    default_type application/octet-stream;
    charset utf-8;
    access_log off;
    client_body_temp_path "$data/nginx/body";
    proxy_temp_path "$data/nginx/proxy";
    fastcgi_temp_path "$data/nginx/fastcgi";
    uwsgi_temp_path "$data/nginx/uwsgi";
    scgi_temp_path "$data/nginx/scgi";

    # What doorbell-upstreams.conf is to a site.
    upstream doorbell_app { server "unix:$sockets/app.sock"; keepalive 16; keepalive_timeout 1s; }
    upstream doorbell_relay { server $host:$relay_port; }
    fastcgi_cache_path "$data/nginx/cache" levels=1:2 keys_zone=doorbell:10m max_size=100m inactive=1m use_temp_path=off;
    map \$host \$doorbell_www { default "$stage/www"; }

    map \$request_uri \$demo_api_uri { "~^/demo/[^/]+(/.*)\$" \$1; }
    include cookies.conf;

    server {
        listen $bind:$port;
        absolute_redirect off;
        include doorbell.conf;
        include demo.conf;
    }
}
END
    cp "$top/deploy/run/demo.conf" "$data/nginx/demo.conf"
}

# From lines "user token" on stdin.
write_cookies() {
    {
        echo 'map $demo_user $demo_cookie {'
        echo 'default "";'
        while read -r user token; do
            printf '%s "doorbell_token=%s; Path=/demo/%s/; HttpOnly; SameSite=Lax";\n' \
                "$user" "$token" "$user"
        done
        echo '}'
    } | write_secret "$data/nginx/cookies.conf"
}

mint_tokens() {
    local user token
    for user in $demo_users; do
        token=$(curl -sS -f --config "$data/send.curl" -d "user=$user" -d ttl=86400 \
            "$url/doorbell/tokens" | sed -n 's/.*"token": *"\([A-Za-z0-9._-]*\)".*/\1/p')
        [ -n "$token" ] || return 1
        echo "$user $token"
    done
}

has_cookie() {
    curl -s -o /dev/null -D - "$url/demo/alice/" | grep -q 'Set-Cookie: doorbell_token=.'
}

# Puts fresh day-long tokens into the pages' cookies.
renew_cookies() {
    local lines
    if lines=$(mint_tokens); then
        write_cookies <<<"$lines"
        signal_child nginx HUP
        cookies_at=$SECONDS
        wait_until 30 'the demo page' has_cookie
    elif [ -z "${cookies_at:-}" ]; then
        die "doorbell-app issued no tokens for the demo pages; see the logs in $data/log"
    fi
}
