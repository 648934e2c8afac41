/** What commands that speak with the console's API have in common in their help. */

/** The environment variable with the token. */
export const TOKEN = 'EASTWATCH_TOKEN'

export const API_HELP = [
  ['--url URL', 'where the console is; by default what the configuration says'],
  [TOKEN, 'the environment variable with your token, where the console asks for one'],
  ['--json', 'the answer for programs'],
] as const
