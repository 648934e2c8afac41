/** The bus on a real Kafka with TLS, log-in and access lists: how it gets in, and what it says where it does not. */
import { randomUUID } from 'node:crypto'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import kafkajs, { type Admin } from 'kafkajs'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { createClient, reachOf } from '../../core/bus/kafka/client.ts'
import type { KafkaConnection } from '../../core/bus/kafka/connection.ts'
import { type KafkaBus, openKafkaBus } from '../../core/bus/kafka/kafka-bus.ts'
import { PipelineError } from '../../core/errors.ts'
import { bytes, contents, nextOf, plain } from '../core/bus/drive.ts'
import { type SecureBroker, startSecureBroker } from './broker.ts'

const started = await startSecureBroker()
if ('missing' in started) console.log(`tests of a secure Kafka are skipped: ${started.missing}`)
const broker = started as SecureBroker

/** Of a whole start that fails: kafkajs's own tries, and the ten seconds that topics are waited for. */
const SOON_MS = 15_000

describe.skipIf('missing' in started)(
  'the bus on a Kafka with TLS, log-in and access lists',
  { timeout: 60_000 },
  () => {
    const opened: KafkaBus[] = []
    let admin: Admin

    beforeAll(async () => {
      admin = createClient({ brokers: [broker.brokers] }).admin()
      await admin.connect()
    })
    afterEach(async () => {
      for (const bus of opened.splice(0)) await bus.close()
    })
    afterAll(async () => {
      await admin.disconnect()
      await broker.stop()
    })

    const withLogIn = (user: string, mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512' = 'scram-sha-512') => ({
      brokers: [broker.saslBrokers],
      tls: { ca: broker.ca },
      sasl: { mechanism, username: user, password: broker.credentials(user).password },
    })
    const withCertificate = (user: string) => {
      const { certificate, key } = broker.credentials(user)
      return { brokers: [broker.tlsBrokers], tls: { ca: broker.ca, certificate, key } }
    }
    const open = async (connection: KafkaConnection, prefix = `${randomUUID()}.`) => {
      const bus = await openKafkaBus({
        reach: reachOf(connection),
        prefix,
        folder: mkdtempSync(join(tmpdir(), 'eastwatch-state-')),
        topics: ['in', 'out'].map((name) => ({ name, partitions: 1 })),
        replicationFactor: 1,
        sessionTimeoutMs: 1500,
      })
      opened.push(bus)
      return bus
    }
    const publish = (bus: KafkaBus, text: string) => bus.publish([{ topic: 'in', partition: 0, value: bytes(text) }])
    /** Copies all that comes, until the signal aborts. */
    const copy = (bus: KafkaBus, signal: AbortSignal) =>
      bus.process({
        topic: 'in',
        group: 'copier',
        signal,
        start: (assignment) =>
          plain(assignment, (batch) => ({
            next: nextOf(batch),
            publish: batch.records.map(({ value }) => ({ topic: 'out', partition: 0, value: Buffer.from(value) })),
          })),
      })

    it.each([
      ['plain', () => withLogIn('admin', 'plain')],
      ['scram-sha-256', () => withLogIn('admin', 'scram-sha-256')],
      ['scram-sha-512', () => withLogIn('admin', 'scram-sha-512')],
      ['a certificate', () => withCertificate('admin')],
    ])('lets in by %s, and carries steps', async (_, connection) => {
      const bus = await open(connection())
      await publish(bus, 'one')
      const stop = new AbortController()
      const copying = copy(bus, stop.signal)
      expect(await contents(bus, 'out', 1)).toEqual([['one']])
      stop.abort()
      await copying
    })

    const sasl = { mechanism: 'scram-sha-512' as const, username: 'admin', password: 'not-it' }
    it.each<[string, () => KafkaConnection, string, RegExp]>([
      [
        'a wrong password',
        () => ({ ...withLogIn('admin'), sasl }),
        'config',
        /log-in is refused.*sasl\.password is wrong/,
      ],
      [
        'a wrong password, told plainly',
        () => ({ ...withLogIn('admin'), sasl: { ...sasl, mechanism: 'plain' } }),
        'config',
        /log-in is refused.*sasl\.password is wrong/,
      ],
      [
        'a user that there is none of',
        () => ({ ...withLogIn('admin'), sasl: { ...sasl, username: 'x' } }),
        'config',
        /refused/,
      ],
      [
        'a log-in where none is wanted',
        () => ({ ...withCertificate('admin'), sasl }),
        'config',
        /no log-in is wanted.*remove sasl/,
      ],
      [
        'an authority that did not sign',
        () => ({ ...withLogIn('admin'), tls: { ca: broker.credentials('admin').certificate } }),
        'config',
        /not trusted: tls\.ca must hold/,
      ],
      [
        'no certificate where one is wanted',
        () => ({ ...withCertificate('admin'), tls: { ca: broker.ca } }),
        'config',
        /set tls\.certificate and tls\.key/,
      ],
      [
        'no log-in where one is wanted',
        () => ({ ...withLogIn('admin'), sasl: undefined }),
        'bus_unavailable',
        /see that the port is Kafka and that tls and sasl/,
      ],
      [
        'plain text where TLS is spoken',
        () => ({ brokers: [broker.tlsBrokers] }),
        'bus_unavailable',
        /that tls and sasl/,
      ],
      [
        'TLS where plain text is spoken',
        () => ({ ...withCertificate('admin'), brokers: [broker.brokers] }),
        'bus_unavailable',
        /that tls and sasl/,
      ],
      [
        'a right that is missing',
        () => withLogIn('collector'),
        'config',
        /the user lacks a right; deploy\/kafka\/acls\.sh/,
      ],
    ])('says at a start that it is %s', async (_, connection, code, message) => {
      const begun = performance.now()
      const error = await open(connection()).catch((reason: unknown) => reason)
      expect(error).toBeInstanceOf(PipelineError)
      expect(error).toMatchObject({ code, message: expect.stringMatching(message) })
      expect(String((error as Error).message)).not.toMatch(/not-it|-secret/)
      expect(performance.now() - begun).toBeLessThan(SOON_MS)
    })

    const ALLOW = kafkajs.AclPermissionTypes.ALLOW
    const DENY = kafkajs.AclPermissionTypes.DENY
    /** A rule on all names with the prefix. */
    const rule = (prefix: string, resourceType: number, permissionType: number) => ({
      resourceType,
      resourceName: prefix,
      resourcePatternType: kafkajs.ResourcePatternTypes.PREFIXED,
      principal: 'User:detectors',
      host: '*',
      operation: kafkajs.AclOperationTypes.ALL,
      permissionType,
    })
    const { TOPIC, GROUP, TRANSACTIONAL_ID } = kafkajs.AclResourceTypes
    const allow = (prefix: string, ...types: number[]) =>
      admin.createAcls({ acl: types.map((type) => rule(prefix, type, ALLOW)) })

    it('ends a group that may not use its group or its transactions, and says so', async () => {
      const without = async (...types: number[]) => {
        const prefix = `${randomUUID()}.`
        await allow(prefix, ...types)
        const bus = await open(withLogIn('detectors'), prefix)
        await publish(bus, 'one')
        await expect(copy(bus, new AbortController().signal)).rejects.toMatchObject({
          code: 'config',
          message: expect.stringContaining('lacks a right'),
        })
      }
      await Promise.all([without(TOPIC, TRANSACTIONAL_ID), without(TOPIC, GROUP)])
    })

    it('goes on by itself where a right is taken away and given back; senders are told to come again', async () => {
      const prefix = `${randomUUID()}.`
      await allow(prefix, TOPIC, GROUP, TRANSACTIONAL_ID)
      const bus = await open(withLogIn('detectors'), prefix)
      const watcher = await open(withLogIn('admin'), prefix)
      const stop = new AbortController()
      const copying = copy(bus, stop.signal)
      await publish(bus, 'before')
      expect(await contents(watcher, 'out', 1)).toEqual([['before']])

      await admin.createAcls({ acl: [rule(prefix, TOPIC, DENY)] })
      await publish(watcher, 'meanwhile')
      const refused = async () => publish(bus, 'refused').catch((reason: unknown) => reason)
      await expect.poll(refused).toMatchObject({ code: 'config', retriable: true })
      await admin.deleteAcls({ filters: [rule(prefix, TOPIC, DENY)] })
      await expect
        .poll(() =>
          publish(bus, 'after').then(
            () => 'taken',
            () => 'refused',
          ),
        )
        .toBe('taken')
      const all = (await contents(watcher, 'out', 3))[0]!
      expect([...new Set(all)]).toEqual(expect.arrayContaining(['before', 'meanwhile', 'after']))
      stop.abort()
      await copying
    })
  },
)
