package h2

// Window is a flow-control window of a stream or a connection, in either direction: the bytes of DATA that may still
// be sent (RFC 9113 section 5.2). A smaller INITIAL_WINDOW_SIZE can take it below zero.
type Window struct{ n int32 }

// NewWindow opens a window of size bytes: the receiver's INITIAL_WINDOW_SIZE for a stream, [InitialWindow] for a
// connection.
func NewWindow(size uint32) Window { return Window{int32(min(size, maxWindow))} }

// InitialWindow is a connection's window before any WINDOW_UPDATE, in bytes. No setting changes it.
const InitialWindow = 65535

// Available is how many bytes may be sent now, never below 0.
func (w Window) Available() int { return max(0, int(w.n)) }

// Take uses up n bytes: what is sent, or what has come, its padding included. An error means that the window was not
// that wide; it is left as it was.
func (w *Window) Take(n int) *Error {
	if n > w.Available() {
		return windowExceeded
	}
	w.n -= int32(n)
	return nil
}

// Credit widens the window by the increment of a WINDOW_UPDATE.
func (w *Window) Credit(n uint32) *Error { return w.shift(int64(n)) }

// Resize follows a change of the INITIAL_WINDOW_SIZE that the stream was opened under (RFC 9113 section 6.9.2). An
// error here ends the connection.
func (w *Window) Resize(old, initial uint32) *Error { return w.shift(int64(initial) - int64(old)) }

func (w *Window) shift(by int64) *Error {
	n := int64(w.n) + by
	if n > maxWindow {
		return windowOverflow
	}
	// Neither side's sizes are over 2^31-1 and Take stops at 0, so this never goes below -(2^31-1).
	w.n = int32(n)
	return nil
}
