#!/usr/bin/env bash
# Gives the user of each role the rights it needs in Kafka, and no more. Run it as a user who may change access lists; again after an
# upgrade, as it does no harm to give what is given. Arguments are those of kafka-acls.sh that say where Kafka is:
#
#   ./acls.sh --bootstrap-server kafka-1:9093 --command-config admin.properties
#
# PREFIX is bus.kafka.prefix, where there is one. COLLECTOR, DETECTORS, STORAGE, ALERTS and CONSOLE name the users; with one user for
# all, give each the same name. A user of a certificate is named by its subject, or by what ssl.principal.mapping.rules makes of it.
# OTLP_TOPICS are those of collector.kafka, where there are any, with spaces between them.
set -euo pipefail

prefix="${PREFIX:-}"
topics="${prefix}eastwatch."
collector="${COLLECTOR:-collector}"
detectors="${DETECTORS:-detectors}"
storage="${STORAGE:-storage}"
alerts="${ALERTS:-alerts}"
console="${CONSOLE:-console}"
where=("$@")

# allow <user> <operations, by comma> <what kafka-acls.sh calls the things>...
allow() {
  local user="$1" operations=() operation
  for operation in ${2//,/ }; do operations+=(--operation "$operation"); done
  shift 2
  kafka-acls.sh "${where[@]}" --add --allow-principal "User:$user" "${operations[@]}" "$@"
}
prefixed=(--resource-pattern-type prefixed)

# Whoever starts first makes the topics; all check them, and see how far each group has come.
groups=(--group "${prefix}detectors-" --group "${prefix}storage-" --group "${prefix}incidents@" --group "${prefix}notify@")
for user in "$collector" "$detectors" "$storage" "$alerts" "$console"; do
  allow "$user" Describe,DescribeConfigs,Create --topic "$topics" "${prefixed[@]}"
  allow "$user" Describe "${groups[@]}" "${prefixed[@]}"
done

# What a group of the bus needs of its own: its membership, what it remembers, and its transactions.
own() {
  local user="$1" name
  shift
  for name in "$@"; do
    allow "$user" Read --group "$prefix$name" "${prefixed[@]}"
    allow "$user" Read,Write,Create,DescribeConfigs --topic "$prefix$name" "${prefixed[@]}"
    allow "$user" Write,Describe --transactional-id "$prefix$name" "${prefixed[@]}"
  done
}

allow "$collector" Write --topic "${topics}calls" --topic "${topics}rejected" --topic "${topics}names"
allow "$collector" Read --topic "${topics}names"
allow "$collector" Read --group "${topics}names@reader-" "${prefixed[@]}"

for topic in ${OTLP_TOPICS:-}; do
  allow "$collector" Read --topic "$topic"
  allow "$collector" Read --group "${prefix}collector@$topic"
done

own "$detectors" detectors-
allow "$detectors" Read --topic "${topics}calls" --topic "${topics}windows"
allow "$detectors" Write --topic "${topics}windows" --topic "${topics}findings"

own "$storage" storage-
allow "$storage" Read --topic "$topics" "${prefixed[@]}"

# Alerts writes findings too: what is wrong with Eastwatch itself.
own "$alerts" incidents notify
allow "$alerts" Read --topic "${topics}findings" --topic "${topics}incidents"
allow "$alerts" Write --topic "${topics}findings" --topic "${topics}incidents"

# What people do stands among the findings.
allow "$console" Write --topic "${topics}findings"
