import { expect, it } from 'vitest'
import { machineSeconds, processSeconds, secondsOfProcesses } from '../src/processor-time.js'

it("a process's time is that of its user and system code, for any name", () => {
  // fields 14 and 15 of proc_pid_stat(5), in ticks of 10 ms
  const stat = '4711 (a ) b (c) S 1 4711 4711 0 -1 4194304 5 6 7 8 1234 566 9 9 20 0 11 0 100 200 300'
  expect(processSeconds(stat)).toBeCloseTo(18)
})

it("a machine's time is that of all its cores, without idle time, time of waiting for disks, and guests' time", () => {
  // proc_stat(5): user nice system idle iowait irq softirq steal guest guest_nice
  const stat = 'cpu  100 10 50 9000 800 1 2 30 70 5\ncpu0 50 5 25 4500 400 1 1 15 35 2\nintr 5\n'
  expect(machineSeconds(stat)).toBeCloseTo(1.93)
})

it('the time of a running process grows, and that of several is their sum', () => {
  const before = secondsOfProcesses([process.pid])
  const end = before + 0.05
  while (secondsOfProcesses([process.pid]) < end) Math.sqrt(2)
  expect(secondsOfProcesses([process.pid, process.pid])).toBeGreaterThanOrEqual(2 * end)
})
