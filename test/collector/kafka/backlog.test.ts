import { describe, expect, it } from 'vitest'
import { Backlog } from '../../../collector/kafka/backlog.ts'
import { MINUTE, SECOND } from '../../../core/clock.ts'

const START = 1_795_296_000 * SECOND

function setUp() {
  const clock = { time: START, now: () => clock.time }
  const backlog = new Backlog(clock)
  const add = (held: number | undefined) => {
    const input: { held: number | undefined } = { held }
    backlog.add(input)
    return input
  }
  return { clock, backlog, add }
}

describe('a backlog', () => {
  it('holds time at the oldest that any input has to read', () => {
    const { backlog, add } = setUp()
    expect(backlog.reached).toBe(START)
    add(undefined)
    const one = add(START - 3 * MINUTE)
    add(START - MINUTE)
    expect(backlog.reached).toBe(START - 3 * MINUTE)
    expect(backlog.behind).toBe(3 * MINUTE)
    one.held = undefined
    expect(backlog.reached).toBe(START - MINUTE)
    expect(backlog.behind).toBe(MINUTE)
  })

  it('holds time where an input does not know yet what it has to read', () => {
    const { backlog, add } = setUp()
    const input = add(0)
    expect(backlog.reached).toBe(0)
    expect(backlog.behind).toBe(0)
    backlog.delete(input)
    expect(backlog.reached).toBe(START)
  })

  it('lets time go on after ten minutes, though the input goes on bringing what is old', () => {
    const { clock, backlog, add } = setUp()
    const slow = add(START - 60 * MINUTE)
    for (let passed = 0; passed <= 10 * MINUTE; passed += SECOND) {
      clock.time = START + passed
      slow.held! += 1
      expect(backlog.reached).toBe(slow.held)
    }
    clock.time += 1
    expect(backlog.reached).toBe(clock.time)
  })

  it('gives an input its ten minutes again once it has caught up', () => {
    const { clock, backlog, add } = setUp()
    const input = add(START - MINUTE)
    clock.time += 10 * MINUTE + 1
    expect(backlog.reached).toBe(clock.time)
    input.held = clock.time - 5 * SECOND
    expect(backlog.reached).toBe(input.held)
    clock.time += 10 * MINUTE
    expect(backlog.reached).toBe(input.held)
    clock.time += 1
    expect(backlog.reached).toBe(clock.time)
  })
})
