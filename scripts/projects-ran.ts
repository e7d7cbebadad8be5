import type { Reporter, TestModule, Vitest } from 'vitest/node'

/** Fails the run if a project has run no test. Otherwise it would look like one that passed. */
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
