export * from './log/contract.js'
export { murmur2, partitionFor } from './log/murmur2.js'
