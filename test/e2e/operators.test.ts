/** Incidents of the demo's attacks in the hands of people: by the commands, through the API, the log and back out of the store. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { MINUTE, SECOND } from '../../core/clock.ts'
import { eastwatch, folderWith, until } from '../cli/command.ts'
import { newWorld, noPipeline, type World } from './pipeline.ts'
import { Player } from './player.ts'
import { originUs, storyRecords, stretches } from './traffic.ts'

const MINUTES = 33

interface Listed {
  id: string
  state: string
  severity: string
  detector: string
  kinds: string[]
  destinationService: string
}

/** Time stands still while people act: what they do shows all the same. */
describe.skipIf(noPipeline() !== undefined)('people and incidents', { timeout: 120_000 }, () => {
  let world: World
  let player: Player
  let now: number
  let folder: string

  /** Time goes on without telemetry, as ticks tell. */
  const pass = async (seconds: number) => {
    for (let i = 0; i < seconds; i += 30) {
      now += 30 * SECOND
      await player.play({ untilUs: now, bodies: [] })
    }
  }
  const run = async (...args: string[]) => {
    const ended = await eastwatch(folder, args)
    expect(ended).toMatchObject({ err: '', code: 0 })
    return ended.out
  }
  const list = async (state = 'open,acknowledged,silenced,resolved'): Promise<Listed[]> =>
    JSON.parse(await run('incidents', '--state', state, '--json')).incidents
  const stateOf = async (id: string) => (await list()).find((one) => one.id === id)?.state
  beforeAll(async () => {
    world = await newWorld()
    folder = folderWith(world.config)
    const origin = originUs()
    player = new Player(world, origin)
    const told = stretches(storyRecords(MINUTES, origin), {
      origin,
      minutes: MINUTES,
      stretchSeconds: 60,
      recordsPerBody: 400,
    })
    now = Math.ceil((origin + (MINUTES + 1) * MINUTE) / SECOND) * SECOND
    for (const stretch of told) await player.play(stretch)
    await pass(60)
    await until(async () => (await list()).length > 4, 60_000)
  }, 120_000)
  afterAll(async () => {
    await player?.end()
    world?.remove()
  })

  it('list and show them, for people and for programs', async () => {
    const [first] = await list()
    const text = await run('incidents', '--state', 'open,resolved')
    expect(text).toMatch(/^ID +SEVERITY +STATE +CHANGED +SUMMARY\n/)
    expect(text).toContain(first!.id)
    const shown = await run('incidents', 'show', first!.id)
    for (const text of ['state      ', 'found by   ', 'ask        SELECT']) expect(shown).toContain(text)
  })

  it('acknowledge one, and it says by whom', async () => {
    const [one] = await list('open')
    expect(await run('incidents', 'acknowledge', one!.id, '--reason', 'looking at it')).toBe(
      `${one!.id} is acknowledged\n`,
    )
    expect(await stateOf(one!.id)).toBe('acknowledged')
    const shown = await run('incidents', 'show', one!.id)
    expect(shown).toContain('acknowledged by local')
    expect(shown).toContain('local  acknowledge: done. looking at it')
  })

  it('silence one, and end the silence', async () => {
    const one = (await list('open')).find(({ detector }) => detector === 'new_path')!
    const said = await run(
      'silences',
      'add',
      `destination="${one.destinationService}"`,
      'detector=new_path',
      '--for',
      '2h',
      '--reason',
      'planned',
    )
    const [, id] = /silence (\w+)/.exec(said)!
    expect(await stateOf(one.id)).toBe('silenced')
    expect(await run('silences')).toContain('detector=new_path')
    await run('silences', 'end', id!)
    expect(await stateOf(one.id)).toBe('open')
    expect(await run('silences')).toBe('no silences\n')
  })

  it('accept one as normal, and resolve one', async () => {
    const [accepted, resolved] = await list('open')
    await run('incidents', 'accept', accepted!.id, '--reason', 'a new deployment', '--days', '7')
    await run('incidents', 'resolve', resolved!.id, '--reason', 'mended')
    expect([await stateOf(accepted!.id), await stateOf(resolved!.id)]).toEqual(['resolved', 'resolved'])
    const again = await eastwatch(folder, ['incidents', 'resolve', resolved!.id, '--reason', 'mended'])
    expect(again).toMatchObject({ code: 1, err: expect.stringContaining('too late: the incident is resolved') })
  })

  it('see where one would go', async () => {
    const [one] = await list()
    expect(await run('alerts', 'test-route', '--incident', one!.id)).toContain('nobody is told')
  })
})

