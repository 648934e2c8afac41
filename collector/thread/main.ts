/** The collector's thread: starts the role on a bus that is in the other thread. */
import { parentPort, workerData } from 'node:worker_threads'
import type { Bus } from '../../core/bus/bus.ts'
import { SharedClock, systemClock } from '../../core/clock.ts'
import { createLogger } from '../../core/logger.ts'
import { readPolicy } from '../../policy/read.ts'
import { type RunningCollector, startCollector } from '../app.ts'
import { createAnnotator } from '../naming/annotate.ts'
import { Directory, MAX_LEARNED_ADDRESSES } from '../naming/directory.ts'
import { NEWS_MS, OthersNames } from '../naming/others.ts'
import { SOURCES } from '../sources/registry.ts'
import { Handover } from './handover.ts'
import type { FromThread, ThreadInput, ToThread } from './messages.ts'
import { Requests } from './requests.ts'
import { toWire } from './wire-error.ts'

const port = parentPort!
const input = workerData as ThreadInput
const requests = new Requests()
const handover = new Handover()
const tell = (message: FromThread, transferred: ArrayBuffer[] = []): void => port.postMessage(message, transferred)

const bus: Pick<Bus, 'publish' | 'partitions'> = {
  partitions: (topic) => input.partitions[topic]!,
  publish: (records) =>
    requests.ask((request) => {
      const loaded = handover.load(records)
      tell({ type: 'publish', request, ...loaded }, [loaded.memory])
    }),
}

const answer = (request: number, done: Promise<void>): void => {
  done.then(
    () => tell({ type: 'done', request, error: undefined }),
    (error: unknown) => tell({ type: 'done', request, error: toWire(error) }),
  )
}

async function run(): Promise<void> {
  let snapshot = readPolicy(input.policy)
  const directory = new Directory(MAX_LEARNED_ADDRESSES, input.hasOthers ? NEWS_MS : 0)
  directory.know(input.names)
  const upToNow = () => requests.ask((request) => tell({ type: 'upToNow', request }))
  const stop = new AbortController()
  const collector: RunningCollector = await startCollector(
    {
      config: input.config,
      kafka: input.kafka,
      dataFolder: input.dataFolder,
      bus,
      clock: input.clock === undefined ? systemClock : new SharedClock(input.clock),
      counts: input.counts,
      ticking: input.ticking,
      onTickFailure: (reason) => tell({ type: 'tickFailure', reason }),
      onKafkaState: (state) => tell({ type: 'kafkaState', state }),
      sources: SOURCES,
      annotator: createAnnotator(() => snapshot, directory),
      others: input.hasOthers ? new OthersNames(upToNow) : undefined,
      logger: createLogger(input.logLevel),
    },
    stop.signal,
  )
  port.on('message', (message: ToThread) => {
    switch (message.type) {
      case 'published':
        if (message.memory !== undefined) handover.giveBack(message.memory)
        requests.answer(message.request, message.error)
        break
      case 'tick':
        answer(message.request, collector.tick())
        break
      case 'know':
        directory.know(message.names)
        break
      case 'known':
        requests.answer(message.request, message.error)
        break
      case 'reloadPolicy':
        answer(
          message.request,
          (async () => {
            snapshot = readPolicy(input.policy)
          })(),
        )
        break
      case 'stop':
        stop.abort()
        break
    }
  })
  tell({ type: 'started', ports: collector.ports, id: collector.id })
  await collector.stopped
  tell({ type: 'stopped' })
  port.close()
}

run().catch((error: unknown) => {
  tell({ type: 'failed', error: toWire(error) })
  port.close()
})
