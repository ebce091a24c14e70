// core/limits.ts - every bound that protects one client from another, each with its reason.

export const limits = {
  /** Times before 2^63 - 2^40 ps are re-based by ingest, so a kernel never meets a wrapped int64. */
  rebaseBeforePs: 2n ** 63n - 2n ** 40n,
  /** Dense channel indexes are one byte; 255 marks "none". */
  channelsPerView: 254,
  /** Each definition has memory and a pass over the tags of its own. */
  virtualPerView: 64,
  /** Virtual channels made of virtual channels: each layer holds tags back in a buffer of its own. */
  virtualLayers: 8,
  /** Made by all virtual channels of a view for one tag of the tagger: a chain of multipliers would stop everybody's worker. */
  virtualTagsPerTag: 8192,
  /** A view holds tags back for delays and windows: longer than this is memory nobody has. */
  holdBackPs: 1e12,
  /** A window must fit a double exactly, because results carry differences as numbers. */
  windowPs: 2 ** 53 - 1,
  /** One `startFor`. Beyond 2^53 ps its length is a double: whole, and exact to one part in 10^16. */
  runPs: 100 * 86_400e12,
  /** 64 Mi bins of 8 bytes in two delta buffers and a total are 1.5 GiB: above this a Pi cannot hold it. */
  binsPerMeasurement: 16 * 1024 * 1024,
  /** All results of one line together, or a quarter of the box's memory if that is less; reserved, not used, up to this. */
  resultBytesPerLine: 2 ** 30,
  /** The reference system stops at 80 objects for all clients together; one session may hold this many. */
  measurementsPerSession: 1024,
  measurementsPerLine: 4096,
  /** Each is an object of its own in the daemon, however few measurements it steers. */
  groupsPerSession: 64,
  /** Parts that a measurement keeps when each change of settings begins a new one; older ones are dropped and counted. */
  partsPerMeasurement: 16,
  /** Their values together, in the memory of the results thread. */
  partBytesPerMeasurement: 256 * 1024 * 1024,
  /** StartStop has no range of its own: distinct delays kept before further ones are counted as dropped. */
  startStopEntries: 1024 * 1024,
  /** Open starts kept by a measurement whose window is longer than the ring's tail; older ones are counted as dropped. */
  openStarts: 1024 * 1024,
  /** A result up to this size travels in one message; larger ones go in chunks of at most `chunkBytes`. */
  inlineResultBytes: 64 * 1024,
  chunkBytes: 256 * 1024,
  /** Before a secret was redeemed nobody needs a longer message than this. */
  unauthenticatedMessageBytes: 4 * 1024,
  unauthenticatedMessages: 64,
  /** One client message; arguments are small, results flow the other way. */
  messageBytes: 1024 * 1024,
  messagesPerSecond: 20_000,
  /** Un-awaited calls pin exports in the daemon (measured); a session above this is closed. */
  exportsPerSession: 20_000,
  sessions: 256,
  sessionsBeforeRedeem: 64,
  grants: 10_000,
  /** Made from one grant that is not an admin's, so that one guest cannot fill the table. */
  grantsBelow: 256,
  /** Connections that hold one grant at a time, so that one guest cannot take all. */
  connectionsPerGrant: 32,
  /** Who has not redeemed a secret after this long is sent away. */
  unauthenticatedMs: 10_000,
  /** Measurements that one grant keeps beyond its connections. */
  detachedPerGrant: 64,
  /** Results of one connection that are read or under way at once; each may be as large as a measurement. */
  readsAtOnce: 4,
  /** Nesting of a client's message; arguments are flat. */
  messageDepth: 32,
  auditFileBytes: 16 * 1024 * 1024,
  labelCharacters: 80,
  /** Wrong secrets per minute and address before redeem answers `busy`. */
  redeemsPerMinute: 30,
  /** A client that does not take what is sent to it is cut off after this. */
  sendBufferBytes: 64 * 1024 * 1024,
  heartbeatMs: 5_000,
  heartbeatMissed: 2,
  subscriptionsPerSession: 256,
  fastestUpdateMs: 50,
  /** A user kernel's file; it travels in one message. */
  kernelBytes: 512 * 1024,
  /** The memory a user kernel may grow to; four of them still fit a small box. */
  kernelMemoryBytes: 64 * 2 ** 20,
  /** Doubles: results of a kernel are copied at block borders. */
  kernelResults: 8 * 1024,
  kernelsInstalled: 64,
  /** Each has a thread of its own and a place among the ring's readers. */
  kernelsRunning: 4,
  /** One call of a kernel. A block holds 16 Ki tags: whoever needs longer for one hangs, or will never keep up. */
  kernelCallMs: 2_000,
} as const;
