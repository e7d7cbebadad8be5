import { JoineryError } from '../errors.js'

/**
 * The error of one record. If it halts the application, the record has had no effect, and those before it have: their effects are
 * committed first.
 */
export class RecordError extends JoineryError {}
