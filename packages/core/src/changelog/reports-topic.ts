/**
 * Names the topic through which previous owners and people report the outcome of a call to a task's owner:
 * `cleanup.policy=delete` with unlimited retention, and one partition for each task.
 *
 * @returns `<application>.calls.reports`
 */
export const reportsTopic = (application: string): string => `${application}.calls.reports`
