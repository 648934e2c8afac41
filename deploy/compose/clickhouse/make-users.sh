#!/bin/sh
# Makes the users of deploy/clickhouse/users.sql. ClickHouse's image runs it at the first start, before it listens to others.
set -eu
hash() { printf %s "$1" | sha256sum | cut -d ' ' -f 1; }
writer=$(hash "$EASTWATCH_WRITER_PASSWORD")
reader=$(hash "$EASTWATCH_READER_PASSWORD")
sed -e "s/HASH OF THE PASSWORD OF eastwatch_writer/$writer/" -e "s/HASH OF THE PASSWORD OF eastwatch_reader/$reader/" \
  /etc/eastwatch/users.sql | clickhouse-client --host 127.0.0.1 --multiquery
