#!/bin/sh
# Writes compose.yaml's settings into .env beside it, with passwords and keys made up. You add what only you know.
set -eu
file=$(dirname "$0")/.env
if [ -e "$file" ]; then
    echo "$file is there already, with the keys to what the database holds. Move it away first." >&2
    exit 1
fi

password() { od -An -v -N24 -tx1 /dev/urandom | tr -d ' \n'; }
fernet_key() { head -c 32 /dev/urandom | base64 | tr '+/' '-_'; }

umask 077
cat > "$file" <<END
# From Intercom's Developer Hub, Basic information.
PROACTIVE_INTERCOM_CLIENT_ID=
PROACTIVE_INTERCOM_CLIENT_SECRETS=

# The public address, without a path. Whatever ends TLS there hands on to PROXY_ADDRESS.
PROACTIVE_WEBHOOKS_URL=
PROXY_ADDRESS=127.0.0.1:8080

# To try it without Intercom and providers, put these in the place of the three above:
#COMPOSE_PROFILES=sandbox
#PROACTIVE_INTERCOM_CLIENT_ID=sandbox
#PROACTIVE_INTERCOM_CLIENT_SECRETS=sandbox
#PROACTIVE_INTERCOM_URL=http://sandbox:8090/intercom
#PROACTIVE_INTERCOM_OAUTH_URL=http://127.0.0.1:8090/intercom/oauth
#PROACTIVE_WEBHOOKS_URL=http://proxy:8080

# Keep a copy of the keys where you keep secrets: without them, tokens and credentials in the database are lost.
# Newest first, separated by commas; proactivectl keys new prints another one.
PROACTIVE_WORKSPACE_KEYS=$(fernet_key)
PROACTIVE_CHANNEL_KEYS=$(fernet_key)
# It signs what travels through the panel.
PROACTIVE_STATE_KEYS=$(password)

# Broker and database take the owner's password when they first start, the others at each start.
OWNER_PASSWORD=$(password)
CANVAS_GATEWAY_PASSWORD=$(password)
DISPATCHER_WEBHOOKS_PASSWORD=$(password)
DISPATCHER_SMS_PASSWORD=$(password)
DISPATCHER_WHATSAPP_PASSWORD=$(password)
DISPATCHER_VIBER_PASSWORD=$(password)
STATUS_TRACKER_PASSWORD=$(password)
OPERATOR_PASSWORD=$(password)
MONITOR_PASSWORD=$(password)

# What our services show to each other.
TRACKER_TOKEN=$(password)
TRACKER_OPERATORS_TOKEN=$(password)
DISPATCHER_TOKEN=$(password)
DISPATCHER_OPERATORS_TOKEN=$(password)

# Of Grafana's user admin, with --profile monitoring.
GRAFANA_PASSWORD=$(password)
END
echo "Wrote $file. Fill in the lines that are empty."
