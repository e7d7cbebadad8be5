import { JoineryError } from '../errors.js'

/**
 * The error of one record. If it halts the application, the record has had no effect. The records before it have been processed, and
 * are committed first.
 */
export class RecordError extends JoineryError {}
