export * from './store/contract.js'
export { keyText } from './store/key-text.js'
