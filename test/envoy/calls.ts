/** TEMPORARY until readLogs exists. */
import protobuf from 'protobufjs'
import { FIELD, FIELD_ALIASES, type LogRecord } from '../../collector/otlp/log-record.ts'
import { envoySource } from '../../collector/sources/envoy.ts'
import { isCall } from '../../collector/sources/source.ts'
import type { Call } from '../../core/call.ts'
import type { Recording } from './fixture.ts'

const root = protobuf.parse(`syntax="proto3";
message Req{repeated RL rl=1;} message RL{Res resource=1; repeated SL sl=2;} message Res{repeated KV attributes=1;}
message SL{repeated LR lr=2;} message LR{fixed64 t=1; AV body=5; repeated KV attributes=6; bytes trace_id=9;}
message KV{string key=1; AV value=2;} message AV{string s=1;}`).root
const Req = root.lookupType('Req')
const position = new Map<string, number>()
for (const [field, aliases] of Object.entries(FIELD_ALIASES))
  for (const alias of aliases) position.set(alias, FIELD[field as keyof typeof FIELD])

export function readCalls({ facts, bodies }: Recording): Call[] {
  const received = facts.end + 10_000_000
  const calls: Call[] = []
  for (const body of bodies)
    for (const rl of (Req.decode(body) as any).rl)
      for (const sl of rl.sl)
        for (const lr of sl.lr) {
          const record: LogRecord = {
            timeUs: Number(lr.t) / 1000,
            traceId: '',
            spanId: '',
            text: '',
            values: Array(position.size).fill(''),
          }
          for (const { key, value } of [...rl.resource.attributes, ...lr.attributes]) {
            const at = position.get(key)
            if (at !== undefined && value.s !== '-') record.values[at] = value.s
          }
          const call = envoySource.read(record, { sender: 'test', trust: 'verified', received })
          if (!isCall(call)) throw new Error(call.detail)
          calls.push(call)
        }
  return calls
}
