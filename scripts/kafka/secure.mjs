/**
 * What a broker with TLS, log-in and access lists needs beyond a plain one. Its users, for tests and for trying things out:
 *
 *   admin                    may do everything, also without log-in over the plain listener
 *   collector, detectors, storage, alerts, console   one for each role; may do nothing until deploy/kafka/acls.sh gives it to them
 *
 * Passwords are `<user>-secret`: the broker is on loopback, and lives as long as its folder.
 */
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const USERS = ['admin', 'collector', 'detectors', 'storage', 'alerts', 'console']
const EC_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
const DAYS = '3650'

const passwordOf = (user) => `${user}-secret`

/** An authority, a certificate for the broker, and one for each user, all in `<folder>/tls`, as PEM. */
export function makeCertificates(folder) {
  const file = (name) => join(folder, name)
  const openssl = (...args) => execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] })
  openssl(
    'req',
    '-x509',
    ...EC_KEY,
    '-keyout',
    file('ca.key'),
    '-out',
    file('ca.pem'),
    '-days',
    DAYS,
    '-subj',
    '/CN=ca',
  )
  const issue = (name, extensions) => {
    writeFileSync(file(`${name}.ext`), extensions)
    openssl(
      'req',
      '-new',
      ...EC_KEY,
      '-keyout',
      file(`${name}.key`),
      '-out',
      file(`${name}.csr`),
      '-subj',
      `/CN=${name}`,
    )
    const signer = ['-CA', file('ca.pem'), '-CAkey', file('ca.key'), '-CAcreateserial', '-days', DAYS]
    openssl(
      'x509',
      '-req',
      '-in',
      file(`${name}.csr`),
      ...signer,
      '-extfile',
      file(`${name}.ext`),
      '-out',
      file(`${name}.pem`),
    )
  }
  issue('broker', 'subjectAltName=IP:127.0.0.1,DNS:localhost\nextendedKeyUsage=serverAuth\n')
  for (const user of USERS) issue(user, 'extendedKeyUsage=clientAuth\n')
  // The broker wants both in one file.
  writeFileSync(file('broker-both.pem'), readFileSync(file('broker.key')) + readFileSync(file('broker.pem')))
}

/** Listeners beside the plain one, by name: log-in over TLS, and certificates of both sides. */
export const SECURE_LISTENERS = { SASL_SSL: 'SASL_SSL', SSL: 'SSL' }

/** `folder` as for `makeCertificates`. */
export function secureProperties(folder) {
  const users = USERS.map((user) => `user_${user}="${passwordOf(user)}"`).join(' ')
  const module = (name) => `org.apache.kafka.common.security.${name}LoginModule required`
  return {
    'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
    'listener.name.sasl_ssl.plain.sasl.jaas.config': `${module('plain.Plain')} ${users};`,
    'listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config': `${module('scram.Scram')};`,
    'listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config': `${module('scram.Scram')};`,
    'ssl.keystore.type': 'PEM',
    'ssl.keystore.location': join(folder, 'broker-both.pem'),
    'ssl.truststore.type': 'PEM',
    'ssl.truststore.location': join(folder, 'ca.pem'),
    'listener.name.ssl.ssl.client.auth': 'required',
    'ssl.principal.mapping.rules': 'RULE:^CN=([^,]+).*$/$1/,DEFAULT',
    'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
    'super.users': 'User:admin;User:ANONYMOUS',
  }
}

/** Arguments of the storage tool's `format`. */
export const SCRAM_USERS = USERS.flatMap((user) =>
  ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap((mechanism) => [
    '--add-scram',
    `${mechanism}=[name=${user},password=${passwordOf(user)}]`,
  ]),
)
