export { changelogOwner } from './log/changelog-format.js'
export * from './log/contract.js'
export { murmur2, partitionFor } from './log/murmur2.js'
export { assignSticky, type Holder } from './log/sticky-assignment.js'
