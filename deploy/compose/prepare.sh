#!/bin/sh
# Makes what compose.yaml needs and the repository cannot hold: .env with the secrets, tls/ with ClickHouse's certificate, and policy/
# for what kubectl exports of your cluster.
# What is there already stays. Needs openssl.
set -eu
cd "$(dirname "$0")"
umask 077

hash_of() { printf %s "$1" | openssl dgst -sha256 -r | cut -d ' ' -f 1; }

if [ ! -e .env ]; then
  token=$(openssl rand -hex 32)
  sed -e "s/^\(EASTWATCH_TOKEN\)=$/\1=$token/" -e "s/^\(EASTWATCH_TOKEN_SHA256\)=$/\1=$(hash_of "$token")/" \
    -e "s/^\(EASTWATCH_WRITER_PASSWORD\)=$/\1=$(openssl rand -hex 24)/" \
    -e "s/^\(EASTWATCH_READER_PASSWORD\)=$/\1=$(openssl rand -hex 24)/" \
    -e "s/^\(GRAFANA_ADMIN_PASSWORD\)=$/\1=$(openssl rand -hex 24)/" .env.example > .env.new
  mv .env.new .env
  echo "made .env"
fi

# The console's token, of which .env keeps the hash alone. Whoever has lost it empties that line of .env and runs this again.
if ! grep -q '^EASTWATCH_CONSOLE_TOKEN_SHA256=.' .env; then
  token="ewt_$(openssl rand -base64 32 | tr '+/' '-_' | tr -d '=')"
  grep -v '^EASTWATCH_CONSOLE_TOKEN_SHA256=' .env > .env.new
  echo "EASTWATCH_CONSOLE_TOKEN_SHA256=$(hash_of "$token")" >> .env.new
  mv .env.new .env
  echo "the console's token, shown this once: $token"
fi

# An authority for this one certificate: its key is thrown away.
if [ ! -e tls ]; then
  rm -rf tls.new
  mkdir tls.new
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -noenc -days 3650 -subj "/CN=Eastwatch compose" \
    -keyout tls.new/ca.key -out tls.new/ca.pem 2> /dev/null
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -noenc -subj "/CN=clickhouse" \
    -keyout tls.new/clickhouse.key -out tls.new/clickhouse.csr 2> /dev/null
  echo "subjectAltName=DNS:clickhouse,DNS:localhost,IP:127.0.0.1" > tls.new/names
  openssl x509 -req -in tls.new/clickhouse.csr -CA tls.new/ca.pem -CAkey tls.new/ca.key -CAcreateserial \
    -days 3650 -extfile tls.new/names -out tls.new/clickhouse.pem 2> /dev/null
  rm -f tls.new/ca.key tls.new/ca.srl tls.new/clickhouse.csr tls.new/names
  # Containers read them as users of their own; on this machine the folder keeps others out.
  chmod 644 tls.new/*
  mv tls.new tls
  echo "made tls/"
fi

mkdir -p policy
chmod 755 policy
