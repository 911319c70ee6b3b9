// The same with @ethereumjs/mpt: `node ethereumjs.mjs root FOLDER`. Prints what task.py prints.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createMPT, verifyMerkleProof } from '@ethereumjs/mpt'

const [name, folder, changes] = process.argv.slice(2)
const bytes = (hex) => new Uint8Array(Buffer.from(hex.slice(2), 'hex'))
// RLP of a value without leading zeros, of 32 bytes at most.
const encoded = (value) =>
  value.length === 1 && value[0] < 0x80 ? value : new Uint8Array([0x80 + value.length, ...value])
const peak = () => Number(/VmHWM:\s*(\d+)/.exec(readFileSync('/proc/self/status', 'ascii'))[1]) * 1024

function rootWork() {
  const data = new Uint8Array(readFileSync(join(folder, 'values')))
  const pairs = []
  for (let i = 0; i < data.length; i += 64) {
    let start = i + 32
    while (data[start] === 0) start++
    pairs.push([data.slice(i, i + 32), data.slice(start, i + 64)])
  }
  return async () => {
    const trie = await createMPT({ useKeyHashing: true })
    for (const [slot, value] of pairs) await trie.put(slot, encoded(value))
    return { root: Buffer.from(trie.root()).toString('hex') }
  }
}

function verifyWork() {
  const told = JSON.parse(readFileSync(join(folder, `proofs-${changes}.json`)))
  return async () => {
    let proven = 0
    for (const { root, proofs } of Object.values(told)) {
      const options = { root: bytes(root), useKeyHashing: true }
      for (const [slot, nodes] of Object.entries(proofs)) {
        if (await verifyMerkleProof(bytes(slot), nodes.map(bytes), options)) proven++
      }
    }
    return { proven }
  }
}

const work = { root: rootWork, verify: verifyWork }[name]()
const loaded = peak()
const start = performance.now()
const startCpu = process.cpuUsage()
const found = await work()
const seconds = (performance.now() - start) / 1000
const { user, system } = process.cpuUsage(startCpu)
const cpu_seconds = (user + system) / 1e6
console.log(JSON.stringify({ seconds, cpu_seconds, peak_bytes: peak(), loaded_bytes: loaded, ...found }))
