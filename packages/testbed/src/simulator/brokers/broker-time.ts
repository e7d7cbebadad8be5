import type { World } from '../world.js'

/** 2026-01-01: where simulated wall clocks begin. */
export const EPOCH = 1_767_225_600_000

/** The brokers' own wall clock. */
export const brokerTime = (world: World): number => Math.floor(EPOCH + world.now)
