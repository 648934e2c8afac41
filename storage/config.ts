import { z } from 'zod'
import { checkServer, DEFAULT_READER_PASSWORD, ServerKeys } from './server-config.ts'

const days = (value: number, what: string) => z.number().int().min(1).max(3650).default(value).describe(what)
const GIB = 1024 ** 3

const Keys = z.strictObject({
  ...ServerKeys,
  port: z
    .number()
    .int()
    .min(0)
    .max(65_535)
    .default(8123)
    .describe(
      "Where the embedded store answers ClickHouse's HTTP interface, on 127.0.0.1 only. 0 takes a free port. Unused with `storage.url`.",
    ),
  readerPassword: z
    .string()
    .min(1)
    .default(DEFAULT_READER_PASSWORD)
    .describe(
      'Password of the user eastwatch_reader, who may only read. Set your own where others use this machine, and the one given to ' +
        'that user on the server of `storage.url`.',
    ),
  ttlDays: z
    .strictObject({
      calls: days(3, 'Days that single calls are kept.'),
      windows: days(90, 'Days that ten-second windows of each pair are kept.'),
      paths: days(90, 'Days that the use of each path is kept.'),
      findings: days(400, 'Days that findings are kept.'),
      incidents: days(400, 'Days that incidents are kept, from their opening.'),
      notifications: days(400, 'Days that attempts to notify are kept.'),
      audit: days(400, "Days that operators' actions are kept."),
      rejected: days(14, 'Days that records which could not be read are kept.'),
      traces: days(3, 'Days that spans are kept.'),
    })
    .prefault({})
    .describe('How long each table keeps its rows, in days.'),
  maxBytes: z
    .number()
    .int()
    .min(64 * 1024 * 1024)
    .default(64 * GIB)
    .describe(
      'Size of the store (of a cluster: on one replica) past which the oldest calls are dropped before their time, an hour at once.',
    ),
  query: z
    .strictObject({
      maxSeconds: z
        .number()
        .int()
        .min(1)
        .max(3600)
        .default(30)
        .describe('Longest run of one query. Clients may ask for less, as of every limit here.'),
      maxMemoryBytes: z
        .number()
        .int()
        .min(16 * 1024 * 1024)
        .default(384 * 1024 * 1024)
        .describe('Most memory of one query.'),
      maxResultRows: z.number().int().min(1).default(1_000_000).describe('Most rows of one result.'),
      maxResultBytes: z
        .number()
        .int()
        .min(1024)
        .default(64 * 1024 * 1024)
        .describe('Most bytes of one result, before formatting.'),
      maxAtOnce: z.number().int().min(1).max(8).default(2).describe('Queries that run at once; the others wait.'),
    })
    .prefault({})
    .describe(
      "Limits of the read-only user of the embedded store. On a server the user's settings profile sets them (docs/clickhouse.md).",
    ),
})
export const StorageConfig = Keys.superRefine(checkServer)
export type StorageConfig = z.output<typeof StorageConfig>
