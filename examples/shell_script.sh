#!/bin/sh
# Tokens in a shell script: one token request, however often the script runs.
#
# Run it: sh examples/shell_script.sh
set -eu

# --- to copy ----------------------------------------------------------------------------------

# In a real script:  export OAUTH_TOKEN_URL=... OAUTH_CLIENT_ID=... OAUTH_CLIENT_SECRET_FILE=...

TOKENS="${XDG_CACHE_HOME:-$HOME/.cache}/report-tokens" # no other user can write in it

send_report() { # FILE
    # 0: sent; 1: the API refused it; 75: try again later; 78: a person must change something
    requests-cc call "$API/reports" --store "$TOKENS" -d "@$1"
}

fetch_orders() {
    # With another program: through a pipe, since everybody on the machine can see its arguments.
    requests-cc token --store "$TOKENS" --header | curl --silent --fail --header @- "$API/orders"
}

# --- what runs it here: a server of our own, three reports, one call with curl -------------------

work=$(mktemp -d)
requests-cc serve --client report:s3cret >"$work/served" 2>"$work/advice" &
server=$!
trap 'kill "$server"; rm -rf "$work"' EXIT
until grep -q '^API:' "$work/served" 2>/dev/null; do sleep 0.1; done
url() { sed -n "s/^$1: *//p" "$work/served"; }

API=$(url API)
API=${API%/}
TOKENS=$work/tokens
echo s3cret >"$work/client_secret"
export OAUTH_TOKEN_URL="$(url 'token endpoint')" OAUTH_CLIENT_ID=report
export OAUTH_CLIENT_SECRET_FILE="$work/client_secret"

echo '{"sold": 7}' >"$work/report.json"
for _ in 1 2 3; do
    send_report "$work/report.json" >/dev/null
    echo "a report was sent"
done
if command -v curl >/dev/null; then
    fetch_orders >/dev/null
    echo "orders were fetched"
fi

status=0
requests-cc call "$API/reports" -d '{}' --client-secret-file "$work/report.json" 2>/dev/null || status=$?
echo "with a wrong secret: exit status $status"

requested=$(grep -c 'POST /oauth/token 200' "$work/served")
echo "token requests that succeeded: $requested"
[ "$status" -eq 78 ] && [ "$requested" -eq 1 ]
