#!/bin/sh
# nginx, as an HTTP server: nginx.sh https|http CERT KEY. One process; the port is fixed.
set -eu
mode=$1 cert=$(realpath "$2") key=$(realpath "$3")
dir=$(mktemp -d)
case $mode in
https) port=28443 tls=" ssl"
    identity="ssl_certificate $cert; ssl_certificate_key $key; ssl_protocols TLSv1.2 TLSv1.3;" ;;
*) port=28080 tls='' identity='' ;;
esac
cat >"$dir/nginx.conf" <<EOF
daemon off; master_process off; pid $dir/pid; error_log $dir/errors crit;
events { worker_connections 4096; }
http {
  access_log off; keepalive_requests 1000000000; default_type text/plain;
  client_body_temp_path $dir; proxy_temp_path $dir; fastcgi_temp_path $dir; uwsgi_temp_path $dir;
  scgi_temp_path $dir;
  server {
    listen 127.0.0.1:$port$tls backlog=4096; $identity
    location / { return 200 "hello, world\\n"; }
  }
}
EOF
(
  sleep 0.5
  echo $port
) &
exec nginx -c "$dir/nginx.conf"
