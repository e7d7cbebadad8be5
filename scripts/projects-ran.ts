import type { Reporter, TestModule, Vitest } from 'vitest/node'

/** A project that found no file looks like one that passed: it fails the run instead. */
export default class ProjectsRan implements Reporter {
  #vitest: Vitest | undefined

  onInit(vitest: Vitest): void {
    this.#vitest = vitest
  }

  onTestRunEnd(modules: readonly TestModule[]): void {
    const ran = new Set(modules.map(({ project }) => project.name))
    for (const { name } of this.#vitest?.projects ?? []) {
      if (ran.has(name)) continue
      console.error(`No test of project ${name} was run.`)
      process.exitCode = 1
    }
  }
}
