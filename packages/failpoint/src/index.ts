import type { Failpoint } from './names.js'

/**
 * Marks a place where a test can end the process. It does nothing, and builds remove its calls. Programs that are bundled with
 * the condition `joinery:failpoints` use the function of `armed.ts` instead, which kills the process.
 */
export function failpoint(_name: Failpoint, _api?: number): void {}
