/** All commands there are. A new one is a file in commands/, its test, and a line here. */
import type { Command } from './command.ts'
import { configCommand } from './commands/config.ts'
import { demoCommand } from './commands/demo.ts'
import { doctorCommand } from './commands/doctor.ts'
import { queryCommand } from './commands/query.ts'
import { upCommand } from './commands/up.ts'

export const COMMANDS: readonly Command[] = [upCommand, demoCommand, queryCommand, doctorCommand, configCommand]
