package web

import "weir/codec/http1"

// A request in flight is counted, whatever it came over, and takes its turn to be made ready for an endpoint, fairly by
// address: a burst of them would else take the processors from the event loops, and let others wait for all of it.

// enter counts the request, unless there are too many.
func (x *exchange) enter() (why *http1.Refusal) {
	if enter := x.server.options.Enter; enter != nil {
		x.left, why = enter(x.from.Addr)
	}
	return why
}

func (x *exchange) leave() {
	if x.left != nil {
		x.left()
	}
}

// begin waits for the request's turn. It is false if the client has gone.
func (x *exchange) begin() bool {
	turns := x.server.options.Starts
	if turns == nil {
		return true
	}
	x.starts = turns.Wait(x.request.Context(), x.from.Addr)
	return x.starts
}

// begun gives the turn back, once.
func (x *exchange) begun() {
	if x.starts {
		x.starts = false
		x.server.options.Starts.Done()
	}
}
