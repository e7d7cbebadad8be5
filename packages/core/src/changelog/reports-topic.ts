/**
 * The topic through which previous owners and human operators report to a task's owner what became of a call:
 * `cleanup.policy=delete` with unlimited retention, and one partition for each task.
 */
export const reportsTopic = (application: string): string => `${application}.calls.reports`
