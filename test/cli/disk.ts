import { execFileSync } from 'node:child_process'

/** Mounts a memory file system with these options, or prints why none can be and gives undefined. */
export function mountDisk(folder: string, options: string): { unmount(): void } | undefined {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', folder], { stdio: 'pipe' })
    return { unmount: () => execFileSync('umount', ['-l', folder]) }
  } catch (error) {
    console.log(`skipped: no file system can be mounted here: ${(error as Error).message.trim()}`)
    return undefined
  }
}
