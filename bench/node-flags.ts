/** What `npm start` gives to node (docs/decisions/006-collector-thread.md). */
export const NODE_FLAGS = ['--no-incremental-marking']
