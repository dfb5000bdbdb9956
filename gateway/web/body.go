package web

import "weir/codec/http1"

// A body finds the end of a request's body in the bytes that pass. The zero value is over.
type body struct {
	left    uint64 // of a length
	chunked bool
	chunks  http1.Body
}

// chunks is the beginning of any body in chunks: in requests and in answers their grammar is one (RFC 9112 section 7.1).
var chunks = func() http1.Body {
	const head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	var r http1.Response
	n, _ := r.Parse([]byte(head), http1.Limits{Head: 1 << 10, Fields: 1})
	b, fault := r.Body()
	if n == 0 || fault != nil {
		panic("the head above is a good one")
	}
	return b
}()

func (b *body) begin(f http1.Framing) { *b = body{left: f.Length, chunked: f.Chunked, chunks: chunks} }

func (b *body) over() bool { return b.left == 0 && !b.chunked }

// scan tells how many bytes of p belong to the body. After an error p[:n] is good and nothing behind it.
func (b *body) scan(p []byte) (n int, err error) {
	if !b.chunked {
		n = int(min(uint64(len(p)), b.left))
		b.left -= uint64(n)
		return n, nil
	}
	n, done, fault := b.chunks.Scan(p)
	if fault != nil {
		return n, errChunks
	}
	b.chunked = !done
	return n, nil
}
