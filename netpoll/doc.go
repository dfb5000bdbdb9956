// Package netpoll is Weir's reactor: event loops on gnet's Poller (epoll and kqueue), sockets, listeners,
// timers. It knows descriptors and readiness, and nothing of WebSocket, HTTP or backends.
//
// # The way of the data
//
// A [Loop] is one goroutine. Each socket belongs to one loop for life and is registered once, edge-triggered. The first
// time that the kernel takes no more of what is written, the loop asks once to hear when it does again; no other system
// call is ever made to change what a socket waits for. An event is only a hint: the
// loop reads the socket into its own buffer and lends that slice to the connection's [Handler] until OnData
// returns. Whoever needs the bytes longer copies them. A short read means that the socket is drained.
//
// [Conn.Write] tries at once; what the kernel does not take is copied to a pooled buffer that exists only
// while it holds bytes, and goes out when the socket is writable again. [Conn.Queue] only collects, for
// writers that expect more in the same batch; what was queued goes out when the batch is over.
//
// A connection that must not be read is paused: the loop simply does not read it, so that TCP's window pushes
// back on the sender. There is no new edge for old data; [Conn.Resume] makes the loop read on by itself.
//
// # Turns and batches
//
// A turn is the handling of one event, a batch what the kernel reported at once. What a turn cannot do on the spot
// is put off to the end of the batch, in this order: failures are reported, the resumed read, the queued flushed,
// accepting goes on, descriptors are closed. Hence no handler is ever called from inside another handler's call,
// and a batch of a thousand readable clients flushes a shared connection once. On Linux the loop waits by itself on
// the poller's epoll instance and knows where a batch ends; on the BSDs gnet's Polling waits, and the loop makes its
// own wake descriptor ready, whose event comes behind those that the kernel had ready before.
//
// Descriptors are closed there too. An event for a number that was closed and given out again within one
// batch may still reach the new owner; as events are hints, this costs one read that answers EAGAIN.
//
// # TLS, and goroutines
//
// [Conn.StartTLS] puts crypto/tls between a socket and its handler, which sees no difference. Only the handshake runs on
// a goroutine, which computes only while it has a turn ([Handshakes]); then the loop drives the tls.Conn, through a net.Conn whose Read
// never waits. What a tls.Conn would keep as its input buffer is the loop's, lent for the time of a read, so that an
// idle connection has the state of its cipher and no more.
//
// [Conn.Detach] gives a connection to goroutines as a net.Conn whose calls wait, for protocols that are served in that
// way; [Loop.Adopt] takes it back. The socket stays with its loop all the time. Bytes are copied between the two, at
// most 256 KiB each way, and then the faster side waits.
//
// # File tables
//
// With Options.OwnFiles a loop has a thread, and this thread a file table, for itself, so that the limit of open files
// holds for each loop (Linux). A descriptor is then a number of one loop alone: only the loop opens, uses and closes it,
// which is so anyway, and it opens none for others. What wakes the loop is opened before the tables part; goroutines
// know it by its number in the table of the process, and loops, which have other tables, wake each other by way of a
// goroutine. What else the new table was copied with is closed there, but standard input, output and error and the
// poller of Go's runtime. The thread ends with the loop, and the table with the thread.
//
// # Who owns what
//
// Everything of a loop and its connections belongs to the loop's goroutine. Any goroutine may call
// [Loop.Post], and any but a loop's may call [Loop.Do] and [Loop.Stop]; nothing else. Build with -tags debug to have
// this checked, and to have lent slices overwritten after their life.
package netpoll
