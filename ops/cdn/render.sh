#!/bin/sh
# Prints the configuration of a CDN node for this environment: sh ops/cdn/render.sh > /etc/nginx/conf.d/cdn.conf
set -eu
: "${CDN_APP:?the host:port where web answers}" "${CDN_BUCKET:?the host:port of the bucket}"
: "${CDN_LISTEN:=8080}" "${CDN_APP_HOST:=${CDN_APP}}" "${CDN_BUCKET_HOST:=${CDN_BUCKET}}" "${CDN_BUCKET_SCHEME:=https}"
: "${CDN_CACHE_DIR:=/var/cache/nginx}" "${CDN_CACHE_SIZE:=50g}" "${CDN_CORS_ORIGINS:=https://app\\.example\\.com}"
set -- sed
for name in CDN_LISTEN CDN_APP CDN_APP_HOST CDN_BUCKET CDN_BUCKET_HOST CDN_BUCKET_SCHEME CDN_CACHE_DIR CDN_CACHE_SIZE \
    CDN_CORS_ORIGINS; do
    eval "value=\${$name}"
    set -- "$@" -e "s|\${$name}|$(printf %s "$value" | sed -e 's/[\\&|]/\\&/g')|g"
done
exec "$@" "$(dirname "$0")/cdn.conf.template"
