import { mkdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { parseArgs } from 'node:util'
import { counted } from '../../alerts/words.ts'
import { DAY } from '../../core/clock.ts'
import { PipelineError } from '../../core/errors.ts'
import { processFolder, removeLeftOver } from '../../core/lifecycle/process-folder.ts'
import { ATTACKS } from '../../demo/attacks.ts'
import { judge, type Opened, passed } from '../../demo/judge.ts'
import { startReceiver } from '../../demo/receiver.ts'
import { SERVICES } from '../../demo/shop.ts'
import { type Story, storyUs } from '../../demo/simulation.ts'
import { incidentsOf, incidentText, judgementText } from '../../demo/text.ts'
import { openReader } from '../../storage/query.ts'
import { type ExitCode, type Run, type Surroundings, UsageError } from '../command.ts'
import { demoConfig } from '../demo-config.ts'
import { type DemoWorld, startDemoWorld } from '../demo-world.ts'
import type { Pipeline } from '../pipeline.ts'
import { Progress } from '../progress.ts'

const DAYS = 3
const FOLDER_PREFIX = 'eastwatch-demo'

export const run: Run = async (args, around) => {
  const { values } = parseArgs({
    args,
    options: {
      once: { type: 'boolean', default: false },
      seed: { type: 'string', default: '1' },
      attacks: { type: 'string', default: 'all' },
      json: { type: 'boolean', default: false },
    },
  })
  const seed = Number(values.seed)
  if (!Number.isSafeInteger(seed) || seed < 0) throw new UsageError('--seed takes a whole number')
  if (values.attacks !== 'all' && values.attacks !== 'none') throw new UsageError('--attacks takes all or none')
  const story: Story = { seed, attacks: values.attacks === 'all', days: DAYS }
  removeLeftOver(tmpdir(), FOLDER_PREFIX)
  const folder = processFolder(tmpdir(), FOLDER_PREFIX)
  mkdirSync(folder, { mode: 0o700 })
  try {
    return await tell({ story, folder, once: values.once, json: values.json }, around)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

interface Telling {
  story: Story
  folder: string
  once: boolean
  json: boolean
}

async function tell({ story, folder, once, json }: Telling, around: Surroundings): Promise<ExitCode> {
  const progress = new Progress(around.terminal && !json ? around.out : undefined)
  const say = (text: string) => {
    progress.clear()
    if (!json) around.out(text)
  }
  const { signal } = around
  const receiver = await startReceiver((body) => {
    for (const incident of incidentsOf(body)) {
      if (incident.status === 'open' && incident.reason === 'first') say(`\n${incidentText(incident)}`)
    }
  })
  const config = demoConfig(folder, receiver.url, once)
  const beganMs = Date.now()
  let world: DemoWorld | undefined
  let isTold = false
  const onProgress = (atUs: number) => {
    if (!isTold) progress.show(progressLine(atUs, story, world?.records() ?? 0, beganMs))
  }
  try {
    world = await startDemoWorld({ config, story, live: !once, onProgress }, signal).catch((error) => {
      throw withoutConfig(error)
    })
    const { pipeline, told } = world
    say(introduction(story))
    await told
    isTold = true
    const reader = await openReader(config)
    const opened = await reader.rows<Opened>(OPENED)
    await reader.close()
    const judgement = judge(opened, story.attacks ? ATTACKS : [])
    const seconds = Math.round((Date.now() - beganMs) / 1000)
    const records = world.records()
    if (json) {
      const attacks = judgement.attacks.map(({ attack, incident }) => ({
        attack: attack.name,
        incident: incident ?? null,
      }))
      const result = { passed: passed(judgement), records, seconds, attacks, unexpected: judgement.unexpected }
      around.out(`${JSON.stringify(result, null, 2)}\n`)
    } else say(`\n${counted(records, 'records')} of ${DAYS} days in ${seconds} s.\n\n${judgementText(judgement)}`)
    if (!once) {
      say(live(pipeline))
      await pipeline.stopped
    }
    return passed(judgement) ? 0 : 1
  } finally {
    await world?.stop()
    await receiver.stop()
  }
}

/** The demo reads no configuration, so a port that is in use is mended otherwise. */
function withoutConfig(error: unknown): unknown {
  if (!(error instanceof PipelineError) || error.code !== 'port_in_use') return error
  const message = error.message.replace(
    /; stop the other program or set .*$/,
    '; stop the other program, or add --once',
  )
  return new PipelineError('port_in_use', `${message}, which takes free ports`, { cause: error })
}

const OPENED = `SELECT id, detector, kinds, severity, summary, source_identity AS sourceIdentity,
  source_workload AS sourceWorkload, destination_service AS destinationService, verdict, findings
  FROM eastwatch.incidents FINAL ORDER BY opened_at`

function introduction(story: Story): string {
  const attacks = story.attacks
    ? `Then ${ATTACKS.length} attacks are planted: each must open an incident of its own, and nothing else may.`
    : 'Nobody attacks it, so nothing may open.'
  return [
    `A shop of ${Object.keys(SERVICES).length} services lives through ${story.days} days, told in about a minute.`,
    'Both proxies of each call report it over OTLP, to the same pipeline that eastwatch up runs.',
    attacks,
    '',
  ].join('\n')
}

/** What may be tried while the demo goes on. */
function live({ ports, consoleUrl }: Pipeline): string {
  return [
    '',
    `Life in the shop goes on. Look at it: ${consoleUrl}`,
    '',
    'Or ask:',
    '',
    `  curl -u eastwatch_reader:eastwatch http://127.0.0.1:${ports.clickhouse}/ -d "SELECT severity, summary FROM incidents FINAL FORMAT Vertical"`,
    `  curl http://127.0.0.1:${ports.health}/readyz`,
    '',
    `It takes access logs too: OTLP gRPC at 127.0.0.1:${ports.grpc}, OTLP HTTP at http://127.0.0.1:${ports.http}.`,
    'Ctrl-C ends the demo and removes all it has stored.',
    '',
  ].join('\n')
}

function progressLine(atUs: number, story: Story, records: number, beganMs: number): string {
  if (atUs > storyUs(story)) return `all ${DAYS} days are told; what came last is being judged`
  const rate = Math.round(records / Math.max(0.001, (Date.now() - beganMs) / 1000))
  const [at, of] = [atUs, storyUs(story)].map((us) => (us / DAY).toFixed(1))
  return `day ${at} of ${of}, ${counted(records, 'records')}, ${whole.format(rate)} a second`
}

const whole = new Intl.NumberFormat('en')
