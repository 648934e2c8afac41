import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { NEWS_MS, OthersNames } from '../../../collector/naming/others.ts'
import { gate } from '../../core/bus/drive.ts'

/** Questions as they are asked; each waits for its answer. */
function asked() {
  const questions: ReturnType<typeof gate<Error | undefined>>[] = []
  const others = new OthersNames(async () => {
    const question = gate<Error | undefined>()
    questions.push(question)
    const error = await question.opened
    if (error !== undefined) throw error
  })
  const told: string[] = []
  /** A call that comes: true where it need not wait. */
  const comes = (who: string): boolean => {
    const known = others.known()
    known?.then(
      () => told.push(who),
      ({ message }: Error) => told.push(`${who}: ${message}`),
    )
    return known === undefined
  }
  const answer = async (question: number, error?: Error) => {
    questions[question]!.open(error)
    await new Promise(setImmediate)
  }
  return { questions, told, comes, answer }
}

describe('what other collectors have learned', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }))
  afterEach(() => void vi.useRealTimers())

  it('is asked for by the first call, and by none as long as the answer is no older than news may take', async () => {
    const { questions, told, comes, answer } = asked()
    expect(comes('first')).toBe(false)
    expect(told).toEqual([])
    await answer(0)
    expect(told).toEqual(['first'])
    vi.advanceTimersByTime(NEWS_MS / 2)
    expect([comes('second'), questions.length]).toEqual([true, 1])
  })

  it('is asked for meanwhile by calls that come, who do not wait for it', async () => {
    const { questions, comes, answer } = asked()
    comes('first')
    await answer(0)
    vi.advanceTimersByTime(NEWS_MS)
    expect([comes('second'), comes('third'), questions.length]).toEqual([true, true, 2])
    await answer(1)
    vi.advanceTimersByTime(NEWS_MS)
    expect(comes('fourth')).toBe(true)
  })

  it('is waited for where the last answer is older; the answer counts from when it was asked for', async () => {
    const { questions, told, comes, answer } = asked()
    comes('first')
    vi.advanceTimersByTime(NEWS_MS)
    await answer(0)
    expect(comes('second')).toBe(true)
    vi.advanceTimersByTime(1)
    expect([comes('third'), questions.length]).toEqual([false, 2])
    await answer(1)
    expect(told).toEqual(['first', 'third'])
  })

  it('is asked for again where the answer under way was asked for too early for the call', async () => {
    const { questions, told, comes, answer } = asked()
    comes('first')
    vi.advanceTimersByTime(NEWS_MS + 1)
    comes('second')
    expect(questions.length).toBe(1)
    await answer(0)
    expect([told, questions.length]).toEqual([['first'], 2])
    await answer(1)
    expect(told).toEqual(['first', 'second'])
  })

  it('is asked for anew after a question that failed, which those are told who waited for it', async () => {
    const { told, comes, answer } = asked()
    comes('first')
    comes('second')
    await answer(0, new Error('away'))
    expect(told).toEqual(['first: away', 'second: away'])
    comes('third')
    await answer(1)
    expect(told.at(-1)).toBe('third')
  })
})
