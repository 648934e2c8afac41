/** Names that the read-only user may use: short lists, so that what a new engine adds is refused until somebody has judged it. */

/** Table functions that compute from their arguments alone, in lower case. (`format` is an ordinary function, too.) */
export const TABLE_FUNCTIONS: ReadonlySet<string> = new Set([
  'format',
  'generate_series',
  'generateseries',
  'numbers',
  'numbers_mt',
  'primes',
  'values',
  'view',
])

/** Tables of `system` that describe tables, types and functions. The others tell of the process, its files and others' queries. */
export const SYSTEM_TABLES: ReadonlySet<string> = new Set([
  'columns',
  'data_skipping_indices',
  'data_type_families',
  'databases',
  'formats',
  'functions',
  'keywords',
  'numbers',
  'numbers_mt',
  'one',
  'parts',
  'parts_columns',
  'projections',
  'settings',
  'table_engines',
  'table_functions',
  'tables',
  'time_zones',
  'zeros',
  'zeros_mt',
])

/** What may follow SHOW. */
export const SHOWN: ReadonlySet<string> = new Set([
  'COLUMNS',
  'CREATE',
  'DATABASES',
  'EXTENDED',
  'FIELDS',
  'FULL',
  'FUNCTIONS',
  'INDEX',
  'INDEXES',
  'INDICES',
  'KEYS',
  'SETTINGS',
  'TABLES',
])

/** What may follow SHOW CREATE. */
export const SHOWN_CREATE: ReadonlySet<string> = new Set(['DATABASE', 'TABLE', 'VIEW'])

/** Ordinary functions that reach files, models, the network, Keeper or the process, or only hold a place in the queue. */
export const REFUSED_FUNCTIONS =
  /^(file|ai[a-z]+|catboostevaluate|evalmlmethod|naivebayes\w+|dictget\w*|dicthas|dictisin|region\w+|sleep|sleepeachrow|addressto\w+|demangle|showcertificate|getserversetting|getserverport|getclienthttpheader|getmacro|hascolumnintable|joinget\w*|generateserialid|zookeeper\w*|logtrace|fuzzquery|filesystem\w*)$/