describe('the commands of people', () => {
  const HOOK = {
    type: 'webhook',
    url: 'https://hooks.example.com/',
    secret: `whsec_${Buffer.alloc(32).toString('base64')}`,
  }
  const folder = folderWith({
    console: { address: '127.0.0.1:1' },
    alerts: {
      receivers: [
        { ...HOOK, name: 'pager', minSeverity: 'critical' },
        { ...HOOK, name: 'shop' },
      ],
      route: {
        receivers: ['shop'],
        routes: [{ match: ['destination_namespace="shop"'], receivers: ['pager', 'shop'] }],
      },
    },
  })

  it('a token is shown once, with what belongs into the configuration', async () => {
    const { out } = await eastwatch(folder, ['token', '--name', 'ada', '--role', 'operator', '--namespace', 'shop'])
    const token = /ewt_[A-Za-z0-9_-]{43}/.exec(out)![0]
    const yaml = out.slice(out.indexOf('console:'))
    expect(parse(yaml).console.tokens).toMatchObject([{ name: 'ada', role: 'operator', namespaces: ['shop'] }])
    expect(yaml).not.toContain(token)
    const other = folderWith(yaml)
    expect((await eastwatch(other, ['config', 'check'])).code).toBe(0)
  })

  it('test-route shows who is told by which route, and who is not and why', async () => {
    const { out, code } = await eastwatch(folder, [
      'alerts',
      'test-route',
      'destination=payment.shop',
      'severity=high',
      'cause=c',
    ])
    expect(code).toBe(0)
    expect(out.split('\n')).toEqual([
      'RECEIVER  BY                      GROUP    TOLD NOW',
      'pager     alerts.route.routes[0]  cause=c  no: pager is told from critical on',
      'shop      alerts.route.routes[0]  cause=c  yes',
      '',
    ])
    const { out: json } = await eastwatch(folder, ['alerts', 'test-route', 'destination=ledger.bank', '--json'])
    expect(JSON.parse(json)).toMatchObject([{ receiver: 'shop', route: 'alerts.route', held: '' }])
  })

  it.each<[string, string[], RegExp, number]>([
    [
      'a console that is not there',
      ['incidents'],
      /no console answers at http:\/\/127.0.0.1:1 .*does eastwatch up run\?/,
      1,
    ],
    ['an action without a reason', ['incidents', 'resolve', 'x'], /--reason is needed/, 2],
    ['an action that is none', ['incidents', 'close', 'x'], /say list, or show/, 2],
    [
      'a silence without end',
      ['silences', 'add', 'severity=info', '--reason', 'work'],
      /--for and --reason are needed/,
      2,
    ],
    [
      'a time that is none',
      ['silences', 'add', 'severity=info', '--for', 'long', '--reason', 'work'],
      /write it as 30m/,
      2,
    ],
    ['a token of nobody', ['token'], /--name is needed/, 2],
    ['a role that is none', ['token', '--name', 'a', '--role', 'king'], /role/, 2],
    ['a label that is none', ['alerts', 'test-route', 'colour=red'], /write a label of/, 2],
    ['no label', ['alerts', 'test-route'], /give labels/, 2],
  ])('%s is told', async (_, args, why, expected) => {
    const { code, err } = await eastwatch(folder, args)
    expect(err).toMatch(why)
    expect(code).toBe(expected)
  })
})
