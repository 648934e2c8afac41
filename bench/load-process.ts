/** Child: keeps so many requests under way at the collector's port until it is told to stop. Arguments: target, requests. */
import { serve } from './child.ts'
import { LoadSender } from './load-sender.ts'
import { RECORDS_PER_BODY, renew, shopBodies } from './shop-bodies.ts'

const BODIES_PER_LANE = 2

const [target, lanes] = process.argv.slice(2)
const sender = new LoadSender(target!)
const stop = new AbortController()
const bodies = shopBodies(Number(lanes) * BODIES_PER_LANE)
let acknowledged = 0
let sending: Promise<unknown> = Promise.resolve()

/** A body is written anew only after its last sending was acknowledged. */
async function lane(own: readonly (typeof bodies)[number][]): Promise<void> {
  for (let turn = 0; !stop.signal.aborted; turn += 1) {
    const body = own[turn % own.length]!
    renew(body, Date.now() * 1000)
    await sender.send(body.message)
    acknowledged += RECORDS_PER_BODY
  }
}

serve(
  { bytesPerRecord: bodies[0]!.bytes.length / RECORDS_PER_BODY },
  {
    go() {
      const each = Array.from({ length: Number(lanes) }, (_, i) =>
        bodies.slice(i * BODIES_PER_LANE, (i + 1) * BODIES_PER_LANE),
      )
      sending = Promise.all(each.map(lane))
    },
    acknowledged: () => acknowledged,
    /** Answers once everything that was sent is acknowledged. */
    async stop() {
      stop.abort()
      await sending
      return acknowledged
    },
  },
  async () => sender.close(),
)
