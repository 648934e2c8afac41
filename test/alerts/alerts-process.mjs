/**
 * Alerts on the embedded bus, in a process of its own that a test may kill. Arguments: the log's folder, the configuration as JSON.
 * Over IPC: takes { seq, values } (base64) for partition 0 of findings and answers { seq } once they are durable; tells every
 * record of incidents as { offset, value }.
 */
import { pino } from 'pino'
import { ALERT_GROUPS, runAlerts } from '../../dist/alerts/app.js'
import { AlertsConfig } from '../../dist/alerts/config.js'
import { Progress } from '../../dist/alerts/heartbeat.js'
import { openLocalBus } from '../../dist/core/bus/local/local-bus.js'
import { TOPIC, topicSpecs } from '../../dist/core/bus/topics.js'
import { systemClock } from '../../dist/core/clock.js'
import { Health } from '../../dist/core/telemetry/health.js'

const [folder, config] = process.argv.slice(2)
const bus = await openLocalBus({
  folder,
  topics: topicSpecs(1),
  config: { maxBytes: 64 * 1024 * 1024, durability: 'process' },
  requiredGroups: [
    { topic: TOPIC.findings, group: ALERT_GROUPS.incidents },
    { topic: TOPIC.incidents, group: ALERT_GROUPS.notify },
    { topic: TOPIC.incidents, group: 'observer' },
  ],
})
const { signal } = new AbortController()
const options = {
  config: AlertsConfig.parse(JSON.parse(config)),
  bus,
  clock: systemClock,
  logger: pino({ level: 'silent' }),
  progress: new Progress(systemClock),
  health: new Health(),
  dataFolder: folder,
  version: '0.1.0',
}
runAlerts(options, signal).catch((error) => {
  console.error(error)
  process.exit(1)
})
bus.process({
  topic: TOPIC.incidents,
  group: 'observer',
  signal,
  start: ({ committed }) => ({
    from: committed,
    step({ records }) {
      for (const { offset, value } of records) {
        process.send({ offset, value: Buffer.from(value).toString('base64') })
      }
      return { next: records.at(-1).offset + 1 }
    },
  }),
})
process.on('message', async ({ seq, values }) => {
  await bus.publish(
    values.map((value) => ({ topic: TOPIC.findings, partition: 0, value: Buffer.from(value, 'base64') })),
  )
  process.send({ seq })
})
process.on('disconnect', () => process.exit(0))
process.send({ ready: true })
