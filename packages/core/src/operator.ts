export { openOperator } from './operator/open-operator.js'
export type { ChangelogOf, Operator, Step, StepOutcome } from './operator/operator.js'
export type { OperatorOptions, TopicLimits } from './operator/operator-options.js'
