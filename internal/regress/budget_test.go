//go:build linux

package regress

// budget is what the sessions of a way may cost.
type budget struct {
	name string
	way
	opening cost // for each session, with the heap that it holds while it idles
	talk
	ending cost // for each session, with the heap that stays: room in tables, which the next ones use
}

// talk is what a message there and back may cost.
type talk struct {
	message cost // when it is alone
	batch   cost // among those of a hundred clients that speak at once
	burst   cost // among many of one client that come in one read
}

// none leaves room for what the runtime allocates for itself, far below one for each message.
const none = 0.1

// A tunnel's message is read and sent twice. A pool's shares the backend's side with the others of its batch. Neither TLS
// nor checks add a call.
var (
	tunnelled = talk{
		message: cost{allocs: none, reads: 2.02, sends: 2.02},
		batch:   cost{allocs: none, reads: 2.02, sends: 2.02},
		burst:   cost{allocs: none, reads: 0.1, sends: 0.1},
	}
	pooled = talk{
		message: cost{allocs: none, reads: 2.02, sends: 2.02}, // at times a window is credited
		batch:   cost{allocs: none, reads: 1.05, sends: 1.05},
		burst:   cost{allocs: none, reads: 0.1, sends: 0.1},
	}
)

// checked are all checks that look at messages; they object to nothing here.
var checked = []string{"--validate-utf8", "--max-message-size=1MiB", "--max-frame-size=1MiB",
	"--message-rate=1000000/s", "--message-rate-ip=1000000/s", "--message-rate-route=1000000/s", "--byte-rate=1GiB/s"}

var budgets = []budget{
	{"tunnel", way{},
		cost{allocs: 5.9, reads: 2.1, sends: 2.1, heap: 510}, tunnelled,
		cost{allocs: 2.9, reads: 4.1, sends: 2.1, heap: 100}},
	{"pool", way{pool: true},
		cost{allocs: 4.9, reads: 2.1, sends: 2.1, heap: 470}, pooled,
		cost{allocs: 2.9, reads: 3.1, sends: 3.1, heap: 100}},
	{"checked tunnel", way{flags: checked},
		cost{allocs: 6.9, reads: 2.1, sends: 2.1, heap: 540}, tunnelled,
		cost{allocs: 2.9, reads: 4.1, sends: 2.1, heap: 100}},
	{"checked pool", way{pool: true, flags: checked},
		cost{allocs: 5.9, reads: 2.1, sends: 2.1, heap: 500}, pooled,
		cost{allocs: 2.9, reads: 3.1, sends: 3.1, heap: 100}},
	{"TLS tunnel", way{tls: true},
		cost{allocs: 450, reads: 4.5, sends: 3.1, heap: 3800}, tunnelled,
		cost{allocs: 2.9, reads: 4.5, sends: 3.1, heap: 100}},
	{"TLS pool", way{pool: true, tls: true},
		cost{allocs: 450, reads: 4.5, sends: 3.1, heap: 3800}, pooled,
		cost{allocs: 2.9, reads: 3.5, sends: 4.1, heap: 100}},
}

// pings are few and far between. Those that fall due together share the alarm that wakes the loop, and its cost. Some of a
// round more or less can fall into what is measured.
var pings = cost{allocs: 0.3, reads: 1.2, sends: 1.15}
