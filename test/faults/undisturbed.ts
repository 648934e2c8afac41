/** The same story in one process, and nothing happens to it. */
import { newWorld } from '../e2e/pipeline.ts'
import { Player } from '../e2e/player.ts'
import { readStored, type Stored } from '../e2e/stored.ts'
import type { Stretch } from '../e2e/traffic.ts'

export async function undisturbed(stretches: readonly Stretch[], startUs: number): Promise<Stored> {
  const world = await newWorld()
  const player = new Player(world, startUs)
  try {
    for (const stretch of stretches) await player.play(stretch)
    await player.settleAndStop()
    return await readStored(world)
  } finally {
    await player.end()
    world.remove()
  }
}
