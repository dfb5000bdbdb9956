// The peer of peer.mjs, with sessions over HTTP/2 in its servers: what deploy/ gives to users is what is tested.
import { createServer } from '../../../deploy/pooling-node.mjs'

globalThis.createServer = createServer
await import('./peer.mjs')
