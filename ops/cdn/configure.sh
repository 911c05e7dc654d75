#!/bin/sh
# Fills in nginx.conf beside it and writes it to stdout: configure.sh > /etc/nginx/nginx.conf
#
# Of the product's own variables: CDN_BASE_URL, S3_ENDPOINT_URL (or S3_REGION for AWS), FRONTEND_ORIGINS. And:
#   CDN_WEB           host:port of each web, separated by commas (required)
#   CDN_LISTEN        what nginx listens to: [address:]port (80, or 443 with a certificate)
#   CDN_CERTIFICATE, CDN_CERTIFICATE_KEY   files; none: something before it speaks TLS
#   CDN_STATE         folder of what is kept (/var/cache/media-cdn); must exist
#   CDN_CACHE_SIZE    the most that is kept (10g)
#   CDN_ACCESS_LOG    a file, or off (/dev/stdout)
#   CDN_USER          whom its workers run as, where it is started as root (www-data)
#   CDN_CA            whom it believes who the bucket is (/etc/ssl/certs/ca-certificates.crt)
set -eu

: "${CDN_BASE_URL:?must be set: the address that readers see}" "${CDN_WEB:?must be set: host:port of web}"
host=$(printf '%s' "$CDN_BASE_URL" | sed -E 's,^[a-z]+://,,; s,[/:].*,,')
store=${S3_ENDPOINT_URL:-https://s3.${S3_REGION:-us-east-1}.amazonaws.com}
scheme=${store%%://*}
bucket=${store#*://}
bucket=${bucket%%/*}
case $bucket in
    *:*) ;;
    *) if [ "$scheme" = https ]; then bucket=$bucket:443; else bucket=$bucket:80; fi ;;
esac

# each LIST PREFIX SUFFIX: a line of the file for each of the list's words; what a sed script must not see is refused.
each() {
    for word in $(printf '%s' "$1" | tr ',' ' '); do
        case $word in
            *[!A-Za-z0-9.:/_\[\]-]*) echo "configure.sh: $word has no place in a configuration" >&2; exit 1 ;;
        esac
        printf '        %s%s%s\\n' "$2" "$word" "$3"
    done
}
web=$(each "$CDN_WEB" 'server ' ';')
origins=$(each "${FRONTEND_ORIGINS:-}" '"' '" $http_origin;')
tls=
listen=${CDN_LISTEN:-80}
if [ -n "${CDN_CERTIFICATE:-}" ]; then
    listen="${CDN_LISTEN:-443} ssl http2"
    tls="        ssl_certificate $CDN_CERTIFICATE;\\n        ssl_certificate_key $CDN_CERTIFICATE_KEY;\\n"
    tls="$tls        ssl_protocols TLSv1.2 TLSv1.3;\\n        ssl_session_cache shared:tls:10m;"
fi

access_log=${CDN_ACCESS_LOG:-/dev/stdout}
if [ "$access_log" != off ]; then access_log="$access_log line"; fi

exec sed \
    -e "s|@WEB@|${web%??}|" \
    -e "s|@ORIGINS@|${origins%??}|" \
    -e "s|@TLS@|$tls|" \
    -e "s|@LISTEN@|$listen|" \
    -e "s|@HOST@|$host|" \
    -e "s|@SCHEME@|$scheme|" \
    -e "s|@BUCKET@|$bucket|" \
    -e "s|@STATE@|${CDN_STATE:-/var/cache/media-cdn}|" \
    -e "s|@SIZE@|${CDN_CACHE_SIZE:-10g}|" \
    -e "s|@ACCESS_LOG@|$access_log|" \
    -e "s|@USER@|${CDN_USER:-www-data}|" \
    -e "s|@CA@|${CDN_CA:-/etc/ssl/certs/ca-certificates.crt}|" \
    "$(dirname "$0")/nginx.conf"
