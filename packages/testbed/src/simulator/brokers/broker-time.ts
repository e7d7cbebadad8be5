import type { EventLoop } from '../event-loop.js'

/** 2026-01-01, when simulated wall clocks start. */
export const EPOCH = 1_767_225_600_000

/** The wall clock of the brokers. */
export const brokerTime = (eventLoop: EventLoop): number => Math.floor(EPOCH + eventLoop.now)
