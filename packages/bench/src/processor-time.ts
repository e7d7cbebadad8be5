import { readFileSync } from 'node:fs'

/** The unit of Linux' files in /proc. */
const TICKS_PER_SECOND = 100
const USER = 11
const SYSTEM = 12
/** The fields of a line of /proc/stat that are times without work: idle, and waiting for a disk. */
const IDLE = [3, 4]
/** Times after these are counted in the user's time already. */
const FIELDS = 8

/** @returns the processor time that a process has used, with all its threads, from its `/proc/<pid>/stat` */
export function processSeconds(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[USER]) + Number(fields[SYSTEM])) / TICKS_PER_SECOND
}

/** @returns the processor time that the machine has used, summed over its cores, from `/proc/stat` */
export function machineSeconds(stat: string): number {
  const fields = (/^cpu +(.*)$/m.exec(stat)?.[1] ?? '').split(' ').slice(0, FIELDS).map(Number)
  return fields.reduce((sum, ticks, i) => (IDLE.includes(i) ? sum : sum + ticks), 0) / TICKS_PER_SECOND
}

/** @returns the processor time that running processes have used */
export const secondsOfProcesses = (pids: readonly number[]): number =>
  pids.reduce((sum, pid) => sum + processSeconds(readFileSync(`/proc/${pid}/stat`, 'utf8')), 0)

/** @returns the processor time that the machine has used */
export const secondsOfMachine = (): number => machineSeconds(readFileSync('/proc/stat', 'utf8'))

/** @returns the largest resident memory that a running process has had, in MB */
export function peakRssMb(pid: number): number {
  const kibibytes = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return Math.round((Number(kibibytes) * 1_024) / 1e6)
}
