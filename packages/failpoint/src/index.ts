import type { Failpoint } from './names.js'

/**
 * Marks a place where a process can be ended on purpose. Does nothing, and builds leave calls of it out. Programs that
 * are bundled under the condition `joinery:failpoints` get the one of `armed.ts`, which kills.
 */
export function failpoint(_name: Failpoint, _api?: number): void {}
