#!/usr/bin/env node
// The command `joinery`. Exit codes: see --help.
import { runCommand } from './run-command.js'

// a program such as `head` closes the pipe once it has read enough: the command ends then, which is not an error
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit()
})

runCommand(process.argv.slice(2), {
  env: process.env,
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
}).then((code) => {
  process.exitCode = code
})
