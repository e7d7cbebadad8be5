export { keyText } from './serde/key-text.js'
export * from './store/contract.js'
