#!/usr/bin/env node
/** The `eastwatch` command: finds the command, runs it, sets the exit code. Nothing else. */
import { messageOf, PipelineError } from '../core/errors.ts'
import { type Command, type ExitCode, type Surroundings, UsageError } from './command.ts'
import { COMMANDS } from './commands.ts'
import { VERSION } from './version.ts'

function help(): string {
  const width = Math.max(...COMMANDS.map((command) => command.name.length))
  return [
    'eastwatch watches east-west traffic and tells you of the calls that should not have happened.',
    '',
    'Usage: eastwatch <command> [options]',
    '',
    ...COMMANDS.map((command) => `  ${command.name.padEnd(width)}  ${command.summary}`),
    '',
    'eastwatch <command> --help shows the options of a command.',
    '',
  ].join('\n')
}

function helpOf({ name, usage, summary, options }: Command): string {
  const width = Math.max(...options.map(([option]) => option.length))
  const lines = options.map(([option, meaning]) => `  ${option.padEnd(width)}  ${meaning}\n`)
  return `Usage: eastwatch ${name} ${usage}\n\n${summary}\n\n${lines.join('')}`
}

async function run(args: string[], around: Surroundings): Promise<ExitCode> {
  const [name, ...rest] = args
  if (name === undefined || name === 'help' || name === '--help' || name === '-h') {
    around.out(help())
    return name === undefined ? 2 : 0
  }
  if (name === '--version') {
    around.out(`${VERSION}\n`)
    return 0
  }
  const command = COMMANDS.find((candidate) => candidate.name === name)
  if (command === undefined) {
    around.err(`eastwatch: there is no command ${JSON.stringify(name)}\n\n${help()}`)
    return 2
  }
  if (rest.includes('--help') || rest.includes('-h')) {
    around.out(helpOf(command))
    return 0
  }
  return execute(command, rest, around)
}

async function execute(command: Command, args: string[], around: Surroundings): Promise<ExitCode> {
  try {
    const { run } = await command.load()
    return await run(args, around)
  } catch (error) {
    const wrongArguments =
      error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS')
    if (around.signal.aborted && (error === around.signal.reason || isAbort(error))) {
      around.err(`eastwatch ${command.name}: stopped before it was done\n`)
      return 1
    }
    if (error instanceof UsageError || wrongArguments) {
      // Node's advice on how to pass what looks like an option is of no use here.
      const [what] = messageOf(error).split('. To specify')
      around.err(`eastwatch ${command.name}: ${what}\nUsage: eastwatch ${command.name} ${command.usage}\n`)
      return 2
    }
    if (error instanceof PipelineError) {
      around.err(`eastwatch ${command.name}: ${error.message}\n`)
      return error.code === 'config' ? 2 : 1
    }
    throw error
  }
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError'
}

/** Sent by npm and the terminal both, one Ctrl-C comes twice. */
const ONE_KEY_MS = 1000

/** Aborts on the first SIGTERM or SIGINT; one that comes later, while it stops, ends the program at once. */
function stopSignal(): AbortSignal {
  const stop = new AbortController()
  let askedAt = 0
  const ask = () => {
    if (stop.signal.aborted && performance.now() - askedAt > ONE_KEY_MS) process.exit(1)
    if (stop.signal.aborted) return
    askedAt = performance.now()
    stop.abort()
  }
  process.on('SIGTERM', ask)
  process.on('SIGINT', ask)
  return stop.signal
}

// Whoever read the output has seen enough (`eastwatch query ... | head`).
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit(0)
})

const around: Surroundings = {
  env: process.env,
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
  signal: stopSignal(),
  onHangUp: (reload) => process.on('SIGHUP', reload),
  terminal: process.stdout.isTTY === true,
}
process.exitCode = await run(process.argv.slice(2), around)
