/**
 * The topic through which former owners and people tell a task's owner what became of a call: `delete`, kept for ever,
 * one partition for each task.
 */
export const reportsTopic = (application: string): string => `${application}.calls.reports`
